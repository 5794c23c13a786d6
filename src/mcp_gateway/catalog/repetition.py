"""What makes two writes the same one, and which object a write changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from mcp_gateway.catalog.description import SubjectDescription
from mcp_gateway.catalog.procedure import VERIFY
from mcp_gateway.models.upstream import WriteIntent

ALLOW_DUPLICATE = "allow_duplicate"
_NOT_OF_THE_WRITE = frozenset({ALLOW_DUPLICATE, VERIFY})
"""Options that change nothing of what is written."""


@dataclass(frozen=True, slots=True)
class Repetition:
    """Of one tool."""

    tool: str
    defaults: Mapping[str, Any]
    """Argument → value where it is left out."""
    is_idempotent: bool
    idempotent_without: str | None = None
    """Argument without which it is idempotent after all."""
    subject: SubjectDescription | None = None

    def intent(self, arguments: Mapping[str, Any]) -> WriteIntent | None:
        """Of a write with these arguments, numbers already looked up; None where nobody needs to remember it."""
        subject = self._subject(arguments)
        fingerprint = None if self._is_harmless(arguments) else self._fingerprint(arguments)
        if subject is None and fingerprint is None:
            return None
        return WriteIntent(fingerprint, subject, allow_duplicate=arguments.get(ALLOW_DUPLICATE) is True)

    def _is_harmless(self, arguments: Mapping[str, Any]) -> bool:
        return self.is_idempotent or (self.idempotent_without is not None and self.idempotent_without not in arguments)

    def _subject(self, arguments: Mapping[str, Any]) -> str | None:
        if self.subject is None or self.subject.argument not in arguments:
            return None
        return f"{self.subject.kind}\n{arguments[self.subject.argument]}"

    def _fingerprint(self, arguments: Mapping[str, Any]) -> bytes:
        """The same for an argument left out and for its default, and whatever the order of the members."""
        meant = {**self.defaults, **arguments}
        canonical = {name: value for name, value in meant.items() if name not in _NOT_OF_THE_WRITE}
        return sha256(orjson.dumps([self.tool, canonical], option=orjson.OPT_SORT_KEYS)).digest()

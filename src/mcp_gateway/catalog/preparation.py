"""Records as they are shown: settled spellings, oldest first, and readable text beside HTML.

The body was parsed for this call, so all of it may be written to. What the work on one answer may cost is bounded by
its allowance: the texts of megabytes of HTML would hold up every other call of the process.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mcp_gateway.catalog.description import AliasDescription, ResponseDescription, TextDescription
from mcp_gateway.catalog.readable import MAX_TAGS, looks_like_html, readable
from mcp_gateway.catalog.selection import Selection

_LEAST_CHARACTERS = 2
"""Of any value in a list, its comma included."""


@dataclass(slots=True)
class Allowance:
    """What is left of the work that one answer is worth."""

    characters: int
    """Of text: more than the answer may have cannot be shown."""
    tags: int = MAX_TAGS

    @property
    def is_spent(self) -> bool:
        """Whether what comes next belongs to another answer."""
        return self.characters <= 0 or self.tags <= 0


class _ListPlan(NamedTuple):
    """What there is to do with the elements of one list of a record."""

    name: str
    aliases: tuple[AliasDescription, ...]
    texts: tuple[TextDescription, ...]


@dataclass(frozen=True, slots=True)
class Preparation:
    """What a tool's document says of the lists inside its records."""

    inner: str | None
    """The list that is shown in parts."""
    time: str | None
    """Member of its elements that tells their order."""
    lists: tuple[_ListPlan, ...]
    """The inner one first."""

    @classmethod
    def of(cls, response: ResponseDescription, inner: str | None) -> "Preparation":
        """That of a response; `inner` is relative to the record."""
        aliased, with_texts = [one.records for one in response.aliases], [one.records for one in response.texts]
        names = dict.fromkeys([*([inner] if inner else []), *aliased, *with_texts])
        lists = (
            _ListPlan(
                name,
                tuple(alias for alias in response.aliases if alias.records == name),
                tuple(text for text in response.texts if text.records == name),
            )
            for name in names
        )
        return cls(inner, response.inner_time, tuple(lists))

    def put_in_order(self, record: Any) -> None:
        """Turn an inner list around that came newest first."""
        elements = record.get(self.inner) if isinstance(record, dict) and self.inner is not None else None
        if isinstance(elements, list) and len(elements) > 1 and self._is_before(elements[-1], elements[0]):
            elements.reverse()

    def prepare(
        self, record: dict[str, Any], end: int | None, selection: Selection, allowance: Allowance, under: Sequence[str]
    ) -> int:
        """Get the elements of all lists ready to be shown, the inner one's before `end` only, the newest first.

        The position of the first inner element that is ready: what stands before it is for another answer. `under` is
        where the names of the selection have the record.
        """
        first = 0
        is_choosing = selection.is_choosing
        for name, aliases, texts in self.lists:
            elements = record.get(name)
            if not isinstance(elements, list):
                continue
            wanted: Sequence[TextDescription] = texts
            if is_choosing:
                if not selection.wants(*under, name):
                    continue
                wanted = [text for text in texts if selection.wants(*under, name, text.plain)]
            to = len(elements) if end is None or name != self.inner else end
            ready = _prepare_list(elements, to, aliases, wanted, allowance, is_choosing=is_choosing)
            first = ready if name == self.inner else first
        return first

    def _is_before(self, one: Any, other: Any) -> bool:
        """Whether both tell their time, and the first of them an earlier one."""
        if self.time is None or not isinstance(one, dict) or not isinstance(other, dict):
            return False
        time, later = one.get(self.time), other.get(self.time)
        if isinstance(time, str):
            return isinstance(later, str) and time < later
        return isinstance(time, int | float) and isinstance(later, int | float) and time < later


def _prepare_list(
    elements: list[Any],
    end: int,
    aliases: Sequence[AliasDescription],
    texts: Sequence[TextDescription],
    allowance: Allowance,
    *,
    is_choosing: bool,
) -> int:
    """The position of the first element that is ready, those before `end` being looked at from the last one on."""
    for place in range(end - 1, -1, -1):
        element = elements[place]
        is_first = place == end - 1
        if not is_first and allowance.is_spent:
            return place + 1
        allowance.characters -= _LEAST_CHARACTERS
        if not isinstance(element, dict):
            continue
        for alias in aliases:
            if alias.name not in element:
                _add_alias(element, alias)
        for text in texts:
            # An element of which a part only could be read is whole where it is the first of an answer.
            if not _add_text(element, text, allowance, is_first=is_first, is_chosen=is_choosing):
                return place + 1
    return 0


def _add_alias(element: dict[str, Any], alias: AliasDescription) -> None:
    """Put the settled spelling beside upstream's."""
    for spelling in alias.spellings:
        if spelling in element:
            element[alias.name] = element[spelling]
            return


def _add_text(
    element: dict[str, Any], described: TextDescription, allowance: Allowance, *, is_first: bool, is_chosen: bool
) -> bool:
    """Put readable text beside HTML where upstream did not; False where more is left of it than of the allowance.

    Where it was chosen by name it is there for what is no HTML too: what it stands beside may not be shown.
    """
    plain = element.get(described.plain)
    if plain:
        allowance.characters -= len(plain) if isinstance(plain, str) else 0
        return True
    for name in described.html:
        html = element.get(name)
        if isinstance(html, str) and html:
            break
    else:
        return True
    if not looks_like_html(html):
        allowance.characters -= len(html)
        if is_chosen:
            element[described.plain] = html
        return True
    if allowance.tags <= 0:
        return False
    reading = readable(html, allowance.tags)
    allowance.tags -= reading.tags
    allowance.characters -= len(reading.text)
    if reading.is_whole or is_first:
        element[described.plain] = reading.text
    return reading.is_whole or is_first

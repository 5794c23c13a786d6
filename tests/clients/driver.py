"""One client's driver process: an order goes in, an answer comes out, and every wait ends."""

import asyncio
import contextlib
import json
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.clients.roster import Command

LINE_BYTES = 8 * 1024 * 1024
"""More than any answer of the simulator's shop."""
STDERR_LENGTH = 300


class NoAnswerError(Exception):
    """The client hung or its process ended; the message is a sentence."""


@dataclass(frozen=True)
class Answer:
    """What an application would have in hand."""

    failed: bool
    """An exception, or a result marked as an error."""
    text: str
    """The exception's words, or all text of the result."""
    structured: dict[str, Any] | None = None
    tools: list[str] = field(default_factory=list)


class Driver:
    """Starts its process with the first order, and anew after one that had to be killed."""

    def __init__(self, command: Command, environment: dict[str, str], stderr: Path) -> None:
        """`stderr` is a file that takes what the process says beside its answers."""
        self._command = command
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None
        self._stderr = stderr

    async def ask(self, op: str, seconds: float, **more: Any) -> Answer:
        """One order, its answer within so many seconds.

        Raises:
            NoAnswerError: none came.
        """
        process = self._process or await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"op": op, **more}).encode() + b"\n")
        try:
            async with asyncio.timeout(seconds):
                line = await process.stdout.readline()
        except TimeoutError:
            await self.end()
            raise NoAnswerError(f"`{op}` had no answer for {seconds:g} s") from None
        if not line:
            raise NoAnswerError(f"the client's process ended on `{op}`: {await self._last_words()}")
        return _answer(json.loads(line))

    async def end(self) -> None:
        """Kill the process and what it started, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        # A file, since nobody reads along and a full pipe would stop the client.
        with self._stderr.open("wb") as stderr:
            self._process = await asyncio.create_subprocess_exec(
                *self._command.arguments,
                cwd=self._command.directory,
                env=self._environment,
                limit=LINE_BYTES,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
            )
        return self._process

    async def _last_words(self) -> str:
        await self.end()
        return " ".join(self._stderr.read_text(errors="replace").split())[-STDERR_LENGTH:]


def _answer(value: dict[str, Any]) -> Answer:
    if not value["ok"]:
        return Answer(failed=True, text=value["error"])
    return Answer(
        failed=value.get("isError", False),
        text=value.get("text", ""),
        structured=value.get("structured"),
        tools=value.get("tools", []),
    )

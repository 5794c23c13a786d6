"""Structured logs: one JSON object a line, or a coloured line on a terminal; never a secret."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import orjson
import structlog

from mcp_gateway.kit.redact import redact
from mcp_gateway.kit.request_facts import request_facts
from mcp_gateway.telemetry.events import EventSink, ToolCallFinished
from mcp_gateway.telemetry.lines import configure_lines, log_line

MAX_TEXT = 7000
"""Characters of one value: a traceback of a deep recursion would fill a log by itself."""

LogFormat = Literal["auto", "json", "pretty"]
QUIET_LOGGERS = ("httpx", "httpcore", "asyncio", "uvicorn.access", "alembic")
"""Libraries that would log URLs, or what nobody asked for."""


def configure_logging(level: str, form: LogFormat, stream: TextIO | None = None) -> None:
    """Set up structlog and the standard library's logging for the process, writing to `stream` (stderr)."""
    stream = stream or sys.stderr
    pretty = form == "pretty" or (form == "auto" and stream.isatty())
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        _add_request_id,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(
            colors=stream.isatty(),
            # The default shows the local variables of every frame, and keys are among them.
            exception_formatter=structlog.dev.plain_traceback,
        )
        if pretty
        else structlog.processors.JSONRenderer(_dump)
    )
    # The traceback becomes text first, so that the mask sees it too.
    last: list[structlog.typing.Processor] = [structlog.processors.format_exc_info, mask_secrets, renderer]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    configure_lines(stream if number <= logging.INFO else None, pretty=pretty)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


def _add_request_id(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    request_id = request_facts().request_id
    if request_id is not None:
        event["request_id"] = request_id
    return event


def mask_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The net under the careful code: mask whatever looks like a token or key in any text of a line."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _cut(redact(value))
    return event


def _cut(text: str) -> str:
    """A text short enough for one line of any log store, its beginning and its end kept."""
    if len(text) <= MAX_TEXT:
        return text
    return f"{text[: MAX_TEXT // 2]} […] {text[-MAX_TEXT // 2 :]}"


def _dump(value: object, **_options: object) -> str:
    return orjson.dumps(value, default=repr).decode()


class LoggingEvents:
    """Writes events as log lines."""

    def tool_call_finished(self, event: ToolCallFinished) -> None:
        """One line per tool call."""
        fields: dict[str, object] = {
            "tenant_id": event.tenant_id,
            "server_id": event.server_id,
            "tool": event.tool,
            "status": event.status,
            "upstream_status": event.upstream_status,
            # Rounded to hundredths; `round` to digits costs several times as much.
            "upstream_ms": int(event.upstream_seconds * 100_000 + 0.5) / 100,
            "ms": int(event.seconds * 100_000 + 0.5) / 100,
        }
        if event.caller_gone:
            fields["caller_gone"] = True
        if event.trace_id:
            fields["trace_id"] = event.trace_id
        log_line("tool_call.finished", fields)


class FanOut:
    """Tells several sinks."""

    def __init__(self, *sinks: EventSink) -> None:
        self._sinks = sinks

    def tool_call_finished(self, event: ToolCallFinished) -> None:
        """Pass it on."""
        for sink in self._sinks:
            sink.tool_call_finished(event)

from typing import Any

import orjson
import pytest

from mcp_gateway.catalog.error_bodies import read_complaint
from mcp_gateway.catalog.errors import within_budget
from mcp_gateway.catalog.shrink import length_of
from mcp_gateway.catalog.tool import Integration
from mcp_gateway.exceptions import (
    UpstreamBrokenError,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamTooLargeError,
    UpstreamUnreachableError,
)
from mcp_gateway.models.limits import RateLimits
from mcp_gateway.models.outcomes import ErrorType, ToolError, ToolOutcome
from mcp_gateway.models.upstream import UpstreamResponse
from tests.catalog.conftest import ToolByName

LIST = "list_all_richpanel_conversations"
GET = "get_single_richpanel_conversation_by_id"
UPDATE = "update_a_richpanel_conversation_by_id"
TAG = "create_a_richpanel_conversation_tag"
SETTLE = "Read it with get_single_richpanel_conversation_by_id"
VALIDATION = [
    {"value": "chat", "msg": "Invalid value", "param": "ticket.status", "location": "body"},
    {"msg": "Invalid value", "param": "ticket.via.source.from", "location": "body"},
]


def answer(tool: ToolByName, name: str, status: int, body: Any = b"", **more: Any) -> ToolOutcome:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = more.pop("headers", {})
    return tool(name).shape(UpstreamResponse(status, headers, raw), {"id": "1"}, **more)


def error_of(outcome: ToolOutcome) -> ToolError:
    assert outcome.error is not None
    assert outcome.structured == {"error": outcome.error.to_dict()}
    return outcome.error


@pytest.mark.parametrize(
    ("status", "name", "kind", "advice"),
    [
        (400, GET, ErrorType.UPSTREAM_REJECTED, "Correct the arguments"),
        (400, UPDATE, ErrorType.UPSTREAM_REJECTED, "OPEN and CLOSED"),
        (409, UPDATE, ErrorType.UPSTREAM_REJECTED, "Correct the arguments"),
        (413, UPDATE, ErrorType.UPSTREAM_REJECTED, "Send less at once"),
        (422, UPDATE, ErrorType.UPSTREAM_REJECTED, "Correct the arguments"),
        (401, GET, ErrorType.UPSTREAM_AUTH, "store a working key"),
        (403, GET, ErrorType.UPSTREAM_AUTH, "grant the permission"),
        (403, LIST, ErrorType.UPSTREAM_AUTH, "may not list conversations. Fetch by id, number or customer e-mail"),
        (404, GET, ErrorType.NOT_FOUND, "No conversation has this id or number"),
        (404, LIST, ErrorType.NOT_FOUND, "Check the id"),
        (500, GET, ErrorType.UPSTREAM_ERROR, "may work later"),
        (502, GET, ErrorType.UPSTREAM_ERROR, "may work later"),
        (504, LIST, ErrorType.UPSTREAM_ERROR, "may work later"),
        (500, UPDATE, ErrorType.UPSTREAM_ERROR, SETTLE),
        (502, UPDATE, ErrorType.OUTCOME_UNKNOWN, SETTLE),
        (503, UPDATE, ErrorType.OUTCOME_UNKNOWN, SETTLE),
        (504, TAG, ErrorType.OUTCOME_UNKNOWN, "compare its tags"),
        (408, UPDATE, ErrorType.OUTCOME_UNKNOWN, SETTLE),
        (408, GET, ErrorType.UPSTREAM_REJECTED, "may work later"),
        (
            303,
            UPDATE,
            ErrorType.UPSTREAM_BAD_RESPONSE,
            f"may or may not have been made: do not repeat it blindly. {SETTLE}",
        ),
        (999, UPDATE, ErrorType.UPSTREAM_BAD_RESPONSE, SETTLE),
        (301, UPDATE, ErrorType.UPSTREAM_BAD_RESPONSE, "redirect"),
        (304, GET, ErrorType.UPSTREAM_BAD_RESPONSE, "redirect"),
        (101, GET, ErrorType.UPSTREAM_BAD_RESPONSE, "without meaning"),
        (999, GET, ErrorType.UPSTREAM_BAD_RESPONSE, "without meaning"),
    ],
)
def test_status_decides_type_and_advice(tool: ToolByName, status: int, name: str, kind: ErrorType, advice: str) -> None:
    limits = RateLimits(limit=50, remaining=7)
    outcome = answer(tool, name, status, b"<html><body>x</body></html>", limits=limits)
    error = error_of(outcome)
    assert (error.type, error.origin, error.status) == (kind, "upstream", status)
    assert advice in error.message
    assert str(status) in error.message
    assert "<html>" not in error.message
    assert outcome.limits == limits


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"message": "No conversations found."}}, "No conversations found."),
        ({"errors": {"message": "Provided id does not exist."}}, "Provided id does not exist."),
        ({"message": "Endpoint\n request"}, "Endpoint request."),
        ({"error": "bad thing"}, "bad thing."),
        ({"error": ["one", "two"]}, "one; two."),
        ({"error": VALIDATION}, "status: Invalid value; ticket.via.source.from: Invalid value."),
        ({"errors": VALIDATION}, "status: Invalid value; ticket.via.source.from: Invalid value."),
        (VALIDATION, "status: Invalid value; ticket.via.source.from: Invalid value."),
        ({"errors": [], "message": "fallback"}, "fallback."),
        (b"plain words", "plain words."),
        ("a string", "a string."),
    ],
)
def test_message_is_found_in_every_body_shape(tool: ToolByName, body: Any, words: str) -> None:
    error = error_of(answer(tool, UPDATE, 422, body))
    assert (
        error.message == f"Richpanel refused the call (HTTP 422): {words} Correct the arguments before calling again."
    )


@pytest.mark.parametrize("body", [b"", b"<p>x</p>", b"\xff\xfe", b"{broken", b"null", b"3", b"[3]", b"{}", b"a\x00b"])
def test_body_that_says_nothing_leaves_a_plain_sentence(tool: ToolByName, body: bytes) -> None:
    error = error_of(answer(tool, GET, 400, body))
    assert error.message == "Richpanel refused the call (HTTP 400). Correct the arguments before calling again."
    assert error.details == {}


def test_field_list_names_our_arguments(tool: ToolByName) -> None:
    problem = {"msg": "Invalid value", "param": "ticket.comment.body", "value": {"deep": 1}}
    error = error_of(answer(tool, UPDATE, 400, {"error": [*VALIDATION, problem]}))
    assert error.details["problems"] == [
        {"path": "status", "message": "Invalid value", "value": "chat"},
        {"path": "ticket.via.source.from", "message": "Invalid value"},
        {"path": "comment_body", "message": "Invalid value"},
    ]


def test_long_complaint_is_cut_and_the_advice_survives(tool: ToolByName) -> None:
    items = [{"msg": "m" * 9000, "param": "p", "value": "v" * 9000}] * 200
    error = error_of(answer(tool, GET, 400, {"error": items}))
    assert len(error.details["problems"]) == 50
    assert len(orjson.dumps(error.to_dict())) < 60_000
    error = error_of(answer(tool, GET, 400, {"message": "x" * 9000}))
    assert 1990 < len(error.message) <= 2000
    assert error.message.endswith("… Correct the arguments before calling again.")


def test_server_error_keeps_its_retry_after(tool: ToolByName) -> None:
    limits = RateLimits(limit=50, remaining=7, retry_after_seconds=7)
    outcome = answer(tool, GET, 503, limits=limits)
    assert error_of(outcome).details == {"retry_after_seconds": 7}
    assert outcome.limits is limits
    assert error_of(answer(tool, GET, 503)).details == {}


def test_write_that_may_have_happened_names_no_time_to_try_again(tool: ToolByName) -> None:
    outcome = answer(tool, UPDATE, 503, limits=RateLimits(limit=50, remaining=7, retry_after_seconds=7))
    assert error_of(outcome).details == {}
    assert outcome.limits == RateLimits(limit=50, remaining=7)


def test_timeout_text_of_the_front_end_makes_a_write_unknown_on_any_server_error(tool: ToolByName) -> None:
    body = {"message": "Endpoint request timed out"}
    assert error_of(answer(tool, UPDATE, 500, body)).type is ErrorType.OUTCOME_UNKNOWN
    assert error_of(answer(tool, GET, 504, body)).type is ErrorType.UPSTREAM_ERROR


@pytest.mark.parametrize(
    ("limits", "details", "message"),
    [
        (
            RateLimits(limit=50, remaining=0, retry_after_seconds=12, reset_seconds=12, window_seconds=30),
            {"retry_after_seconds": 12, "limit": 50, "remaining": 0, "reset_seconds": 12, "estimated": False},
            "Rate limited by Richpanel (50 per 30 s). Retry after 12 s.",
        ),
        (
            RateLimits(retry_after_seconds=0),
            {"retry_after_seconds": 0, "limit": None, "remaining": None, "reset_seconds": 0, "estimated": False},
            "Rate limited by Richpanel (50 per 30 s). Retry after 0 s.",
        ),
        (
            RateLimits(limit=700, remaining=0, reset_seconds=41),
            {"retry_after_seconds": 41, "limit": 700, "remaining": 0, "reset_seconds": 41, "estimated": False},
            "Rate limited by Richpanel (limit 700). Retry after 41 s.",
        ),
        (
            RateLimits(limit=60, retry_after_seconds=5, reset_seconds=9, window_seconds=60),
            {"retry_after_seconds": 5, "limit": 60, "remaining": None, "reset_seconds": 9, "estimated": False},
            "Rate limited by Richpanel (60 per 60 s). Retry after 5 s.",
        ),
        (
            None,
            {"retry_after_seconds": 30, "limit": None, "remaining": None, "reset_seconds": 30, "estimated": True},
            (
                "Rate limited by Richpanel (50 per 30 s). Retry after 30 s "
                "(Richpanel named no time; this is an estimate)."
            ),
        ),
    ],
)
def test_rate_limit_tells_how_long_to_wait(
    tool: ToolByName, limits: RateLimits | None, details: dict[str, Any], message: str
) -> None:
    for name in (LIST, UPDATE):
        outcome = answer(tool, name, 429, {"message": "slow down"}, limits=limits)
        error = error_of(outcome)
        assert (error.type, error.status, error.message) == (ErrorType.RATE_LIMITED, 429, message)
        assert error.details == details
        assert outcome.limits is not None
        assert outcome.limits.retry_after_seconds == details["retry_after_seconds"]


def test_forbidden_that_names_a_wait_is_a_rate_limit_also_for_a_write(tool: ToolByName) -> None:
    limits = RateLimits(limit=50, remaining=0, reset_seconds=8, retry_after_seconds=8)
    for name in (GET, UPDATE):
        error = error_of(answer(tool, name, 403, limits=limits))
        assert (error.type, error.status) == (ErrorType.RATE_LIMITED, 403)
        assert error.message == "Rate limited by Richpanel (50 per 30 s). Retry after 8 s."


@pytest.mark.parametrize(
    ("exc", "read", "write"),
    [
        (UpstreamUnreachableError("Refused.", sent=False), "upstream_unreachable", "upstream_unreachable"),
        (UpstreamTimeoutError("Too slow.", sent=False), "upstream_timeout", "upstream_timeout"),
        (UpstreamTimeoutError("Too slow.", sent=True), "upstream_timeout", "outcome_unknown"),
        (UpstreamTooLargeError("Too big.", sent=True), "upstream_too_large", "outcome_unknown"),
        (UpstreamBrokenError("It broke", sent=True), "upstream_bad_response", "outcome_unknown"),
        (UpstreamBrokenError("It broke", sent=False), "upstream_bad_response", "upstream_bad_response"),
    ],
)
def test_broken_exchange_is_unknown_only_for_a_write_that_left(
    tool: ToolByName, exc: UpstreamError, read: str, write: str
) -> None:
    for name, kind in ((GET, read), (UPDATE, write)):
        error = error_of(tool(name).failed(exc))
        assert (error.type, error.origin, error.status) == (kind, "upstream", None)
        assert exc.message in error.message
        assert (SETTLE in error.message) is (kind == "outcome_unknown")


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("create_a_richpanel_file", "Uploading the file again makes a second copy at worst"),
        ("create_a_richpanel_subscription", "The same call again does no harm"),
    ],
)
def test_write_that_nothing_settles_says_so_and_does_not_forbid_what_it_advises(
    tool: ToolByName, name: str, advice: str
) -> None:
    said = [error_of(answer(tool, name, status)).message for status in (302, 500, 504)]
    said.append(error_of(tool(name).failed(UpstreamTimeoutError("Too slow.", sent=True))).message)
    said.append(answer(tool, name, 200).structured["notice"])
    for message in said:
        assert "o look-up " in message
        assert advice in message
        assert "blindly" not in message
        assert "Do not repeat" not in message


def test_every_write_names_what_settles_it_or_says_that_nothing_does(richpanel: Integration) -> None:
    for one in (one for one in richpanel.tools if one.is_write):
        message = error_of(one.shape(UpstreamResponse(504), {})).message
        looked_up = [name for name in richpanel.by_name if name in message and not richpanel.by_name[name].is_write]
        assert looked_up or "no look-up can tell" in message, message


def test_complaint_list_skips_what_names_nothing() -> None:
    complaint = read_complaint(orjson.dumps([{}, {"value": 1}, 5, {"param": "x"}, {"msg": "m", "value": True}]))
    assert [(c.field, c.message, c.value) for c in complaint.problems] == [
        ("x", "Invalid value", None),
        ("", "m", True),
    ]


@pytest.mark.parametrize("budget", [4_000, 40_000])
def test_error_is_within_the_budget_however_much_is_wrong(tool: ToolByName, budget: int) -> None:
    faults = [{"param": f"ticket.{n}." + "p" * 5_000, "msg": "m" * 5_000, "value": "v" * 5_000} for n in range(60)]
    outcome = within_budget(answer(tool, UPDATE, 400, {"error": faults}), budget)
    error = error_of(outcome)
    assert length_of(outcome.structured) <= budget
    assert len(error.message) <= 2_000
    assert len(error.details["problems"]) + error.details["problems_left_out"] == 50
    assert error.details["problems"]


@pytest.mark.parametrize("status", [400, 404, 500, 504])
@pytest.mark.parametrize("character", ['"', "\\", "\x01", "é"])
def test_error_that_json_writes_longer_than_it_is_keeps_its_advice(
    tool: ToolByName, status: int, character: str
) -> None:
    for name in (GET, UPDATE):
        outcome = within_budget(answer(tool, name, status, {"message": character * 5_000}), 4_000)
        assert length_of(outcome.structured) <= 4_000
        assert "…" in error_of(outcome).message
        assert error_of(outcome).message.endswith(".")


def test_error_within_the_budget_stays_as_it_is(tool: ToolByName) -> None:
    outcome = answer(tool, UPDATE, 400, {"error": VALIDATION})
    assert within_budget(outcome, 4_000) == outcome
    success = answer(tool, GET, 200, {"ticket": {"id": "1"}})
    assert within_budget(success, 4_000) is success


def test_message_of_any_origin_is_cut() -> None:
    problems = {"problems": [{"path": "p" * 9_000}]}
    error = ToolError(ErrorType.INVALID_ARGUMENTS, "gateway", "m" * 500_000, details=problems)
    outcome = within_budget(ToolOutcome.from_error(error), 40_000)
    assert len(error_of(outcome).message) == 2_000
    assert length_of(outcome.structured) < 5_000


def test_megabytes_of_complaint_are_read_at_their_front() -> None:
    for body in (b"x " * 4_000_000, orjson.dumps({"message": "x " * 4_000_000}), orjson.dumps(["x " * 4_000_000])):
        assert len(read_complaint(body).message) <= 10_000

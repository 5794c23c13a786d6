"""Numbers that are looked up, writes that are read back; without a network."""

from datetime import datetime
from typing import Any

import orjson
import pytest

from mcp_gateway.catalog.run import PLAIN_RUN
from mcp_gateway.catalog.tool import Integration
from mcp_gateway.exceptions import UpstreamBrokenError, UpstreamTimeoutError, UpstreamTooLargeError
from mcp_gateway.models.limits import RateLimits
from mcp_gateway.models.upstream import Exchange, UpstreamResponse
from tests.catalog.conftest import ToolByName
from tests.catalog.dialogues import broken, ok, play, raw, status

GET = "get_single_richpanel_conversation_by_id"
UPDATE = "update_a_richpanel_conversation_by_id"
LINK = "list_all_richpanel_orders"
BY_NUMBER = "/tickets/number/1348"
ID, SEGMENT = "<m@x>", "%3Cm%40x%3E"
TICKET = {"id": ID, "conversation_no": 1348, "status": "OPEN", "comments": []}
FOUND = ok({"ticket": TICKET})
WAIT = RateLimits(limit=50, remaining=0, retry_after_seconds=9, reset_seconds=9)

WRITES: list[tuple[str, dict[str, Any], str]] = [
    (UPDATE, {"id": "1348", "status": "CLOSED"}, f"/tickets/{SEGMENT}"),
    (
        "create_a_richpanel_conversation_tag",
        {"conversation_id": "1348", "tags": ["a"]},
        f"/tickets/{SEGMENT}/add-tags",
    ),
    (
        "delete_a_richpanel_conversation_tag_by_id",
        {"conversation_id": "1348", "tags": ["a"]},
        f"/tickets/{SEGMENT}/remove-tags",
    ),
    (
        "create_a_richpanel_conversation_message",
        {"conversation_id": "1348", "body": "hi"},
        f"/tickets/{SEGMENT}/send-message",
    ),
    (
        "create_a_richpanel_conversation_order",
        {"conversation_id": "1348", "appclient_id": "a", "order_id": "1"},
        f"/tickets/{SEGMENT}/attach-order/a/1",
    ),
]
"""Every write that takes a number in place of an id, with the target it must reach."""


def test_table_of_writes_by_number_is_complete(richpanel: Integration) -> None:
    by_number = {one.name for one in richpanel.tools if one.number is not None}
    assert by_number == {*(name for name, _, _ in WRITES), GET, LINK}


def test_read_by_number_is_one_request_and_says_so(tool: ToolByName) -> None:
    dialogue = play(tool(GET), {"id": "1348"}, {BY_NUMBER: FOUND})
    assert dialogue.targets == [[BY_NUMBER]]
    assert dialogue.result["id"] == ID
    assert dialogue.outcome.meta == {"resolved": {"id": {"number": "1348"}}}


def test_number_that_names_nothing_is_told_by_the_tool_that_was_called(tool: ToolByName) -> None:
    dialogue = play(tool(GET), {"id": "1348"}, {BY_NUMBER: status(404)})
    assert dialogue.outcome.error is not None
    assert dialogue.outcome.error.type == "not_found"
    assert "No conversation has this id or number" in dialogue.outcome.error.message
    assert dialogue.outcome.meta == {"resolved": {"id": {"number": "1348"}}}


def test_another_read_by_number_looks_the_id_up_first(tool: ToolByName) -> None:
    answers = {BY_NUMBER: FOUND, f"/order/{SEGMENT}": ok({"orderId": "1", "appClientId": "a"})}
    dialogue = play(tool(LINK), {"conversation_id": "1348"}, answers)
    assert dialogue.targets == [[BY_NUMBER], [f"/order/{SEGMENT}"]]
    assert dialogue.result == [{"orderId": "1", "appClientId": "a"}]
    assert dialogue.outcome.meta == {"resolved": {"conversation_id": {"number": "1348", "id": ID}}}


@pytest.mark.parametrize(("name", "arguments", "target"), WRITES)
def test_write_by_number_is_one_read_and_then_one_write(
    tool: ToolByName, name: str, arguments: dict[str, Any], target: str
) -> None:
    dialogue = play(tool(name), arguments, {BY_NUMBER: FOUND, target: ok({"message": "done"})})
    assert dialogue.targets == [[BY_NUMBER], [target]]
    assert [request.target for request in dialogue.writes] == [target]
    assert dialogue.rounds[0][0].method == "GET"
    [told] = dialogue.outcome.meta["resolved"].values()
    assert told == {"number": "1348", "id": ID}


@pytest.mark.parametrize(
    "value",
    [
        *["a1", "1348a", " 1348", "1348 ", "+1348", "-1", "1.0", "١٣٤٨", "1_348", "1" * 13],
        *["<1@x>", "84920\u200b", "0x1f", "1e3"],
    ],
)
def test_what_is_not_all_digits_is_an_id(tool: ToolByName, value: str) -> None:
    [[request]] = [next(tool(UPDATE).steps({"id": value, "status": "CLOSED"}))]
    assert request.is_write
    [[request]] = [next(tool(GET).steps({"id": value}))]
    assert not request.target.startswith("/tickets/number/")


@pytest.mark.parametrize("value", ["1", "0", "007", "9" * 12])
def test_what_is_all_digits_is_a_number_as_it_stands(tool: ToolByName, value: str) -> None:
    [[request]] = [next(tool(UPDATE).steps({"id": value, "status": "CLOSED"}))]
    assert (request.target, request.is_write) == (f"/tickets/number/{value}", False)


LOOK_UPS_THAT_FAIL: list[tuple[Exchange, str]] = [
    (status(404), "not_found"),
    (status(400), "upstream_rejected"),
    (status(401), "upstream_auth"),
    (status(403), "upstream_auth"),
    (status(429, limits=WAIT), "rate_limited"),
    (status(500), "upstream_error"),
    (status(502), "upstream_error"),
    (status(504, {"message": "Endpoint request timed out"}), "upstream_error"),
    (status(302), "upstream_bad_response"),
    (broken(UpstreamTimeoutError("Too slow.", sent=True)), "upstream_timeout"),
    (broken(UpstreamTooLargeError("Too big.", sent=True)), "upstream_too_large"),
    (broken(UpstreamBrokenError("Reset.", sent=True)), "upstream_bad_response"),
    (Exchange(), "upstream_bad_response"),
    (raw(b""), "upstream_bad_response"),
    (raw(b"<html>"), "upstream_bad_response"),
    (raw(b"[1]"), "upstream_bad_response"),
    (ok({"error": {"message": "No conversations found with the given Id."}}), "not_found"),
    (ok({}), "not_found"),
    (ok({"ticket": {}}), "not_found"),
    (ok({"ticket": [TICKET, TICKET]}), "upstream_bad_response"),
    (ok({"ticket": {"conversation_no": 1348}}), "upstream_bad_response"),
    (ok({"ticket": {"id": None}}), "upstream_bad_response"),
    (ok({"ticket": {"id": 1348}}), "upstream_bad_response"),
    (ok({"ticket": {"id": ["x"]}}), "upstream_bad_response"),
]


@pytest.mark.parametrize(("exchange", "kind"), LOOK_UPS_THAT_FAIL)
@pytest.mark.parametrize("write", WRITES)
def test_look_up_that_fails_sends_no_write(
    tool: ToolByName, write: tuple[str, dict[str, Any], str], exchange: Exchange, kind: str
) -> None:
    name, arguments, _ = write
    dialogue = play(tool(name), arguments, {BY_NUMBER: exchange})
    assert dialogue.targets == [[BY_NUMBER]]
    assert dialogue.writes == []
    assert dialogue.outcome.error is not None
    # Never `outcome_unknown`: it is certain that nothing was written.
    assert dialogue.outcome.error.type == kind


def test_look_up_that_is_rate_limited_keeps_its_wait(tool: ToolByName) -> None:
    dialogue = play(tool(UPDATE), {"id": "1348", "status": "CLOSED"}, {BY_NUMBER: status(429, limits=WAIT)})
    assert dialogue.outcome.error is not None
    assert dialogue.outcome.error.details["retry_after_seconds"] == 9
    assert dialogue.outcome.limits is not None
    assert dialogue.outcome.limits.retry_after_seconds == 9


@pytest.mark.parametrize("told", [1349, "1349", 13480, "", "x", 1348.5, True, [1348], "9" * 5000])
@pytest.mark.parametrize(("name", "arguments", "target"), WRITES)
def test_look_up_that_gives_another_conversation_sends_no_write(
    tool: ToolByName, name: str, arguments: dict[str, Any], target: str, told: Any
) -> None:
    answers = {BY_NUMBER: ok({"ticket": {**TICKET, "conversation_no": told}}), target: ok({})}
    dialogue = play(tool(name), arguments, answers)
    if told == "":
        assert len(dialogue.writes) == 1  # it says nothing against
        return
    assert dialogue.targets == [[BY_NUMBER]]
    assert dialogue.outcome.error is not None
    assert dialogue.outcome.error.type == "upstream_bad_response"
    assert "nothing was changed" in dialogue.outcome.error.message
    assert len(dialogue.outcome.error.message) < 300


@pytest.mark.parametrize(
    ("asked", "told"), [("1348", 1348), ("1348", "1348"), ("007", 7), ("7", "007"), ("0", 0), ("1348", None)]
)
def test_look_up_that_gives_the_conversation_asked_for_is_followed_by_the_write(
    tool: ToolByName, asked: str, told: Any
) -> None:
    answers = {
        f"/tickets/number/{asked}": ok({"ticket": {"id": "m", "conversation_no": told}}),
        "/tickets/m": ok({"ticket": {"id": "m"}}),
    }
    assert len(play(tool(UPDATE), {"id": asked, "status": "CLOSED"}, answers).writes) == 1


def is_useless(exchange: Exchange) -> bool:
    """Whether nothing can be read of it; a ticket without an id still tells the others of its fields."""
    return exchange.response is None or b'"ticket":{"' not in exchange.response.body


UPDATED = ok({"ticket": {"id": "m"}})
NOW = {"created_at": "2026-02-09T14:03:11.000Z"}
BY_ID = "/tickets/m"


def verified(tool: ToolByName, wanted: dict[str, Any], read_back: Exchange) -> Any:
    """`applied` of an update that succeeded and was read back."""
    arguments = {"id": "m", "verify": True, **wanted}
    steps = tool(UPDATE).steps(arguments)
    [write] = next(steps)
    [read] = steps.send((UPDATED,))
    assert (write.method, write.target, read.method, read.target) == ("PUT", BY_ID, "GET", BY_ID)
    with pytest.raises(StopIteration) as end:
        steps.send((read_back,))
    assert end.value.value.error is None
    assert end.value.value.structured["result"] == {"id": "m"}
    return end.value.value.structured["applied"]


@pytest.mark.parametrize(
    ("wanted", "ticket", "applied"),
    [
        # Other accounts show tags as ids.
        ({"tags": ["vip"]}, {"tags": ["0d6f2a0e-5a54-4a53-9a0e-6f2b5f0c1e11"]}, "unknown"),
        ({"tags": ["0d6f2a0e-5a54-4a53-9a0e-6f2b5f0c1e11"]}, {"tags": ["vip"]}, "unknown"),
        ({"tags": ["vip"]}, {"tags": ["urgent"]}, False),
        ({"tags": ["vip"]}, {"tags": []}, False),
        ({"snoozed_till": "2026-02-01T00:00:00Z"}, {"snoozed_till": "2026-02-01T01:00:00.000+01:00"}, True),
        ({"snoozed_till": "2026-02-01T00:00:00Z"}, {"snoozed_till": 1769904000000}, True),
        ({"snoozed_till": "2026-02-01"}, {"snoozed_till": "2026-02-01T05:00:00Z"}, "unknown"),
        ({"snoozed_till": "2026-02-01"}, {"snoozed_till": "2026-03-01T00:00:00Z"}, False),
        ({"snoozed_till": "2026-02-01"}, {"snoozed_till": None}, False),
        ({"snoozed_till": "0"}, {"snoozed_till": 0}, True),
        ({"snoozed_till": "tomorrow"}, {"snoozed_till": "2026-03-01T00:00:00Z"}, "unknown"),
        ({"status": "CLOSED"}, {"status": "CLOSED"}, True),
        ({"status": "CLOSED"}, {"status": "OPEN"}, False),
        ({"status": "CLOSED"}, {"status": None}, False),
        ({"status": "CLOSED"}, {}, "unknown"),
        ({"priority": "HIGH"}, {"priority": "HIGH"}, True),
        ({"priority": "HIGH"}, {"priority": "LOW"}, False),
        ({"subject": ""}, {"subject": ""}, True),
        ({"subject": "a"}, {"subject": "b"}, False),
        ({"assignee_id": "u"}, {"assignee_id": "u"}, True),
        ({"snoozed_till": "0"}, {"status": "OPEN"}, "unknown"),
        ({"tags": ["a"]}, {"tags": ["a"]}, True),
        ({"tags": ["a"]}, {"tags": ["b", "a"]}, True),
        ({"tags": ["a", "c"]}, {"tags": ["a", "b"]}, False),
        ({"tags": ["a"]}, {"tags": "a"}, False),
        ({"customer_profile": {"firstName": "Ada"}}, {"customer_profile": {"firstName": "Ada", "x": 1}}, True),
        ({"customer_profile": {"firstName": "Ada"}}, {"customer_profile": {"firstName": "Eve"}}, False),
        ({"customer_profile": {"firstName": "Ada"}}, {"customer_profile": {}}, False),
        ({"status": "CLOSED"}, {"status": True}, False),
        ({"subject": "a  b "}, {"subject": "a b"}, True),
        ({"subject": ""}, {"subject": None}, True),
        ({"subject": ""}, {"subject": "a"}, False),
        ({"assignee_id": "unassigned"}, {"assignee_id": None}, True),
        ({"assignee_id": "unassigned"}, {"assignee_id": ""}, True),
        ({"assignee_id": "unassigned"}, {"assignee_id": "unassigned"}, True),
        ({"assignee_id": "unassigned"}, {"assignee_id": "u"}, False),
        ({"assignee_id": "unassigned"}, {}, "unknown"),
        ({"assignee_id": "u"}, {"assignee_id": None}, False),
        ({"tags": []}, {"tags": []}, True),
        ({"tags": []}, {"tags": None}, True),
        ({"tags": []}, {"tags": ["a"]}, False),
        ({"tags": []}, {}, "unknown"),
        ({"tags": ["a"]}, {"tags": None}, False),
        # Richpanel may normalise names.
        ({"tags": ["Order: Late", "a"]}, {"tags": ["a", "orderlate"]}, True),
        ({"customer_profile": {}}, {"customer_profile": {}}, True),
        ({"customer_profile": {}}, {"customer_profile": {"firstName": "Ada"}}, "unknown"),
        ({"customer_profile": {"x": None}}, {"customer_profile": {"x": None}}, True),
        ({"customer_profile": {"x": None}}, {"customer_profile": {"y": 1}}, "unknown"),
        ({"customer_profile": {"x": {"y": 1}}}, {"customer_profile": {"x": {"y": 1, "z": 2}}}, True),
        ({"customer_profile": {"x": {"y": 1}, "z": None}}, {"customer_profile": {"x": {"y": 2}}}, False),
        ({"comment_body": "hi"}, {"comments": [{"body": "x", **NOW}, {"body": "hi", **NOW}]}, True),
        ({"comment_body": "hi"}, {"comments": [{"body": "<p>hi</p>", **NOW}]}, True),
        ({"comment_body": "<p>hi <b>you</b></p>"}, {"comments": [{"body": "hi you", **NOW}]}, True),
        ({"comment_body": "<p>hi</p>"}, {"comments": [{"body": "<div><p>hi</p></div>", **NOW}]}, True),
        ({"comment_body": "<p>hi</p>"}, {"comments": [{"plain_body": "hi", **NOW}]}, True),
        ({"comment_body": "hi"}, {"comments": [{"html_body": "<p>hi</p>", "body": None, **NOW}]}, True),
        # Upstream may have written the text its own way, and does not say when every comment was made.
        ({"comment_body": "hi"}, {"comments": [{"body": "Hi!", **NOW}]}, "unknown"),
        ({"comment_body": "hi"}, {"comments": [{"body": "hi"}]}, "unknown"),
        ({"comment_body": "hi"}, {"comments": [{"body": "hi", "created_at": "lately"}]}, "unknown"),
        ({"comment_body": "hi"}, {"comments": [{"body": "hi", "created_at": 1e300}]}, "unknown"),
        ({"comment_body": "hi"}, {"comments": [{"body": 5, **NOW}, "odd", None]}, "unknown"),
        ({"comment_body": "hi"}, {"comments": []}, "unknown"),
        ({"comment_body": "hi"}, {"comments": {"body": "hi"}}, "unknown"),
        ({"comment_body": "hi"}, {}, "unknown"),
    ],
)
def test_each_field_is_applied_not_applied_or_unknown(
    tool: ToolByName, wanted: dict[str, Any], ticket: dict[str, Any], applied: bool | str
) -> None:
    [name] = wanted
    assert verified(tool, wanted, ok({"ticket": {"id": "m", **ticket}})) == {name: applied}


MADE: list[tuple[Any, bool | str]] = [
    ("2026-02-09T14:03:08.999Z", "unknown"),
    ("2025-02-09T14:03:20.000Z", "unknown"),
    ("2026-02-09T15:03:08.000+01:00", "unknown"),
    ("2026-02-09T14:03:08", "unknown"),
    (1770645788, "unknown"),
    (1770645788000, "unknown"),
    ("2026-02-09T14:03:10.000Z", True),
    ("2026-02-09T14:03:13.500Z", True),
    ("2026-02-09T15:03:10.000+01:00", True),
    ("2026-02-09T14:03:10", True),
    (1770645790, True),
    (1770645790000, True),
]
"""When a comment of the same text was made, and what it proves of a write that upstream got at 14:03:10."""


@pytest.mark.parametrize(("made", "applied"), MADE)
@pytest.mark.parametrize(
    ("started", "date", "seconds"),
    [
        # Upstream's own clock, whatever ours says.
        ("2026-02-09T20:00:00+00:00", "Mon, 09 Feb 2026 14:03:12 GMT", 2.0),
        ("2020-01-01T00:00:00+00:00", "Mon, 09 Feb 2026 14:03:12 GMT", 2.0),
        # Ours, where upstream tells no time that can be read.
        ("2026-02-09T14:03:10+00:00", "", 2.0),
        ("2026-02-09T14:03:10+00:00", "yesterday", 2.0),
    ],
)
def test_comment_that_was_there_before_the_write_proves_nothing(
    tool: ToolByName, started: str, date: str, seconds: float, made: Any, applied: bool | str
) -> None:
    arguments = {"id": "m", "verify": True, "comment_body": "Done."}
    steps = tool(UPDATE).steps(arguments, PLAIN_RUN._replace(now=datetime.fromisoformat(started)))
    next(steps)
    steps.send((Exchange(UpstreamResponse(200, {"date": date} if date else {}, b'{"ticket": {}}', seconds)),))
    with pytest.raises(StopIteration) as end:
        steps.send((ok({"ticket": {"id": "m", "comments": [{"body": "Done.", "created_at": made}]}}),))
    assert end.value.value.structured["applied"] == {"comment_body": applied}


def test_long_values_are_compared_whole_whatever_the_budget_of_results_is(tool: ToolByName) -> None:
    wanted = {"subject": "s" * 90_000, "comment_body": "c" * 90_000, "tags": [f"tag-{index}" for index in range(9000)]}
    ticket = {"id": "m", "subject": wanted["subject"], "tags": wanted["tags"]}
    comments = [{"body": wanted["comment_body"], **NOW}, *({"body": "x" * 1000} for _ in range(90))]
    applied = verified(tool, wanted, ok({"ticket": {**ticket, "comments": comments}}))
    assert applied == {"subject": True, "comment_body": True, "tags": True}


def test_only_fields_that_were_given_are_reported(tool: ToolByName) -> None:
    ticket = {"id": "m", "status": "OPEN", "priority": "HIGH", "subject": "other", "tags": []}
    applied = verified(tool, {"status": "CLOSED", "priority": "HIGH"}, ok({"ticket": ticket}))
    assert applied == {"status": False, "priority": True}
    assert verified(tool, {}, ok({"ticket": ticket})) == {}


@pytest.mark.parametrize("exchange", [exchange for exchange, _ in LOOK_UPS_THAT_FAIL if is_useless(exchange)])
def test_read_back_that_fails_leaves_the_write_a_success_of_which_nothing_is_known(
    tool: ToolByName, exchange: Exchange
) -> None:
    assert verified(tool, {"status": "CLOSED", "tags": ["a"]}, exchange) == {"status": "unknown", "tags": "unknown"}


def test_wait_of_a_rate_limited_read_back_reaches_the_caller(tool: ToolByName) -> None:
    steps = tool(UPDATE).steps({"id": "m", "verify": True, "status": "CLOSED"})
    next(steps)
    steps.send((UPDATED,))
    with pytest.raises(StopIteration) as end:
        steps.send((status(429, limits=WAIT),))
    assert end.value.value.limits.retry_after_seconds == 9


@pytest.mark.parametrize(
    "exchange", [status(400), status(500), status(504), broken(UpstreamBrokenError("x", sent=True))]
)
def test_write_that_failed_is_not_read_back(tool: ToolByName, exchange: Exchange) -> None:
    dialogue = play(tool(UPDATE), {"id": "m", "verify": True, "status": "CLOSED"}, {BY_ID: exchange})
    assert dialogue.targets == [[BY_ID]]
    assert dialogue.outcome.error is not None
    assert "applied" not in dialogue.outcome.structured


@pytest.mark.parametrize("verify", [{}, {"verify": False}])
def test_nothing_is_read_back_unless_asked_for_and_it_is_never_sent(tool: ToolByName, verify: dict[str, bool]) -> None:
    dialogue = play(tool(UPDATE), {"id": "m", "status": "CLOSED", **verify}, {BY_ID: UPDATED})
    assert dialogue.targets == [[BY_ID]]
    assert dialogue.rounds[0][0].body == orjson.dumps({"ticket": {"status": "CLOSED"}})
    assert "applied" not in dialogue.outcome.structured


def test_write_by_number_that_is_read_back_is_three_requests_and_one_write(tool: ToolByName) -> None:
    steps = tool(UPDATE).steps({"id": "1348", "status": "CLOSED", "verify": True})
    requests = [*next(steps), *steps.send((FOUND,)), *steps.send((UPDATED,))]
    assert [(request.method, request.target, request.is_write) for request in requests] == [
        ("GET", BY_NUMBER, False),
        ("PUT", f"/tickets/{SEGMENT}", True),
        ("GET", f"/tickets/{SEGMENT}", False),
    ]
    with pytest.raises(StopIteration) as end:
        steps.send((ok({"ticket": {**TICKET, "status": "CLOSED"}}),))
    assert end.value.value.structured["applied"] == {"status": True}
    assert end.value.value.meta == {"resolved": {"id": {"number": "1348", "id": ID}}}


@pytest.mark.parametrize("hostile", ["", " ", ".", "..", "number", "EMAIL", "a\nb", "\x00", "x" * 2001])
def test_id_from_upstream_that_must_not_be_sent_is_not_sent_and_not_the_callers_fault(
    tool: ToolByName, hostile: str
) -> None:
    for name, arguments, _ in WRITES:
        dialogue = play(tool(name), arguments, {BY_NUMBER: ok({"ticket": {"id": hostile}})})
        assert dialogue.targets == [[BY_NUMBER]]
        assert dialogue.outcome.error is not None
        assert (dialogue.outcome.error.type, dialogue.outcome.error.origin) == ("upstream_bad_response", "upstream")

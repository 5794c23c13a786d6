"""The tool made of other tools: what travels together, and what is said of each part that fails; without a network."""

from typing import Any

import orjson
import pytest

from mcp_gateway.catalog.description import PartDescription
from mcp_gateway.catalog.run import PLAIN_RUN
from mcp_gateway.exceptions import UpstreamBrokenError, UpstreamTimeoutError
from mcp_gateway.models.limits import RateLimits
from mcp_gateway.models.upstream import Exchange
from tests.catalog.conftest import ToolByName
from tests.catalog.dialogues import broken, ok, play, raw, status

CONTEXT = "get_richpanel_conversation_context"
ID, SEGMENT = "<m@x>", "%3Cm%40x%3E"
CONVERSATION, LINK = f"/tickets/{SEGMENT}", f"/order/{SEGMENT}"
BY_NUMBER = "/tickets/number/1348"
ORDER, CUSTOMER = "/order/acme1230/11111", "/customers/email/ada%40shopper.example"
TICKET = {"id": ID, "conversation_no": 1348, "customer_profile": {"email": "ada@shopper.example"}, "comments": []}
LINKED = {"orderId": "11111", "appClientId": "acme1230"}
ORDERED = {"orderId": "11111", "amount": 59.99}
PERSON = {"email": "ada@shopper.example", "name": "Ada"}
ALL = {
    CONVERSATION: ok({"ticket": TICKET}),
    BY_NUMBER: ok({"ticket": TICKET}),
    LINK: ok(LINKED),
    ORDER: ok({"order": ORDERED}),
    CUSTOMER: ok({"customer": PERSON}),
}
WAIT = RateLimits(limit=50, remaining=0, retry_after_seconds=9, reset_seconds=9)
NO_LINK = "No order is linked to this conversation."
NO_ADDRESS = "The conversation names no e-mail address of its customer."


def test_what_needs_nothing_of_one_another_travels_together(tool: ToolByName) -> None:
    dialogue = play(tool(CONTEXT), {"id": ID}, ALL)
    assert dialogue.targets == [[CONVERSATION, LINK], [ORDER, CUSTOMER]]
    assert dialogue.result == {"conversation": TICKET, "order": ORDERED, "customer": PERSON}
    assert dialogue.outcome.meta == {}


def test_number_costs_a_round_and_no_request_more(tool: ToolByName) -> None:
    dialogue = play(tool(CONTEXT), {"id": "1348"}, ALL)
    assert dialogue.targets == [[BY_NUMBER], [LINK, CUSTOMER], [ORDER]]
    assert dialogue.result == {"conversation": TICKET, "order": ORDERED, "customer": PERSON}
    assert dialogue.outcome.meta == {"resolved": {"id": {"number": "1348"}}}


def test_nothing_it_sends_is_a_write(tool: ToolByName) -> None:
    dialogue = play(tool(CONTEXT), {"id": ID}, ALL)
    assert dialogue.writes == []
    assert {request.method for requests in dialogue.rounds for request in requests} == {"GET"}


@pytest.mark.parametrize("identifier", [ID, "1348"])
@pytest.mark.parametrize("failing", [None, LINK, ORDER, CUSTOMER])
def test_at_most_four_requests_whatever_fails(tool: ToolByName, identifier: str, failing: str | None) -> None:
    answers = ALL if failing is None else {**ALL, failing: status(500)}
    dialogue = play(tool(CONTEXT), {"id": identifier}, answers)
    targets = [target for targets in dialogue.targets for target in targets]
    assert len(targets) == len(set(targets)) <= 4


FAILURES: list[tuple[Exchange, str]] = [
    (status(404), "not_found"),
    (status(403), "upstream_auth"),
    (status(500), "upstream_error"),
    (status(429, limits=WAIT), "rate_limited"),
    (raw(b"<html>"), "upstream_bad_response"),
    (raw(b""), "upstream_bad_response"),
    (broken(UpstreamTimeoutError("Too slow.", sent=True)), "upstream_timeout"),
    (broken(UpstreamBrokenError("Reset.", sent=True)), "upstream_bad_response"),
    (Exchange(), "upstream_bad_response"),
]


@pytest.mark.parametrize(("exchange", "kind"), FAILURES)
@pytest.mark.parametrize(("target", "part"), [(ORDER, "order"), (CUSTOMER, "customer")])
def test_part_that_fails_fails_by_itself(
    tool: ToolByName, target: str, part: str, exchange: Exchange, kind: str
) -> None:
    result = play(tool(CONTEXT), {"id": ID}, {**ALL, target: exchange}).result
    assert result[part] is None
    assert list(result["errors"]) == [part]
    assert result["errors"][part]["type"] == kind
    assert "absent" not in result
    others = {"conversation": TICKET, "order": ORDERED, "customer": PERSON}
    assert {name: result[name] for name in others if name != part} == {k: v for k, v in others.items() if k != part}


@pytest.mark.parametrize(("exchange", "kind"), FAILURES)
def test_order_has_the_error_of_the_link_that_leads_to_it(tool: ToolByName, exchange: Exchange, kind: str) -> None:
    dialogue = play(tool(CONTEXT), {"id": ID}, {**ALL, LINK: exchange})
    assert dialogue.targets == [[CONVERSATION, LINK], [CUSTOMER]]
    assert dialogue.result["order"] is None
    assert {part: error["type"] for part, error in dialogue.result["errors"].items()} == {"order": kind}
    assert dialogue.result["customer"] == PERSON


@pytest.mark.parametrize(("exchange", "kind"), FAILURES)
@pytest.mark.parametrize(("identifier", "target"), [(ID, CONVERSATION), ("1348", BY_NUMBER)])
def test_without_the_conversation_the_call_fails_and_nothing_more_is_sent(
    tool: ToolByName, identifier: str, target: str, exchange: Exchange, kind: str
) -> None:
    dialogue = play(tool(CONTEXT), {"id": identifier}, {**ALL, target: exchange})
    assert len(dialogue.rounds) == 1
    assert dialogue.outcome.error is not None
    assert dialogue.outcome.error.type == kind
    assert set(dialogue.outcome.structured) == {"error"}


def test_rate_limit_of_the_conversation_keeps_its_wait_though_the_link_was_answered(tool: ToolByName) -> None:
    answers = {CONVERSATION: status(429, limits=WAIT), LINK: ok(LINKED, RateLimits(limit=50, remaining=3))}
    dialogue = play(tool(CONTEXT), {"id": ID}, answers)
    assert dialogue.outcome.limits is not None
    assert dialogue.outcome.limits.retry_after_seconds == 9


@pytest.mark.parametrize("target", [LINK, ORDER, CUSTOMER])
def test_wait_of_a_rate_limited_part_is_kept_whatever_the_others_say(tool: ToolByName, target: str) -> None:
    plenty = RateLimits(limit=50, remaining=40)
    answers = {name: Exchange(exchange.response, plenty) for name, exchange in ALL.items()}
    dialogue = play(tool(CONTEXT), {"id": ID}, {**answers, target: status(429, limits=WAIT)})
    assert dialogue.outcome.error is None
    assert dialogue.outcome.limits is not None
    assert dialogue.outcome.limits.retry_after_seconds == 9
    [error] = dialogue.result["errors"].values()
    assert (error["type"], error["retry_after_seconds"]) == ("rate_limited", 9)


def test_without_a_429_the_newest_figures_are_told(tool: ToolByName) -> None:
    answers = {
        name: Exchange(ALL[name].response, RateLimits(limit=50, remaining=left))
        for name, left in {CONVERSATION: 9, LINK: 8, ORDER: 7, CUSTOMER: 6}.items()
    }
    dialogue = play(tool(CONTEXT), {"id": ID}, answers)
    assert dialogue.outcome.limits == RateLimits(limit=50, remaining=6)


@pytest.mark.parametrize(
    ("ticket", "link", "absent"),
    [
        ({"customer_profile": {}}, LINKED, {"customer": NO_ADDRESS}),
        ({"customer_profile": None}, LINKED, {"customer": NO_ADDRESS}),
        ({"customer_profile": {"email": ""}}, LINKED, {"customer": NO_ADDRESS}),
        (
            {"customer_profile": {"email": None}, "via": {"source": {"from": {"id": "x"}}}},
            LINKED,
            {"customer": NO_ADDRESS},
        ),
        ({}, {}, {"order": NO_LINK}),
        ({}, {"orderId": ""}, {"order": NO_LINK}),
        ({}, {"orderId": None, "appClientId": "acme1230"}, {"order": NO_LINK}),
        ({}, {"orderId": "11111"}, {"order": NO_LINK}),
        ({}, {"orderId": "11111", "appClientId": ""}, {"order": NO_LINK}),
        ({"customer_profile": {}}, {}, {"order": NO_LINK, "customer": NO_ADDRESS}),
    ],
)
def test_part_there_is_nothing_to_ask_for_is_absent_with_its_reason(
    tool: ToolByName, ticket: dict[str, Any], link: dict[str, Any], absent: dict[str, str]
) -> None:
    answers = {**ALL, CONVERSATION: ok({"ticket": {**TICKET, **ticket}}), LINK: ok(link)}
    dialogue = play(tool(CONTEXT), {"id": ID}, answers)
    assert dialogue.result["absent"] == absent
    assert "errors" not in dialogue.result
    assert all(dialogue.result[part] is None for part in absent)
    assert sum(map(len, dialogue.rounds)) == 4 - len(absent)


def test_customer_is_found_by_the_senders_address_where_the_profile_has_none(tool: ToolByName) -> None:
    source = {"channel": "email", "source": {"from": {"address": "ada@shopper.example"}}}
    ticket = {**TICKET, "customer_profile": {}, "via": source}
    dialogue = play(tool(CONTEXT), {"id": ID}, {**ALL, CONVERSATION: ok({"ticket": ticket})})
    assert dialogue.targets[1] == [ORDER, CUSTOMER]


@pytest.mark.parametrize("mark", ["is_operator", "isOperator"])
def test_sender_of_a_conversation_the_shop_began_is_the_shop_and_not_its_customer(tool: ToolByName, mark: str) -> None:
    source = {"channel": "email", "source": {"from": {"address": "help@shop.example"}}}
    ticket = {**TICKET, "customer_profile": {}, "via": source, "comments": [{"id": "k1", mark: True}]}
    dialogue = play(tool(CONTEXT), {"id": ID}, {**ALL, CONVERSATION: ok({"ticket": ticket})})
    assert dialogue.targets[1] == [ORDER]
    assert dialogue.result["absent"] == {"customer": NO_ADDRESS}


def test_id_of_digits_that_upstream_gave_is_no_number(tool: ToolByName) -> None:
    answers = {**ALL, BY_NUMBER: ok({"ticket": {**TICKET, "id": "777"}}), "/order/777": ok(LINKED)}
    dialogue = play(tool(CONTEXT), {"id": "1348"}, answers)
    assert dialogue.targets == [[BY_NUMBER], ["/order/777", CUSTOMER], [ORDER]]
    assert dialogue.result["order"] == ORDERED
    assert dialogue.outcome.meta == {"resolved": {"id": {"number": "1348"}}}


def test_hostile_id_is_refused_with_its_problem(tool: ToolByName) -> None:
    for hostile in ("..", " ", "a\nb", "x" * 2001, "Number"):
        [problem] = tool(CONTEXT).validate({"id": hostile})
        assert problem.path == "id"


def test_conversation_by_number_without_an_id_has_no_order_and_says_why(tool: ToolByName) -> None:
    ticket = {"conversation_no": 1348, "customer_profile": {"email": "ada@shopper.example"}}
    dialogue = play(tool(CONTEXT), {"id": "1348"}, {**ALL, BY_NUMBER: ok({"ticket": ticket})})
    assert dialogue.targets == [[BY_NUMBER], [CUSTOMER]]
    assert dialogue.result["absent"] == {"order": NO_LINK}


@pytest.mark.parametrize("hostile", ["..", ".", " ", "a\nb", "\x00", "a\x7f", "x" * 2001])
@pytest.mark.parametrize(("member", "part"), [("orderId", "order"), ("appClientId", "order"), ("email", "customer")])
def test_value_of_upstream_that_must_not_be_sent_is_an_error_of_its_part_alone(
    tool: ToolByName, member: str, part: str, hostile: str
) -> None:
    ticket = {**TICKET, "customer_profile": {"email": hostile}} if member == "email" else TICKET
    answers = {**ALL, CONVERSATION: ok({"ticket": ticket}), LINK: ok({**LINKED, member: hostile})}
    dialogue = play(tool(CONTEXT), {"id": ID}, answers)
    assert dialogue.targets[1] == [CUSTOMER if part == "order" else ORDER]
    assert dialogue.result["errors"][part]["type"] == "upstream_bad_response"
    assert dialogue.result["conversation"] == ticket


@pytest.mark.parametrize("odd", [{"a": 1}, ["x"], True, 1.5])
@pytest.mark.parametrize("member", ["orderId", "appClientId"])
def test_value_of_upstream_that_is_no_id_is_nothing_to_ask_for(tool: ToolByName, member: str, odd: Any) -> None:
    dialogue = play(tool(CONTEXT), {"id": ID}, {**ALL, LINK: ok({**LINKED, member: odd})})
    assert dialogue.targets == [[CONVERSATION, LINK], [CUSTOMER]]
    assert dialogue.result["absent"] == {"order": NO_LINK}


def test_id_that_upstream_writes_as_a_number_is_asked_for(tool: ToolByName) -> None:
    dialogue = play(tool(CONTEXT), {"id": ID}, {**ALL, LINK: ok({**LINKED, "orderId": 11111})})
    assert ORDER in dialogue.targets[1]


def test_slashes_and_questions_in_upstreams_ids_stay_one_segment(tool: ToolByName) -> None:
    target = "/order/acme%2F1/%2311111%3Fa%3D1"
    answers = {**ALL, LINK: ok({"orderId": "#11111?a=1", "appClientId": "acme/1"}), target: ALL[ORDER]}
    assert target in play(tool(CONTEXT), {"id": ID}, answers).targets[1]


def test_long_conversation_is_walked_to_its_first_message_and_no_part_is_cut_unsaid(tool: ToolByName) -> None:
    comments = [{"id": f"k{index}", "body": "x" * 1000} for index in range(200)]
    answers = {**ALL, CONVERSATION: ok({"ticket": {**TICKET, "comments": comments}})}
    answers[ORDER] = ok({"order": {**ORDERED, "note": "y" * 100_000}})
    seen: list[str] = []
    arguments = {"id": ID}
    while True:
        dialogue = play(tool(CONTEXT), arguments, answers)
        assert dialogue.outcome.structured["truncated"]
        assert len(orjson.dumps(dialogue.outcome.structured)) <= PLAIN_RUN.budget
        seen = [comment["id"] for comment in dialogue.result["conversation"]["comments"]] + seen
        cursor = dialogue.outcome.structured.get("next_cursor")
        if cursor is None:
            break
        arguments = {"id": ID, "next_cursor": cursor}
    assert seen == [comment["id"] for comment in comments]


def test_chosen_members_come_alone_but_for_the_reasons_why_a_part_is_null(tool: ToolByName) -> None:
    arguments = {"id": ID, "fields": ["order.amount", "customer.name"]}
    assert play(tool(CONTEXT), arguments, ALL).result == {"order": {"amount": 59.99}, "customer": {"name": "Ada"}}
    failed = play(tool(CONTEXT), arguments, {**ALL, ORDER: status(500)}).result
    assert (failed["order"], failed["customer"]) == (None, {"name": "Ada"})
    assert failed["errors"]["order"]["type"] == "upstream_error"
    unlinked = play(tool(CONTEXT), arguments, {**ALL, LINK: ok({})}).result
    assert unlinked == {"order": None, "customer": {"name": "Ada"}, "absent": {"order": NO_LINK}}
    chosen = play(tool(CONTEXT), {"id": ID, "fields": ["conversation.conversation_no"]}, ALL).result
    assert chosen == {"conversation": {"conversation_no": 1348}}


def test_hidden_part_is_shown_neither_as_a_result_nor_as_an_error(tool: ToolByName) -> None:
    for answers in (ALL, {**ALL, LINK: status(500)}, {**ALL, LINK: ok({})}):
        assert "link" not in str(list(play(tool(CONTEXT), {"id": ID}, answers).result))


def test_its_description_says_how_many_requests_it_makes(tool: ToolByName) -> None:
    parts: tuple[PartDescription, ...] = tool(CONTEXT).procedure.parts  # type: ignore[attr-defined]
    assert len(parts) == 4
    assert "up to four requests" in tool(CONTEXT).description


def test_part_that_was_left_out_neither_appears_nor_hides_what_failed(tool: ToolByName) -> None:
    answers = {**ALL, CUSTOMER: ok({"customer": {**PERSON, "note": "y" * 200_000}}), ORDER: status(500)}
    chosen = play(tool(CONTEXT), {"id": ID, "fields": ["conversation.conversation_no"]}, answers)
    assert list(chosen.result) == ["conversation", "errors"]
    assert chosen.result["errors"]["order"]["type"] == "upstream_error"
    assert "truncated" not in chosen.outcome.structured
    whole = play(tool(CONTEXT), {"id": ID}, answers)
    assert list(whole.result) == ["conversation", "order", "customer", "errors"]
    assert whole.result["errors"] == chosen.result["errors"]
    assert len(orjson.dumps(whole.outcome.structured)) <= PLAIN_RUN.budget

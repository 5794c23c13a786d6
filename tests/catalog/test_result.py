from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_gateway.models.limits import RateLimits
from mcp_gateway.models.outcomes import ErrorType
from mcp_gateway.models.upstream import UpstreamResponse
from tests.catalog.answers import ARGUMENTS, GET, LINK, LIST, ORDER, REPORT, TAG, UPDATE, shape
from tests.catalog.conftest import ToolByName


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ({"ticket": [{"id": "1", "odd": None}]}, [{"id": "1", "odd": None}]),
        ({"tickets": [{"id": "1"}], "count": 1}, [{"id": "1"}]),
        ({"data": [{"id": "1"}]}, [{"id": "1"}]),
        ([{"id": "1"}], [{"id": "1"}]),
        ({"ticket": {"id": "1"}}, [{"id": "1"}]),
        ({"ticket": None, "tickets": [{"id": "1"}]}, [{"id": "1"}]),
        ({"ticket": []}, []),
        ({"ticket": None}, []),
        ({"ticket": {}}, []),
        ({"count": 0, "facets": [{"status": "OPEN"}]}, []),
        ({"count": 0, "next_page": None, "previous_page": None}, []),
        ({}, []),
        ([], []),
    ],
)
def test_list_is_found_wherever_upstream_puts_it(tool: ToolByName, body: Any, result: list[Any]) -> None:
    outcome = shape(tool, LIST, body)
    assert outcome.error is None
    assert outcome.structured == {"result": result, "next_cursor": None}


@pytest.mark.parametrize(
    ("name", "body", "result"),
    [
        (GET, {"ticket": {"id": "1", "tags": []}}, {"id": "1", "tags": []}),
        (GET, {"tickets": {"id": "1"}}, {"id": "1"}),
        (GET, {"ticket": [{"id": "1"}]}, {"id": "1"}),
        (GET, {"id": "1", "status": "OPEN"}, {"id": "1", "status": "OPEN"}),
        (GET, [{"id": "1"}], {"id": "1"}),
        (GET, b'\xef\xbb\xbf{"ticket":{"id":"1"}}', {"id": "1"}),
        (ORDER, {"orderId": "11", "amount": 5.5}, {"orderId": "11", "amount": 5.5}),
        (ORDER, {"order": {"orderId": "11"}}, {"orderId": "11"}),
        (ORDER, {"orderId": "11", "errors": ["address"]}, {"orderId": "11", "errors": ["address"]}),
        (UPDATE, {"ticket": {"id": "1"}}, {"id": "1"}),
        (UPDATE, {"message": "ok"}, {"message": "ok"}),
        (UPDATE, {}, {}),
        (TAG, {"success": True}, {"success": True}),
        (TAG, "done", "done"),
        (TAG, ["a"], ["a"]),
    ],
)
def test_object_is_unwrapped_and_kept_whole(tool: ToolByName, name: str, body: Any, result: Any) -> None:
    outcome = shape(tool, name, body)
    assert outcome.error is None
    assert outcome.structured == {"result": result}


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ({"orderId": "11111", "appClientId": "acme1230"}, [{"orderId": "11111", "appClientId": "acme1230"}]),
        ({"order": {"orderId": 5, "x": 1}}, [{"orderId": 5, "x": 1}]),
        ([{"orderId": "1"}], [{"orderId": "1"}]),
        ({"orderId": []}, [{"orderId": []}]),
        ({}, []),
        ([], []),
        ({"order": None}, []),
        ({"orderId": None, "appClientId": None}, []),
        ({"orderId": ""}, []),
    ],
)
def test_order_link_is_a_list_of_none_or_one(tool: ToolByName, body: Any, result: list[Any]) -> None:
    assert shape(tool, LINK, body).structured == {"result": result, "next_cursor": None}


def test_is_operator_is_there_under_either_spelling_and_the_original_stays(tool: ToolByName) -> None:
    comments = [{"isOperator": True}, {"is_operator": False}, {"isOperator": True, "is_operator": False}, {}, "odd"]
    expected = [
        {"isOperator": True, "is_operator": True},
        {"is_operator": False},
        {"isOperator": True, "is_operator": False},
        {},
        "odd",
    ]
    for name in (GET, UPDATE):
        assert shape(tool, name, {"ticket": {"comments": comments}}).structured["result"]["comments"] == expected
    listed = shape(tool, LIST, {"ticket": [{"comments": comments}, {"comments": None}, "odd"]})
    assert listed.structured["result"] == [{"comments": expected}, {"comments": None}, {"value": "odd"}]


@pytest.mark.parametrize("name", [LIST, GET, LINK, ORDER])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \n",
        b"<html>gone</html>",
        b'{"ticket":',
        b'{"a":NaN}',
        b"\xff\xfe{",
        b'{"a":1}{"b":2}',
        b"null",
        b"3",
        b'"x"',
    ],
)
def test_unusable_answer_to_a_read_is_a_bad_response(tool: ToolByName, name: str, body: bytes) -> None:
    outcome = shape(tool, name, body)
    assert outcome.error is not None
    assert outcome.error.type is ErrorType.UPSTREAM_BAD_RESPONSE
    assert outcome.error.status == 200
    assert "html" not in outcome.error.message
    assert outcome.structured == {"error": outcome.error.to_dict()}


@pytest.mark.parametrize(
    ("name", "body"),
    [
        (LIST, {"ticket": "x"}),
        (LIST, {"ticket": 3}),
        (GET, {"ticket": "x"}),
        (GET, {"ticket": [{"id": "1"}, {"id": "2"}]}),
        (GET, [3]),
        (LINK, ["x"]),
    ],
)
def test_answer_of_the_wrong_type_is_a_bad_response(tool: ToolByName, name: str, body: Any) -> None:
    error = shape(tool, name, body).error
    assert error is not None
    assert error.type is ErrorType.UPSTREAM_BAD_RESPONSE


@pytest.mark.parametrize(
    "body",
    [{}, [], {"ticket": {}}, {"ticket": None}, {"ticket": []}, {"error": None}, {"message": "", "errors": []}],
)
def test_empty_place_of_a_single_record_is_not_found(tool: ToolByName, body: Any) -> None:
    error = shape(tool, GET, body).error
    assert error is not None
    assert error.type is ErrorType.NOT_FOUND
    assert "exactly as a list returned it" in error.message


def test_report_of_nothing_does_not_speak_of_an_id(tool: ToolByName) -> None:
    error = tool(REPORT).shape(UpstreamResponse(200, body=b"{}"), {}).error
    assert error is not None
    assert error.type is ErrorType.NOT_FOUND
    assert " id" not in error.message


def test_records_under_a_name_nobody_knows_are_not_told_as_none(tool: ToolByName) -> None:
    error = shape(tool, LIST, {"conversations": [{"id": "1"}], "count": 1}).error
    assert error is not None
    assert error.type is ErrorType.UPSTREAM_BAD_RESPONSE
    assert "ticket, tickets" in error.message


@pytest.mark.parametrize("name", [UPDATE, TAG])
@pytest.mark.parametrize("body", [b"", b"<html>", b"null", b"{"])
@pytest.mark.parametrize("status", [200, 204])
def test_accepted_write_with_an_unreadable_answer_is_a_success_with_a_notice(
    tool: ToolByName, name: str, body: bytes, status: int
) -> None:
    outcome = shape(tool, name, body, status)
    assert outcome.error is None
    assert outcome.structured["result"] == {}
    assert f"accepted the change (HTTP {status})" in outcome.structured["notice"]
    assert GET in outcome.structured["notice"]


@pytest.mark.parametrize("name", [LIST, GET, UPDATE, ORDER])
def test_success_that_holds_nothing_but_an_error_is_an_error(tool: ToolByName, name: str) -> None:
    error = shape(tool, name, {"error": {"message": "The archive is being moved."}}).error
    assert error is not None
    assert (error.type, error.status) == (ErrorType.UPSTREAM_REJECTED, 200)
    assert "The archive is being moved" in error.message


@pytest.mark.parametrize("name", [GET, UPDATE, TAG, ORDER])
@pytest.mark.parametrize("status", [200, 400, 404, 422])
@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "No conversations found with the given Id."}},
        {"errors": {"message": "Provided conversation id does not exist."}},
        {"error": [{"msg": "No order found with the given Id.", "param": "id"}]},
    ],
)
def test_words_that_mean_nothing_is_there_count_whatever_their_status(
    tool: ToolByName, name: str, status: int, body: Any
) -> None:
    error = shape(tool, name, body, status).error
    assert error is not None
    assert (error.type, error.status) == (ErrorType.NOT_FOUND, status)
    assert "Correct the arguments" not in error.message
    assert ("Use the id exactly" if name != ORDER else "This store has no such order") in error.message


NO_DATA: list[tuple[Any, ErrorType]] = [
    ({"message": "Endpoint request timed out"}, ErrorType.UPSTREAM_ERROR),
    ({"data": {"error": {"message": "Endpoint request timed out"}}}, ErrorType.UPSTREAM_ERROR),
    ({"message": "Forbidden"}, ErrorType.UPSTREAM_REJECTED),
    ({"error": "x", "ticket": None}, ErrorType.UPSTREAM_REJECTED),
    ({"error": "x", "ticket": [], "next_page": None}, ErrorType.UPSTREAM_REJECTED),
    ({"error": "x", "count": 0}, ErrorType.UPSTREAM_REJECTED),
    ({"error": True, "message": "x"}, ErrorType.UPSTREAM_REJECTED),
    ({"data": {"error": {"message": "x"}}}, ErrorType.UPSTREAM_REJECTED),
    ({"ticket": {"errors": [{"msg": "x", "param": "id"}]}}, ErrorType.UPSTREAM_REJECTED),
    ({"success": False}, ErrorType.UPSTREAM_REJECTED),
    ({"success": False, "data": None, "message": "x"}, ErrorType.UPSTREAM_REJECTED),
    ({"status": "error", "message": "x"}, ErrorType.UPSTREAM_REJECTED),
    ([{"msg": "Invalid value", "param": "ticket.status", "location": "body"}], ErrorType.UPSTREAM_REJECTED),
    ({"errorMessage": "x", "errorType": "TypeError", "trace": ["at y"]}, ErrorType.UPSTREAM_REJECTED),
    ({"errorMessage": "2026-01-01 1f3a Task timed out after 29.03 seconds"}, ErrorType.UPSTREAM_ERROR),
]
"""Bodies of a 200 that say what is wrong, with an empty place for the data at most."""


@pytest.mark.parametrize("name", [LIST, LINK, GET, ORDER])
@pytest.mark.parametrize(("body", "kind"), NO_DATA)
def test_success_with_an_error_in_place_of_the_data_is_an_error(
    tool: ToolByName, name: str, body: Any, kind: ErrorType
) -> None:
    error = shape(tool, name, body).error
    assert error is not None
    assert (error.type, error.status) == (kind, 200)


@pytest.mark.parametrize("name", [UPDATE, TAG])
@pytest.mark.parametrize(("body", "kind"), NO_DATA)
def test_write_answered_with_an_error_in_a_200_is_not_told_as_made(
    tool: ToolByName, name: str, body: Any, kind: ErrorType
) -> None:
    error = shape(tool, name, body).error
    if body == {"message": "Forbidden"}:
        # As good an answer to a write as `{"message": "Order attached."}`, which is documented.
        assert error is None
        return
    assert error is not None
    expected = ErrorType.OUTCOME_UNKNOWN if kind is ErrorType.UPSTREAM_ERROR else kind
    assert (error.type, error.status) == (expected, 200)


@pytest.mark.parametrize(
    ("told", "of_a_read", "of_a_write"),
    [
        (400, ErrorType.UPSTREAM_REJECTED, ErrorType.UPSTREAM_REJECTED),
        (401, ErrorType.UPSTREAM_AUTH, ErrorType.UPSTREAM_AUTH),
        (404, ErrorType.NOT_FOUND, ErrorType.NOT_FOUND),
        (429, ErrorType.RATE_LIMITED, ErrorType.RATE_LIMITED),
        (500, ErrorType.UPSTREAM_ERROR, ErrorType.UPSTREAM_ERROR),
        (504, ErrorType.UPSTREAM_ERROR, ErrorType.OUTCOME_UNKNOWN),
    ],
)
@pytest.mark.parametrize("member", ["statusCode", "status", "code"])
@pytest.mark.parametrize("text", ["message", "title", "detail"])
def test_status_that_only_the_body_names_counts(
    tool: ToolByName, member: str, text: str, told: int, of_a_read: ErrorType, of_a_write: ErrorType
) -> None:
    for name, kind in ((LIST, of_a_read), (GET, of_a_read), (UPDATE, of_a_write)):
        error = shape(tool, name, {member: told, text: "x"}).error
        assert error is not None
        assert (error.type, error.status) == (kind, told)


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ({"message": "ok", "ticket": []}, []),
        ({"success": True, "message": "none"}, []),
        ({"status": 200, "message": "none"}, []),
        ({"message": "none", "count": 0}, []),
        ({"error": None, "ticket": []}, []),
        ({"error": False, "errors": [], "ticket": [{"id": "1"}]}, [{"id": "1"}]),
        ({"error": "one page failed", "ticket": [{"id": "1"}]}, [{"id": "1"}]),
    ],
)
def test_list_that_is_there_is_a_list_whatever_stands_beside_it(tool: ToolByName, body: Any, result: list[Any]) -> None:
    outcome = shape(tool, LIST, body)
    assert outcome.error is None
    assert outcome.structured["result"] == result


def test_error_beside_the_answer_of_a_write_is_kept_and_pointed_at(tool: ToolByName) -> None:
    body = {"ticket": {"id": "1", "status": "CLOSED"}, "error": {"message": "The comment was not saved."}}
    outcome = shape(tool, UPDATE, body)
    assert outcome.error is None
    assert outcome.structured["result"] == body
    assert "error beside the result" in outcome.structured["notice"]
    assert GET in outcome.structured["notice"]


def test_two_records_where_one_was_asked_for_are_ambiguous_and_no_case_for_trying_again(tool: ToolByName) -> None:
    body = orjson.dumps({"customers": [{"id": "1"}, {"id": "2"}]})
    outcome = tool("get_single_richpanel_customer_by_id").shape(UpstreamResponse(200, body=body), {})
    assert outcome.error is not None
    assert (outcome.error.type, outcome.error.details) == (ErrorType.UPSTREAM_BAD_RESPONSE, {"matches": 2})
    assert "has 2 records that fit" in outcome.error.message
    assert "phone number" in outcome.error.message
    assert "later" not in outcome.error.message


def test_limits_travel_with_success_and_error(tool: ToolByName) -> None:
    limits = RateLimits(limit=50, remaining=49)
    for body in (b"{}", b""):
        assert tool(LIST).shape(UpstreamResponse(200, body=body), {}, limits).limits is limits


def test_walk_by_cursor_visits_each_page_once(tool: ToolByName) -> None:
    arguments: dict[str, Any] = {"status": "OPEN", "limit": 2}
    targets, seen = [], []
    for page in (["a", "b"], ["c", "d"], ["e"]):
        assert tool(LIST).validate(arguments) == ()
        targets.append(tool(LIST).build_request(arguments).target.partition("&sortKey")[0])
        body = orjson.dumps({"ticket": [{"id": item} for item in page]})
        structured = tool(LIST).shape(UpstreamResponse(200, body=body), arguments).structured
        seen += [record["id"] for record in structured["result"]]
        arguments = {"status": "OPEN", "next_cursor": structured["next_cursor"]}
    assert targets == [f"/tickets?page={page}&per_page=2&status=OPEN" for page in (1, 2, 3)]
    assert seen == ["a", "b", "c", "d", "e"]
    assert arguments["next_cursor"] is None


@given(body=st.binary(max_size=80), status=st.integers(100, 599))
def test_no_answer_breaks_the_shaper(tool: ToolByName, body: bytes, status: int) -> None:
    for name in (LIST, GET, UPDATE, LINK):
        outcome = shape(tool, name, body, status)
        assert ("error" in outcome.structured) is (outcome.error is not None)
        orjson.dumps(outcome.structured)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["ticket", "tickets", "error", "errors", "message", "comments", "orderId", "next_page", "id"]
            ),
            inner,
            max_size=4,
        )
    ),
)


@given(body=JSON, status=st.sampled_from([200, 201, 302, 400, 401, 403, 404, 409, 422, 429, 500, 504]))
def test_no_json_breaks_the_shaper(tool: ToolByName, body: Any, status: int) -> None:
    for name in ARGUMENTS:
        outcome = shape(tool, name, body, status)
        if outcome.error is not None:
            assert len(outcome.error.message) <= 2000
        orjson.dumps(outcome.structured)


@pytest.mark.parametrize(("depth", "fits"), [(90, True), (98, True), (99, False), (300, False), (900, False)])
def test_answer_nested_too_deep_to_be_written_back_is_a_bad_response(tool, depth, fits):
    nested = b"[" * depth + b"]" * depth
    outcome = tool("get_single_richpanel_conversation_by_id").shape(
        UpstreamResponse(200, {}, b'{"ticket":{"id":"x","a":' + nested + b"}}"), {"id": "x"}
    )
    assert (outcome.error is None) == fits
    if outcome.error is not None:
        assert outcome.error.type == "upstream_bad_response"


@pytest.mark.parametrize("status", [400, 409, 500])
def test_error_body_nested_very_deep_is_still_an_error_of_its_status(tool: ToolByName, status: int) -> None:
    body = b'{"error":' * 900 + b'"x"' + b"}" * 900
    outcome = tool("update_a_richpanel_conversation_by_id").shape(UpstreamResponse(status, {}, body), {"id": "x"})
    assert outcome.error is not None
    assert outcome.error.status == status

"""Tool calls through the whole gateway to the simulator."""

import asyncio

import pytest
from jsonschema_rs import Draft202012Validator

from richpanel_sim.faults import ForcedAnswer
from tests.e2e.conftest import RICHPANEL_KEY
from tests.support.catalog import names_of
from tests.support.gateways import running_gateway, settings_for

LIST = "list_all_richpanel_conversations"
GET = "get_single_richpanel_conversation_by_id"
UPDATE = "update_a_richpanel_conversation_by_id"
ORDERS = "list_all_richpanel_orders"
ORDER = "get_single_richpanel_order_by_id"
TAG = "create_a_richpanel_conversation_tag"
WRITES = set(names_of(methods=["write"]))


def upstreams(response, name):
    """A structured list without our own item, which is its last."""
    return response.headers[name].rpartition(', "gateway-token";')[0]


@pytest.fixture
async def server(world):
    return await world.gateway.server(api_key=RICHPANEL_KEY)


def result_of(answer):
    assert not answer.get("isError"), answer
    return answer["structuredContent"]["result"]


async def test_an_agent_finds_the_parcel_and_leaves_an_internal_note(world, server):
    call = world.gateway.call
    newest = result_of(await call(server.token, LIST, {"status": "OPEN", "limit": 1}))[0]
    conversation = result_of(await call(server.token, GET, {"id": newest["id"]}))
    link = result_of(await call(server.token, ORDERS, {"conversation_id": newest["id"]}))[0]
    order = result_of(await call(server.token, ORDER, {"appclient_id": link["appClientId"], "id": link["orderId"]}))
    tracking = order["fulfillment"][0]["tracking"][0]["trackingNumber"]
    note = f"Parcel {tracking} is on its way."
    result_of(await call(server.token, UPDATE, {"id": newest["id"], "comment_body": note}))
    after = result_of(await call(server.token, GET, {"id": newest["id"]}))
    assert len(after["comments"]) == len(conversation["comments"]) + 1
    assert after["comments"][-1]["body"] == note
    assert after["comments"][-1]["public"] is False


async def test_tags_and_priority_are_set_upstream(world, server):
    newest = result_of(await world.gateway.call(server.token, LIST, {"limit": 1}))[0]
    result_of(await world.gateway.call(server.token, TAG, {"conversation_id": newest["id"], "tags": ["escalated"]}))
    result_of(await world.gateway.call(server.token, UPDATE, {"id": newest["id"], "priority": "HIGH"}))
    after = result_of(await world.gateway.call(server.token, GET, {"id": newest["id"]}))
    assert "escalated" in after["tags"]
    assert after["priority"] == "HIGH"


@pytest.mark.requirement("state.explicit")
async def test_the_list_can_be_walked_to_its_end_by_cursor(world, server):
    seen, cursor = [], None
    for _ in range(20):
        arguments = {"limit": 25} | ({"next_cursor": cursor} if cursor else {})
        answer = await world.gateway.call(server.token, LIST, arguments)
        seen += [one["conversation_no"] for one in result_of(answer)]
        cursor = answer["structuredContent"]["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 60
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize("upstream_429", ["tool_error", "http_429"])
async def test_a_429_reaches_the_caller_at_once_with_the_wait_in_headers_and_result(world, upstream_429):
    server = await world.gateway.server({"upstream_429": upstream_429}, api_key=RICHPANEL_KEY)
    world.simulator.faults.add(
        ForcedAnswer(
            status=429,
            headers=(("Retry-After", "12"), ("X-RateLimit-Limit", "50"), ("X-RateLimit-Remaining", "0")),
            body=b'{"message": "Too many requests"}',
        )
    )
    before = world.simulator.recorder.total
    response = await world.gateway.rpc(server.token, "tools/call", {"name": LIST, "arguments": {}})
    assert response.status_code == (200 if upstream_429 == "tool_error" else 429)
    assert response.headers["retry-after"] == "12"
    assert response.headers["ratelimit-limit"] == "50"
    assert response.headers["ratelimit-remaining"] == "0"
    assert response.headers["ratelimit-reset"] == "12"
    assert upstreams(response, "ratelimit") == '"richpanel";r=0;t=12'
    assert upstreams(response, "ratelimit-policy") == '"richpanel";q=50;w=30'
    result = response.json()["result"]
    assert result["isError"] is True
    error = result["structuredContent"]["error"]
    message = error.pop("message")
    assert error == {
        "type": "rate_limited",
        "origin": "upstream",
        "status": 429,
        "retry_after_seconds": 12,
        "limit": 50,
        "remaining": 0,
        "reset_seconds": 12,
        "estimated": False,
    }
    assert "12" in message
    assert any(message == block["text"] for block in result["content"])
    assert world.simulator.recorder.total == before + 1


@pytest.mark.parametrize("upstream_429", ["tool_error", "http_429"])
async def test_300_upstream_429s_are_300_answers_and_none_is_repeated_or_swallowed(world, upstream_429):
    server = await world.gateway.server({"upstream_429": upstream_429}, api_key=RICHPANEL_KEY)
    world.simulator.faults.add(ForcedAnswer(status=429, headers=(("Retry-After", "12"),), times=300))
    before = world.simulator.recorder.total
    status = 200 if upstream_429 == "tool_error" else 429
    # The 20 at a time that many agents of one account may be; every fifth call is a write.
    for turn in range(15):
        calls = [*[(UPDATE, {"id": "x", "comment_body": f"{turn} {one}"}) for one in range(4)], *[(LIST, {})] * 16]
        answers = await asyncio.gather(
            *(world.gateway.rpc(server.token, "tools/call", {"name": n, "arguments": a}) for n, a in calls)
        )
        for answer in answers:
            assert (answer.status_code, answer.headers["retry-after"]) == (status, "12")
            error = answer.json()["result"]["structuredContent"]["error"]
            assert (error["type"], error["status"], error["retry_after_seconds"]) == ("rate_limited", 429, 12)
    assert world.simulator.recorder.total == before + 300
    assert len(world.simulator.faults) == 0


async def test_a_403_with_nothing_left_is_a_rate_limit_that_keeps_its_status_also_for_a_write(world, server):
    used_up = (("X-RateLimit-Limit", "50"), ("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "9"))
    world.simulator.faults.add(ForcedAnswer(status=403, headers=used_up, times=2))
    before = world.simulator.recorder.total
    for name, arguments in ((LIST, {}), (UPDATE, {"id": "x", "comment_body": "hello"})):
        response = await world.gateway.rpc(server.token, "tools/call", {"name": name, "arguments": arguments})
        assert (response.status_code, response.headers["retry-after"]) == (200, "9")
        error = response.json()["result"]["structuredContent"]["error"]
        assert (error["type"], error["status"], error["retry_after_seconds"]) == ("rate_limited", 403, 9)
    assert world.simulator.recorder.total == before + 2


async def test_further_quotas_of_upstream_are_passed_on_beside_the_one_that_binds(world, server):
    told = (
        ("RateLimit", '"burst";r=5;t=3, "daily";r=900'),
        ("RateLimit-Policy", '"burst";q=10;w=5, "daily";q=1000;w=86400'),
    )
    world.simulator.faults.add(ForcedAnswer(status=200, headers=told, body=b'{"ticket": []}'))
    response = await world.gateway.rpc(server.token, "tools/call", {"name": LIST, "arguments": {}})
    assert response.headers["ratelimit-remaining"] == "5"
    assert upstreams(response, "ratelimit") == '"richpanel";r=5;t=3, "daily";r=900'
    assert upstreams(response, "ratelimit-policy") == '"richpanel";q=10;w=5, "daily";q=1000;w=86400'


async def test_a_quota_named_after_the_key_does_not_tell_it(world, server):
    told = (("RateLimit", f'"a";r=5, "{RICHPANEL_KEY}";r=900'), ("X-RateLimit-Limit", "50"))
    world.simulator.faults.add(ForcedAnswer(status=200, headers=told, body=b'{"ticket": []}'))
    response = await world.gateway.rpc(server.token, "tools/call", {"name": LIST, "arguments": {}})
    assert response.headers["ratelimit-remaining"] == "5"
    assert upstreams(response, "ratelimit") == '"richpanel";r=5, "[redacted]";r=900'


async def test_a_success_tells_the_quota_that_is_left(world, server):
    response = await world.gateway.rpc(server.token, "tools/call", {"name": LIST, "arguments": {}})
    assert response.headers["ratelimit-limit"] == "50"
    assert response.headers["ratelimit-remaining"] == "49"
    assert "retry-after" not in response.headers


@pytest.mark.parametrize(
    ("conversation_id", "wire"),
    [
        ("<m@x>", b"/v1/tickets/%3Cm%40x%3E"),
        ("a/b", b"/v1/tickets/a%2Fb"),
        ("?x=1", b"/v1/tickets/%3Fx%3D1"),
        ("a b%2F", b"/v1/tickets/a%20b%252F"),
        ("é", b"/v1/tickets/%C3%A9"),
    ],
)
async def test_any_other_id_reaches_richpanel_as_one_encoded_segment(world, server, conversation_id, wire):
    answer = await world.gateway.call(server.token, GET, {"id": conversation_id})
    assert answer["structuredContent"]["error"]["type"] == "not_found"
    assert world.simulator.recorder.requests[-1].target == wire


@pytest.mark.requirement("tools.inputs")
@pytest.mark.parametrize("bad", ["", ".", "..", "a\nb", "a\x00b", "\x7f", "number", "email", "PHONE"])
async def test_ids_that_would_reach_another_route_are_refused_and_nothing_is_sent(world, server, bad):
    before = world.simulator.recorder.total
    answer = await world.gateway.call(server.token, GET, {"id": bad})
    assert answer["isError"] is True
    error = answer["structuredContent"]["error"]
    assert (error["type"], error["origin"]) == ("invalid_arguments", "gateway")
    assert error["problems"][0]["path"] == "id"
    assert world.simulator.recorder.total == before


@pytest.mark.requirement("tools.inputs")
async def test_arguments_that_do_not_fit_name_what_is_allowed_and_nothing_is_sent(world, server):
    before = world.simulator.recorder.total
    answer = await world.gateway.call(server.token, LIST, {"status": "pending", "limit": 500, "color": "red"})
    problems = {problem["path"]: problem for problem in answer["structuredContent"]["error"]["problems"]}
    assert problems["status"]["allowed"] == ["OPEN", "CLOSED"]
    assert "100" in problems["limit"]["message"]
    assert "status" in problems["color"]["allowed"]
    assert world.simulator.recorder.total == before


@pytest.mark.requirement("tools.access")
async def test_read_server_lists_no_write_tool_and_refuses_one_called_by_name(world):
    server = await world.gateway.server({"methods": ["read"]}, api_key=RICHPANEL_KEY)
    assert not WRITES & set(await world.gateway.tool_names(server.token))
    before = world.simulator.recorder.total
    answer = await world.gateway.call(server.token, TAG, {})
    assert answer["structuredContent"]["error"]["type"] == "tool_unavailable"
    assert LIST in answer["structuredContent"]["error"]["message"]
    assert world.simulator.recorder.total == before


async def test_orders_server_lists_only_order_tools(world):
    server = await world.gateway.server({"tags": ["orders"]}, api_key=RICHPANEL_KEY)
    assert await world.gateway.tool_names(server.token) == names_of(tags=["orders"])


async def test_wrong_richpanel_key_is_an_error_that_does_not_repeat_it(world):
    server = await world.gateway.server(api_key="rp_wrong_canary_key_9999")
    response = await world.gateway.rpc(server.token, "tools/call", {"name": LIST, "arguments": {}})
    assert response.json()["result"]["structuredContent"]["error"]["type"] == "upstream_auth"
    assert "canary" not in response.text


@pytest.mark.requirement("tools.outputs")
async def test_a_key_that_upstream_repeats_in_its_answer_is_masked(world, server):
    world.simulator.faults.add(
        ForcedAnswer(status=401, body=f'{{"error": {{"message": "the key {RICHPANEL_KEY} has expired"}}}}'.encode())
    )
    response = await world.gateway.rpc(server.token, "tools/call", {"name": LIST, "arguments": {}})
    assert "has expired" in response.text
    assert RICHPANEL_KEY not in response.text


async def test_a_replaced_richpanel_key_holds_for_the_next_call(world):
    server = await world.gateway.server(api_key="rp_wrong_canary_key_9999")
    assert (await world.gateway.call(server.token, LIST, {}))["isError"] is True
    changed = await world.gateway.admin(
        "PATCH", f"/integrated-account/{server.account_id}", {"credentials": {"api_key": RICHPANEL_KEY}}
    )
    assert changed.status_code == 200
    result_of(await world.gateway.call(server.token, LIST, {}))


async def test_a_write_whose_connection_breaks_is_outcome_unknown_and_is_sent_once(world, server):
    world.simulator.faults.add(ForcedAnswer(kind="drop", method="PUT"))
    newest = result_of(await world.gateway.call(server.token, LIST, {"limit": 1}))[0]
    before = world.simulator.recorder.total
    answer = await world.gateway.call(server.token, UPDATE, {"id": newest["id"], "comment_body": "hello"})
    assert answer["structuredContent"]["error"]["type"] == "outcome_unknown"
    assert world.simulator.recorder.total == before + 1


async def test_refused_connection_is_unreachable_even_for_a_write(stores, world):
    server = await world.gateway.server(api_key=RICHPANEL_KEY)
    async with running_gateway(settings_for(stores, richpanel_url="http://127.0.0.1:9/v1")) as elsewhere:
        answer = await elsewhere.call(server.token, UPDATE, {"id": "x", "comment_body": "hello"})
    assert answer["structuredContent"]["error"]["type"] == "upstream_unreachable"


@pytest.mark.requirement("auth.no-passthrough")
async def test_nothing_of_the_callers_headers_reaches_richpanel(world, server):
    headers = {"cookie": "a=b", "x-forwarded-for": "1.2.3.4", "traceparent": "00-1-1-01", "x-api-token": "secret"}
    await world.gateway.call(server.token, LIST, {}, headers=headers)
    sent = {name for name, _ in world.simulator.recorder.requests[-1].headers}
    assert sent == {b"accept", b"accept-encoding", b"user-agent", b"x-richpanel-key", b"host"}, sent


@pytest.mark.requirement("tools.output-conforms", "tools.output-object")
async def test_every_tools_answers_fit_the_output_schema_of_the_list(world, server):
    call = world.gateway.call
    listed = (await world.gateway.rpc(server.token, "tools/list")).json()["result"]["tools"]
    schemas = {tool["name"]: tool["outputSchema"] for tool in listed}
    fitting = await fitting_calls(lambda name, arguments: call(server.token, name, arguments))
    assert fitting.keys() == schemas.keys()
    for name, arguments in fitting.items():
        assert schemas[name]["type"] == "object"
        for given in (arguments, {**arguments, "unknown": 1}):
            answer = await call(server.token, name, given)
            assert answer["isError"] is ("unknown" in given), (name, answer)
            Draft202012Validator(schemas[name]).validate(answer["structuredContent"])


async def fitting_calls(call):
    """Arguments that succeed, for every tool."""

    async def first(name, **arguments):
        return result_of(await call(name, arguments))[0]

    newest = await first(LIST, limit=1)
    link = await first(ORDERS, conversation_id=newest["id"])
    items = [{"id": "p", "name": "Shirt", "price": 5, "quantity": 1}]
    order = {"order_id": "o-1", "customer_uid": "c-1", "amount": 5, "items": items}
    linked = {"conversation_id": newest["id"], "order_id": link["orderId"]}
    day = {"start_date": "2026-01-01", "end_date": "2026-01-01"}
    store = {"appclient_id": link["appClientId"]}
    customer = {"type": "email", "value": newest["via"]["source"]["from"]["address"]}
    user, channel = [await first(f"list_all_richpanel_{kind}") for kind in ("users", "channels")]
    return {
        **{f"list_all_richpanel_{kind}": {} for kind in ("users", "teams", "tags", "channels")},
        LIST: {"limit": 2},
        GET: {"id": newest["id"]},
        "get_richpanel_conversation_context": {"id": newest["id"]},
        "get_single_richpanel_conversation_by_number": {"conversation_no": str(newest["conversation_no"])},
        "list_all_richpanel_customer_conversations": customer,
        "create_a_richpanel_conversation": {"from": "ada@shopper.example", "body": "hello"},
        UPDATE: {"id": newest["id"], "priority": "HIGH", "verify": True},
        "create_a_richpanel_conversation_message": {"conversation_id": newest["id"], "body": "hello"},
        "create_a_richpanel_conversation_order": {**linked, **store},
        TAG: {"conversation_id": newest["id"], "tags": ["vip"]},
        "delete_a_richpanel_conversation_tag_by_id": {"conversation_id": newest["id"], "tags": ["vip"]},
        ORDERS: {"conversation_id": newest["id"]},
        ORDER: {**store, "id": link["orderId"]},
        "create_a_richpanel_order": {**store, **order},
        "create_a_richpanel_subscription": {**store, **order},
        "get_single_richpanel_customer_by_id": customer,
        "create_a_richpanel_customer": {"uid": "c-1", "name": "Ada"},
        "get_single_richpanel_user_by_id": {"id": user["id"]},
        "create_a_richpanel_tag": {"name": "wholesale"},
        "get_single_richpanel_channel_by_id": {"id": channel["id"]},
        "create_a_richpanel_file": {"name": "note.txt", "content": "SGVsbG8="},
        "create_a_richpanel_report_query": {**day, "metrics": ["closed_conversations"]},
    }

"""Numbers for ids, text for numbers, a check after a write, and a conversation with all that belongs to it."""

import pytest

from richpanel_sim.faults import ForcedAnswer
from tests.e2e.conftest import RICHPANEL_KEY

UPDATE = "update_a_richpanel_conversation_by_id"
TAG = "create_a_richpanel_conversation_tag"
GET = "get_single_richpanel_conversation_by_id"
LIST = "list_all_richpanel_conversations"
CONTEXT = "get_richpanel_conversation_context"
META = "richpanel-mcp-gateway/"


@pytest.fixture
async def server(world):
    return await world.gateway.server(api_key=RICHPANEL_KEY)


@pytest.fixture
def ticket(world):
    """The newest open conversation, which has an order."""
    [tenant] = world.simulator.tenants.values()
    return next(one for one in tenant.newest_open() if one["id"] in tenant.order_links)


def sent(world):
    return [(request.method, request.target.decode()) for request in world.simulator.recorder.requests]


async def test_number_is_read_in_one_request(world, server, ticket):
    number = str(ticket["conversation_no"])
    result = await world.gateway.call(server.token, GET, {"id": number})
    assert result["structuredContent"]["result"]["id"] == ticket["id"]
    assert result["_meta"][META + "resolved"] == {"id": {"number": number}}
    assert sent(world) == [("GET", f"/v1/tickets/number/{number}")]


async def test_write_by_number_is_one_read_and_one_write_to_the_id(world, server, ticket):
    number = str(ticket["conversation_no"])
    result = await world.gateway.call(server.token, TAG, {"conversation_id": number, "tags": ["vip"]})
    assert not result["isError"]
    assert result["_meta"][META + "resolved"] == {"conversation_id": {"number": number, "id": ticket["id"]}}
    assert [method for method, _ in sent(world)] == ["GET", "PUT"]
    assert "vip" in ticket["tags"]


async def test_number_nobody_has_writes_nothing(world, server):
    result = await world.gateway.call(server.token, TAG, {"conversation_id": "1", "tags": ["vip"]})
    assert result["structuredContent"]["error"]["type"] == "not_found"
    assert sent(world) == [("GET", "/v1/tickets/number/1")]


async def test_rate_limit_on_the_look_up_writes_nothing_and_is_told(world, server, ticket):
    world.simulator.faults.add(ForcedAnswer(kind="rate_limited", seconds=9))
    arguments = {"conversation_id": str(ticket["conversation_no"]), "tags": ["vip"]}
    error = (await world.gateway.call(server.token, TAG, arguments))["structuredContent"]["error"]
    assert (error["type"], error["retry_after_seconds"]) == ("rate_limited", 9)
    assert len(sent(world)) == 1


async def test_verification_tells_field_by_field_what_was_applied(world, server, ticket):
    world.simulator.switches = world.simulator.switches.altered({"put_priority": False})
    changes = {"status": "CLOSED", "priority": "HIGH", "comment_body": "Done.", "verify": True}
    result = await world.gateway.call(server.token, UPDATE, {"id": ticket["id"], **changes})
    assert result["structuredContent"]["applied"] == {"status": True, "priority": False, "comment_body": True}
    assert [method for method, _ in sent(world)] == ["PUT", "GET"]


async def test_verification_that_cannot_be_made_says_unknown_and_the_write_stays_a_success(world, server, ticket):
    world.simulator.faults.add(ForcedAnswer(kind="server_error", method="GET"))
    result = await world.gateway.call(server.token, UPDATE, {"id": ticket["id"], "status": "CLOSED", "verify": True})
    assert not result["isError"]
    assert result["structuredContent"]["applied"] == {"status": "unknown"}


async def test_without_verify_a_write_is_one_request(world, server, ticket):
    result = await world.gateway.call(server.token, UPDATE, {"id": ticket["id"], "status": "CLOSED"})
    assert "applied" not in result["structuredContent"]
    assert len(sent(world)) == 1


@pytest.mark.parametrize("said", ["id", "number"])
async def test_context_is_conversation_order_and_customer_in_four_requests(world, server, ticket, said):
    value = ticket["id"] if said == "id" else str(ticket["conversation_no"])
    result = (await world.gateway.call(server.token, CONTEXT, {"id": value}))["structuredContent"]["result"]
    assert result["conversation"]["id"] == ticket["id"]
    assert result["order"]["items"]
    assert result["customer"]["email"] == ticket["customer_profile"]["email"]
    assert "errors" not in result
    assert len(sent(world)) == 4


async def test_part_of_the_context_that_fails_leaves_the_others(world, server, ticket):
    world.simulator.faults.add(ForcedAnswer(kind="server_error", path="/v1/customers"))
    answer = await world.gateway.call(server.token, CONTEXT, {"id": ticket["id"]})
    result = answer["structuredContent"]["result"]
    assert not answer["isError"]
    assert result["customer"] is None
    assert result["errors"]["customer"]["type"] == "upstream_error"
    assert result["order"]["items"]


async def test_context_without_an_order_says_why_there_is_none(world, server):
    [tenant] = world.simulator.tenants.values()
    unlinked = next(one for one in tenant.newest_open() if one["id"] not in tenant.order_links)
    result = (await world.gateway.call(server.token, CONTEXT, {"id": unlinked["id"]}))["structuredContent"]["result"]
    assert result["order"] is None
    assert "No order is linked" in result["absent"]["order"]


async def test_context_of_nothing_is_not_found(world, server):
    error = (await world.gateway.call(server.token, CONTEXT, {"id": "nope"}))["structuredContent"]["error"]
    assert error["type"] == "not_found"


async def test_arguments_that_leave_no_doubt_are_repaired_and_the_repair_is_told(world, server):
    result = await world.gateway.call(server.token, LIST, {"status": "open", "limit": "2", "sort_order": None})
    assert len(result["structuredContent"]["result"]) == 2
    assert result["_meta"][META + "repaired"] == [
        {"path": "status", "given": "open", "used": "OPEN"},
        {"path": "sort_order", "given": None},
        {"path": "limit", "given": "2", "used": 2},
    ]


async def test_state_that_does_not_exist_is_refused_with_what_there_is(world, server, ticket):
    arguments = {"id": ticket["id"], "status": "pending"}
    error = (await world.gateway.call(server.token, UPDATE, arguments))["structuredContent"]["error"]
    assert error["type"] == "invalid_arguments"
    for word in ("OPEN", "CLOSED", "snoozed_till"):
        assert word in error["message"]
    assert sent(world) == []


async def test_file_goes_up_and_can_be_attached(world, server, ticket):
    content = "QUJD" * 200_000
    uploaded = await world.gateway.call(server.token, "create_a_richpanel_file", {"name": "a.bin", "content": content})
    file = uploaded["structuredContent"]["result"]
    assert (file["size"], file["name"]) == (600_000, "a.bin")
    message = {"conversation_id": ticket["id"], "body": "See attachment.", "attachments": [file["url"]]}
    assert not (await world.gateway.call(server.token, "create_a_richpanel_conversation_message", message))["isError"]


async def test_file_over_the_limit_or_no_base64_is_refused_before_it_is_sent(world, server):
    for content, word in (("QUJD" * 240_000, "716800"), ("not base64!", "base64")):
        arguments = {"name": "a.bin", "content": content}
        error = (await world.gateway.call(server.token, "create_a_richpanel_file", arguments))["structuredContent"][
            "error"
        ]
        assert error["type"] == "invalid_arguments"
        assert word in error["message"]
    assert sent(world) == []

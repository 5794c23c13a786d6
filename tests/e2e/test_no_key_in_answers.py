"""Richpanel repeats an account's key in an answer, written in any of JSON's ways: nobody gets to read it."""

import re

import orjson
import pytest

from richpanel_sim.faults import ForcedAnswer
from tests.support.problems import field_problem

LIST = "list_all_richpanel_conversations"
UPDATE = "update_a_richpanel_conversation_by_id"
KEY = "rp_canary/key<of>tests_0001"
ESCAPED = [
    KEY,
    KEY.replace("/", "\\/"),
    KEY.replace("<", "\\u003c").replace(">", "\\u003E"),
    KEY.replace("r", "\\u0072", 1),
    "".join(f"\\u{ord(character):04x}" for character in KEY),
    "".join(f"\\u{ord(character):04X}" for character in KEY),
]
"""As a JSON string may hold it."""


@pytest.fixture
async def server(world):
    return await world.gateway.server(api_key=KEY)


def bodies(spelled: str) -> list[tuple[int, str]]:
    inner = f'{{"error": "bad key {spelled}"}}'
    return [
        (401, f'{{"error": {{"message": "the key {spelled} has expired"}}}}'),
        (400, f'{{"errors": [{{"param": "{spelled}", "msg": "no", "value": "{spelled}"}}]}}'),
        (500, orjson.dumps({"message": inner}).decode()),
        (400, f"the key {spelled}"),
        (200, f'{{"ticket": [{{"id": "a", "{spelled}": ["{spelled}"]}}]}}'),
    ]


def reads_of(text: str) -> set[str]:
    """The text, and what it says once each JSON inside it has been read."""
    unescaped = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
    return {text, unescaped, re.sub(r"\\+/", "/", unescaped)}


@pytest.mark.parametrize("spelled", ESCAPED, ids=["plain", "slash", "angles", "first", "lower", "upper"])
async def test_a_key_is_masked_however_it_is_escaped(world, server, spelled):
    for status, body in bodies(spelled):
        for tool, arguments in ((LIST, {}), (UPDATE, {"id": "a", "status": "CLOSED"})):
            world.simulator.faults.add(ForcedAnswer(status=status, body=body.encode()))
            response = await world.gateway.rpc(server.token, "tools/call", {"name": tool, "arguments": arguments})
            assert all(KEY not in said for said in reads_of(response.text)), (status, body, response.text)
            assert "[redacted]" in response.text


async def test_escapes_that_are_not_of_the_key_stay_as_they_are(world, server):
    subject = 'Café "A/B" <p>\n\t\\ rp_canary\\key \U0001f600 ' + KEY[:-1]
    escaped = "".join(f"\\u{unit:04x}" for unit in memoryview(subject.encode("utf-16-le")).cast("H"))
    for written in (escaped, orjson.dumps(subject).decode()[1:-1].replace("/", "\\/")):
        body = f'{{"ticket": [{{"id": "a", "subject": "{written}"}}]}}'
        world.simulator.faults.add(ForcedAnswer(status=200, body=body.encode()))
        answer = await world.gateway.call(server.token, LIST, {})
        assert answer["structuredContent"]["result"] == [{"id": "a", "subject": subject}]


@pytest.mark.parametrize("key", ["", "rp_1234"])
async def test_a_key_too_short_to_be_masked_is_refused_with_the_reason(world, key):
    tenant_id = await world.gateway.tenant()
    body = {"integration": "richpanel", "name": "shop", "tenant_id": tenant_id, "credentials": {"api_key": key}}
    refused = field_problem(await world.gateway.admin("POST", "/integrated-account", body), "credentials.api_key")
    assert "at least 8 characters" in refused["message"]
    assert "masked" in refused["message"]


async def test_an_escape_that_ends_in_the_first_letter_of_the_key_leaves_json(world, server):
    body = f'{{"ticket": [{{"id": "a", "subject": "line\\r{KEY[1:]}"}}, {{"id": "b"}}]}}'
    world.simulator.faults.add(ForcedAnswer(status=200, body=body.encode()))
    answer = await world.gateway.call(server.token, LIST, {})
    assert [one["id"] for one in answer["structuredContent"]["result"]] == ["a", "b"]

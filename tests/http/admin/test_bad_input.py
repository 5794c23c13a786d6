"""Bodies that cannot be read or do not fit: a clear 4xx, never a 5xx."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from mcp_gateway.constants import MAX_REQUEST_BYTES
from mcp_gateway.http.admin.schemas import AccountCreate, ServerPatch
from tests.support.gateways import OPERATOR_KEY
from tests.support.problems import field_problem, problem

HEADERS = {"authorization": f"Bearer {OPERATOR_KEY}", "content-type": "application/json"}


async def post(gateway, content, path="/tenant", **headers):
    return await gateway.client.post(gateway.url + path, content=content, headers={**HEADERS, **headers})


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[",
        b'{"name": }',
        b"{'name': 'x'}",
        b"\xff\xfe",
        b'{"name":"\xff"}',
        b"[" * 100_000,
        b'{"name":' + b"1" * 5000 + b"}",
    ],
    ids=lambda content: repr(content[:12]),
)
async def test_what_is_no_json_is_400(gateway, content):
    problem(await post(gateway, content), 400, "malformed_request")


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b'"x"', b"1", b"true"])
async def test_json_that_is_no_object_is_refused_clearly(gateway, content):
    assert "JSON object" in field_problem(await post(gateway, content), "")["message"]


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"])
async def test_other_content_types_are_told_what_is_wanted(gateway, content_type):
    response = await post(gateway, b"name=x", **{"content-type": content_type})
    assert "application/json" in field_problem(response, "")["message"]


@pytest.mark.parametrize(
    "name",
    [None, 1, True, [], {}, "", "   ", "\t\n", "x" * 201, "\u00a0" + "x" * 200, "a\x00b", "a\nb", "a\x1bb", "a\x7fb"],
    ids=repr,
)
async def test_name_that_is_none_is_refused(gateway, name):
    field_problem(await gateway.admin("POST", "/tenant", {"name": name}), "name")


async def test_name_of_200_characters_of_any_script_is_kept(gateway):
    for name in ("x" * 200, "𝄞" * 200, "Ünïcødé 店 🛒"):
        assert (await gateway.made("/tenant", {"name": name}))["name"] == name


@pytest.mark.parametrize(
    "content", [rb'{"name":"\ud800"}', rb'{"\ud800":1,"name":"x"}', rb'{"name":"x","\udfff\u0000":1}']
)
async def test_lone_surrogates_are_refused_without_a_fault(gateway, content):
    problem(await post(gateway, content), 400, "malformed_request")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"name":"x","name":"y"}', "same member twice"),
        (b'{"name":"x","n\\u0061me":"y"}', "same member twice"),
        (b'{"name":"x","config":{"a":1,"a":2}}', "same member twice"),
        (b'{"name":' + b"[" * 33 + b"]" * 33 + b"}", "more than 32 levels"),
        (b"{" + b",".join(b'"k%d":1' % n for n in range(1001)) + b"}", "more than 1000 members"),
        (b'{"name":NaN}', "not JSON"),
        (b'{"name":"x"} {}', "not JSON"),
        (b'\xef\xbb\xbf{"name":"x"}', "not JSON"),
    ],
    ids=lambda value: repr(value[:24]),
)
@pytest.mark.parametrize("content_type", ["application/json", "application/vnd.api+json"])
async def test_json_that_parsers_read_differently_or_that_is_built_to_cost_is_400(gateway, content, said, content_type):
    answer = problem(await post(gateway, content, **{"content-type": content_type}), 400, "malformed_request")
    assert said in answer["detail"]


@pytest.mark.parametrize("coding", ["gzip", "identity, gzip", "br", "x", ""])
async def test_body_in_a_coding_is_415(gateway, coding):
    problem(await post(gateway, b'{"name":"x"}', **{"content-encoding": coding}), 415, "unsupported_media_type")


async def test_unknown_key_is_named_with_the_known_ones(gateway):
    response = await gateway.admin("POST", "/api-token", {"name": "n", "tenant": "x"})
    found = field_problem(response, "tenant")
    assert found["allowed"] == ["name", "tenant_id", "scopes", "expires_at"]
    assert found["code"] == "unknown"
    assert "known: name, tenant_id, scopes, expires_at" in response.json()["detail"]


async def test_refusal_of_many_unknown_keys_stays_small(gateway):
    response = await gateway.admin("POST", "/tenant", {f"{number}" * 50: 1 for number in range(999)})
    assert len(problem(response, 422, "invalid_input")["errors"]) == 20
    assert len(response.content) < 20_000


async def test_refusal_of_many_wrong_values_stays_small(gateway):
    response = await gateway.admin("POST", "/api-token", {"name": "n", "scopes": ["fly"] * 200})
    assert len(problem(response, 422, "invalid_input")["errors"]) <= 20


async def test_body_of_just_the_limit_is_read(gateway):
    content = b'{"name":"x"}'
    assert (await post(gateway, content + b" " * (MAX_REQUEST_BYTES - len(content)))).status_code == 201


async def test_body_over_the_limit_is_413(gateway):
    content = b'{"name":"x"}'
    response = await post(gateway, content + b" " * (MAX_REQUEST_BYTES + 1 - len(content)))
    assert str(MAX_REQUEST_BYTES) in problem(response, 413, "payload_too_large")["detail"]


async def test_chunked_body_is_413_once_it_is_over_the_limit(gateway):
    async def chunks():
        yield b'{"name":"'
        for _ in range(17):
            yield b"x" * 65_536

    problem(await post(gateway, chunks()), 413, "payload_too_large")


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
async def paths(gateway) -> list[str]:
    server = await gateway.server()
    account = f"/integrated-account/{server.account_id}"
    return ["/tenant", "/api-token", "/integrated-account", f"{account}/mcp", account, f"{account}/mcp/{server.id}"]


def shaped(model: type[BaseModel]):
    return st.dictionaries(st.sampled_from(list(model.model_fields)), JSON, max_size=4)


BODIES = [b"[]", b"{}", b'{"config":{}}', b'{"credentials":{}}', b'{"name":{}}']


@given(st.data())
def test_schemas_refuse_any_json_with_their_own_error_only(data):
    models: tuple[type[BaseModel], ...] = (AccountCreate, ServerPatch)
    for model in models:
        body: Any = data.draw(JSON | shaped(model))
        with contextlib.suppress(ValidationError):
            assert model.model_validate(body).model_fields_set <= set(body)


@pytest.mark.parametrize("content", BODIES)
async def test_no_body_makes_a_fault_on_any_route(gateway, paths, content):
    for path in paths:
        method = "PATCH" if path.count("/") in {2, 4} else "POST"
        response = await gateway.client.request(method, gateway.url + path, content=content, headers=HEADERS)
        assert response.status_code < 500
        if response.status_code >= 400:
            problem(response, 422, "invalid_input")

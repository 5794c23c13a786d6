"""What leaves: the target byte for byte, and no header but ours."""

from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span

from mcp_gateway.exceptions import FaultError
from mcp_gateway.models.upstream import UpstreamRequest
from mcp_gateway.upstream.client import IntegrationClient
from tests.support.peers import Peer, always, answer
from tests.upstream.conftest import KEY, MakeClient, request

TARGETS = [
    "/tickets/m%40x.example",
    "/tickets/a%2Fb",
    "/tickets/%3Fx%3D1",
    "/tickets/%3Cm%40x%3E?per_page=10&sort=-updated_at",
    "/tickets/%23",
    "/tickets/100%25",
    "/tickets/%e2%82%ac",
    "/tickets/~a.b-c_d",
    "/a//b/",
    "/tickets?q=%20&r=+&s=a%26b&t[]=1",
    "/tickets?",
]


@pytest.mark.parametrize("base_path", ["", "/v1"])
@pytest.mark.parametrize("target", TARGETS)
async def test_target_reaches_the_wire_byte_for_byte(make_client: MakeClient, base_path: str, target: str):
    async with Peer(always(answer())) as peer:
        await make_client(peer.url + base_path).send(request(target=target), KEY)
        assert peer.targets == [f"{base_path}{target}".encode()]


segments = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(lambda text: text not in {".", ".."})


@given(ids=st.lists(segments, min_size=1, max_size=20), cursor=segments)
# On a fresh clone the first draw builds hypothesis' table of Unicode, which takes a second.
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_any_encoded_id_reaches_the_wire_byte_for_byte(ids: list[str], cursor: str):
    targets = [f"/tickets/{quote(one, safe='')}?next={quote(cursor, safe='')}" for one in ids]
    async with Peer(always(answer())) as peer:
        client = IntegrationClient(
            base_url=peer.url,
            connect_timeout_seconds=5,
            timeout_seconds=10,
            max_bytes=100,
            max_idle_connections=1,
        )
        for target in targets:
            await client.send(request(target=target), KEY)
        await client.aclose()
        assert peer.targets == [target.encode() for target in targets]


@pytest.mark.parametrize(
    "target",
    [
        *("", "tickets", "@other.example/", ":80/", "/a/../b", "/%2e%2e/b", "/a/.", "/a/%2E", "/a#b", "/a?b#c"),
        *("/a b", "/a\\b", "/é", "/a\nb", "/a\tb", "/a\r\nx: y"),
    ],
)
async def test_target_the_url_parser_would_rewrite_is_never_sent(make_client: MakeClient, target: str):
    async with Peer(always(answer())) as peer:
        with pytest.raises(FaultError):
            await make_client(peer.url).send(request(target=target), KEY)
        assert peer.connections == 0


async def test_get_carries_these_headers_and_no_other(make_client: MakeClient):
    async with Peer(always(answer())) as peer:
        await make_client(peer.url).send(request(), KEY)
        assert peer.exchanges[0].headers == {
            "accept": "application/json",
            "accept-encoding": "identity",
            "host": f"127.0.0.1:{peer.port}",
            "user-agent": "richpanel-mcp-gateway",
            "x-richpanel-key": KEY,
        }


async def test_trace_of_the_caller_is_not_told_upstream(make_client: MakeClient):
    async with Peer(always(answer())) as peer:
        client = make_client(peer.url)
        with use_span(NonRecordingSpan(SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1)))):
            await client.send(request(), KEY)
        assert "traceparent" not in peer.exchanges[0].headers


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_body_adds_its_type_and_length_only(make_client: MakeClient, method: str):
    async with Peer(always(answer())) as peer:
        await make_client(peer.url).send(request(method), KEY)
        await make_client(peer.url).send(UpstreamRequest(method=method, target="/tickets"), KEY)
        with_body, without = peer.exchanges
        assert with_body.headers.keys() - without.headers.keys() == {"content-type"}
        assert (with_body.headers["content-type"], with_body.headers["content-length"]) == ("application/json", "13")
        assert (with_body.body, without.body) == (b'{"ticket":{}}', b"")
        assert without.headers["content-length"] == "0"
        assert with_body.raw.startswith(f"{method} /tickets HTTP/1.1\r\n".encode())


async def test_each_call_carries_its_own_key_on_a_shared_connection(make_client: MakeClient):
    async with Peer(always(answer())) as peer:
        client = make_client(peer.url)
        for key in ("first", "second"):
            await client.send(request(), key)
        assert [exchange.headers["x-richpanel-key"] for exchange in peer.exchanges] == ["first", "second"]
        assert peer.connections == 1


async def test_cookie_neither_comes_out_nor_goes_back(make_client: MakeClient):
    async with Peer(always(answer(b"{}", "set-cookie: session=1; Path=/", "set-cookie2: a=b"))) as peer:
        client = make_client(peer.url)
        responses = [await client.send(request(), KEY) for _ in range(2)]
        assert [response.headers for response in responses] == [{}, {}]
        assert all("cookie" not in exchange.headers for exchange in peer.exchanges)


async def test_base_url_in_another_spelling_is_no_rewritten_target(make_client: MakeClient):
    async with Peer(always(answer())) as peer:
        await make_client(f"HTTP://LocalHost:{peer.port}/v1/").send(request(), KEY)
        assert peer.targets == [b"/v1/tickets"]


async def test_base_url_that_is_none_is_refused(make_client: MakeClient):
    with pytest.raises(ValueError, match="URL"):
        make_client("http://[::1")

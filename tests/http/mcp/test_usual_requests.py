"""The endpoint's one look at a request finds usual only what each of its checks would let pass."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import State

from mcp_gateway.http.client_address import ClientAddress
from mcp_gateway.http.edge import Edge
from mcp_gateway.http.mcp.admission import place_refusal
from mcp_gateway.http.mcp.cors import answer_preflight
from mcp_gateway.http.mcp.direct import DirectMcp
from mcp_gateway.http.mcp.hosts import HostCheck
from mcp_gateway.http.mcp.patience import Patience
from mcp_gateway.protocol.preflight import preflight
from mcp_gateway.telemetry.metrics import Metrics


async def _nowhere(_scope, _receive, _send):
    """What is usual is not sent on."""


HOSTS = HostCheck(public_url="https://mcp.example", allowed_hosts=(), allowed_origins=())
DIRECT = DirectMcp(Edge(_nowhere, metrics=Metrics(), client_address=ClientAddress(())), State(), HOSTS, Patience(5, 15))
VALUES = {
    b"host": [b"mcp.example", b"mcp.example:443", b"localhost:8000", b"evil.example", b""],
    b"origin": [b"https://mcp.example", b"https://evil.example", b"null"],
    b"content-type": [b"application/json", b"application/json; charset=utf-8", b"text/plain", b""],
    b"accept": [b"application/json, text/event-stream", b"application/json", b"*/*", b"text/html", b"*/*;q=0"],
    b"content-encoding": [b"identity", b"gzip"],
    b"content-length": [b"0", b"12"],
    b"transfer-encoding": [b"chunked"],
}
FIELDS = [(name, value) for name, values in VALUES.items() for value in values]


@given(
    method=st.sampled_from(["POST", "GET", "OPTIONS", "DELETE"]), headers=st.lists(st.sampled_from(FIELDS), max_size=8)
)
def test_no_usual_request_would_be_refused(method, headers):
    scope = {"type": "http", "method": method, "headers": headers}
    refusal = place_refusal(scope, HOSTS) or answer_preflight(scope, "POST") or preflight(method, headers)
    assert not (DIRECT.is_usual(method, headers) and refusal is not None)


def test_what_clients_send_is_usual():
    for host, accept in itertools.product(VALUES[b"host"][:3], VALUES[b"accept"][:3]):
        headers = [(b"host", host), (b"accept", accept), (b"content-type", b"application/json")]
        assert DIRECT.is_usual("POST", headers)

"""Who is at the other end: what a trusted proxy appended is believed, what a client claims is not."""

import pytest

from mcp_gateway.http.client_address import ClientAddress


def address(trusted, peer, *forwarded):
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    return ClientAddress(trusted).of({"type": "http", "client": peer, "headers": headers})


@pytest.mark.parametrize(
    ("forwarded", "found"),
    [
        ((), "10.0.0.1"),
        (("203.0.113.9",), "203.0.113.9"),
        (("6.6.6.6, 203.0.113.9",), "203.0.113.9"),
        (("6.6.6.6", "203.0.113.9"), "203.0.113.9"),
        (("6.6.6.6, 203.0.113.9, 10.0.0.7",), "203.0.113.9"),
        (("10.0.0.7, 10.0.0.8",), "10.0.0.7"),
        (("203.0.113.9, garbage",), "10.0.0.1"),
        (("",), "10.0.0.1"),
        (("é",), "10.0.0.1"),
        (("2001:db8::9",), "2001:db8::9"),
        (("::ffff:203.0.113.9",), "203.0.113.9"),
    ],
    ids=str,
)
def test_address_before_the_last_trusted_proxy_is_the_client(forwarded, found):
    assert address(["10.0.0.0/8"], ("10.0.0.1", 5), *forwarded) == found


def test_peer_that_is_no_trusted_proxy_is_the_client_whatever_it_claims():
    assert address([], ("203.0.113.9", 5), "10.0.0.1") == "203.0.113.9"
    assert address(["10.0.0.0/8"], ("203.0.113.9", 5), "6.6.6.6") == "203.0.113.9"


@pytest.mark.parametrize("peer", [None, ("", 0), ("testclient", 1)])
def test_peer_without_an_address_is_unknown(peer):
    assert address(["10.0.0.0/8"], peer, "203.0.113.9") == "unknown"

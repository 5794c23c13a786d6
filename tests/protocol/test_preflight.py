"""Checks 3, 5 and 6: method, content type, Accept."""

import pytest

from mcp_gateway.protocol.preflight import preflight, stream_preflight
from tests.protocol.support import parsed, raw

JSON = {"content-type": "application/json"}


@pytest.mark.requirement("transport.get", "transport.methods")
@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD", "PUT", "PATCH", "OPTIONS", "post"])
def test_any_method_but_post_is_405_and_told_which(method):
    reply = preflight(method, raw(JSON))
    assert reply is not None
    assert reply.status == 405
    assert ("allow", "POST") in reply.headers
    assert parsed(reply)["error"]["code"] == -32600


@pytest.mark.requirement("transport.content-type")
@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "Application/JSON ;charset=UTF-8", " application/json "],
)
def test_json_content_type_passes(content_type):
    assert preflight("POST", raw({"content-type": content_type})) is None


@pytest.mark.requirement("transport.content-type")
@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": ""},
        {"content-type": "application/jsonp"},
        {"content-type": "application/json, text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-length": "12"},
        {"transfer-encoding": "chunked"},
        {**JSON, "content-encoding": "gzip"},
    ],
)
def test_other_content_is_415(headers):
    reply = preflight("POST", raw(headers))
    assert reply is not None
    assert reply.status == 415


@pytest.mark.parametrize("headers", [{}, {"content-length": "0"}, {**JSON, "content-encoding": "identity"}])
def test_no_body_needs_no_content_type(headers):
    assert preflight("POST", raw(headers)) is None


def test_repeated_content_type_is_415():
    reply = preflight("POST", [*raw(JSON), *raw(JSON)])
    assert reply is not None
    assert reply.status == 415


@pytest.mark.requirement("transport.accept")
@pytest.mark.parametrize(
    "accept",
    [
        "application/json, text/event-stream",
        "*/*",
        "application/*",
        "text/event-stream",
        "text/*",
        "APPLICATION/JSON",
        "",
        "text/html, */*;q=0.8",
        "text/html, application/json;q=0.1",
        "application/json;q=0, text/event-stream",
        "application/json;q=abc",
    ],
)
def test_accept_that_leaves_one_of_our_types_passes(accept):
    assert preflight("POST", raw({**JSON, "accept": accept})) is None


@pytest.mark.requirement("transport.accept")
@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "image/*",
        "application/json;q=0",
        "application/json; q=0.0, text/html",
        "*/*;q=0",
        "application/json;q=0, text/event-stream;q=0, */*",
    ],
)
def test_accept_that_excludes_both_is_406(accept):
    reply = preflight("POST", raw({**JSON, "accept": accept}))
    assert reply is not None
    assert reply.status == 406


def test_several_accept_headers_count_as_one_list():
    headers = [*raw(JSON), (b"accept", b"text/html"), (b"accept", b"application/json")]
    assert preflight("POST", headers) is None


@pytest.mark.parametrize("method", ["POST", "DELETE", "HEAD", "PUT", "get"])
def test_stream_is_opened_by_get_alone(method):
    reply = stream_preflight(method, [])
    assert reply is not None
    assert (reply.status, dict(reply.headers)["allow"]) == (405, "GET")


@pytest.mark.parametrize("accept", ["", "*/*", "text/*", "text/event-stream", "text/html, text/event-stream;q=0.5"])
def test_accept_that_allows_events_passes(accept):
    assert stream_preflight("GET", raw({"accept": accept})) is None


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream;q=0", "text/html, */*;q=0"])
def test_accept_that_excludes_events_is_406(accept):
    reply = stream_preflight("GET", raw({"accept": accept}))
    assert reply is not None
    assert reply.status == 406

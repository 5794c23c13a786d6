import json

import pytest

from mcp_gateway.dev.connect import is_reachable_from_outside, settings_for

URL = "http://127.0.0.1:8080/mcp/rpmcp_x"


@pytest.mark.parametrize("client", ["ChatGPT", "Claude", "Claude Code", "Cursor", "VS Code", "stdio-only clients"])
def test_every_client_gets_the_url(client):
    assert URL in dict(settings_for(URL))[client]


@pytest.mark.parametrize("client", ["Cursor", "VS Code", "stdio-only clients"])
def test_settings_files_are_json(client):
    text = dict(settings_for(URL))[client]
    assert json.loads(text.partition("\n")[2])


@pytest.mark.parametrize(("url", "allowed"), [(URL, True), ("https://h/mcp/x", False)])
def test_plain_http_is_allowed_only_where_it_is_used(url, allowed):
    assert ("--allow-http" in dict(settings_for(url))["stdio-only clients"]) is allowed
    assert is_reachable_from_outside(url) is not allowed

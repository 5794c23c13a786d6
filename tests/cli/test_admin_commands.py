import io
import json
import sys

import httpx
import pytest

ACCOUNT = {"id": "acc_1", "name": "Shop", "integration": "richpanel", "credentials_hint": "WXYZ", "tenant_id": "ten_1"}
SERVER = {
    "id": "mcp_srv_1",
    "name": "Tracker",
    "config": {"methods": ["read"]},
    "token": "rpmcp_x",
    "url": "http://h/mcp/rpmcp_x",
}


def sent(route):
    return json.loads(route.calls.last.request.content)


def test_the_key_goes_into_the_authorization_header(api, run, page):
    route = api.get("/tenant").mock(page())
    assert run("tenant", "list")[0] == 0
    assert route.calls.last.request.headers["authorization"] == "Bearer the-key"


def test_a_list_is_a_table_and_says_how_to_go_on(api, run, page):
    api.get("/tenant").mock(
        page({"id": "ten_1", "name": "Acme [x]", "created_at": "2026-11-23T00:00:00Z"}, cursor="c2")
    )
    code, out, err = run("tenant", "list", "--limit", "1")
    assert code == 0
    assert out.splitlines()[1].split() == ["ten_1", "Acme", "[x]", "2026-11-23T00:00:00Z"]
    assert "--cursor c2" in err


def test_all_follows_the_cursors(api, run, page):
    api.get("/tenant", params={"next_cursor": "c2"}).mock(page({"id": "ten_2"}))
    api.get("/tenant").mock(page({"id": "ten_1"}, cursor="c2"))
    code, out, _ = run("tenant", "list", "--all", "--json")
    assert code == 0
    assert json.loads(out) == {"result": [{"id": "ten_1"}, {"id": "ten_2"}], "next_cursor": None}


def test_an_id_is_one_segment_whatever_is_in_it(api, run):
    route = api.get(url__regex=r".*").mock(httpx.Response(200, json={"id": "x"}))
    run("tenant", "show", "../token?x=1")
    assert route.calls.last.request.url.raw_path == b"/tenant/..%2Ftoken%3Fx%3D1"


def test_a_token_is_made_with_what_was_given_and_nothing_else(api, run):
    route = api.post("/api-token").mock(httpx.Response(201, json={"id": "tok_1", "token": "rpat_secret"}))
    code, out, _ = run(
        "token", "create", "ci", "--tenant", "ten_1", "--scope", "server:write", "--scope", "server:read"
    )
    assert code == 0
    assert sent(route) == {"name": "ci", "tenant_id": "ten_1", "scopes": ["server:write", "server:read"]}
    assert "rpat_secret" in out


def test_a_token_is_shown_by_its_id(api, run, page):
    api.get("/api-token").mock(page({"id": "tok_1", "name": "ci"}, {"id": "tok_2", "name": "cron"}))
    code, out, _ = run("token", "show", "tok_2", "--json")
    assert (code, json.loads(out)["name"]) == (0, "cron")


def test_an_unknown_token_is_the_callers_fault(api, run, page):
    api.get("/api-token").mock(page())
    code, _, err = run("token", "show", "tok_9")
    assert (code, err) == (2, "error: there is no API token tok_9\n")


def test_an_account_takes_its_key_from_a_file(api, run, tmp_path):
    route = api.post("/integrated-account").mock(httpx.Response(201, json=ACCOUNT))
    key_file = tmp_path / "key"
    key_file.write_text("rp_from_file\n")
    assert run("account", "create", "Shop", "--api-key-file", str(key_file))[0] == 0
    assert sent(route) == {"integration": "richpanel", "name": "Shop", "credentials": {"api_key": "rp_from_file"}}


def test_an_account_takes_its_key_from_the_environment(api, run, monkeypatch):
    route = api.post("/integrated-account").mock(httpx.Response(201, json=ACCOUNT))
    monkeypatch.setenv("RICHPANEL_API_KEY", "rp_from_environment")
    run("account", "create", "Shop", "--tenant", "ten_1")
    assert sent(route)["credentials"] == {"api_key": "rp_from_environment"}
    assert sent(route)["tenant_id"] == "ten_1"


@pytest.mark.parametrize("arguments", [(), ("--api-key-file", "-")])
def test_an_account_takes_its_key_from_standard_input(api, run, monkeypatch, arguments):
    route = api.post("/integrated-account").mock(httpx.Response(201, json=ACCOUNT))
    monkeypatch.setattr(sys, "stdin", io.StringIO("rp_piped\n"))
    run("account", "create", "Shop", *arguments)
    assert sent(route)["credentials"] == {"api_key": "rp_piped"}


@pytest.mark.usefixtures("api")
def test_without_a_key_no_account_is_asked_for(run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    code, _, err = run("account", "create", "Shop")
    assert code == 2
    assert "no Richpanel API key" in err


def test_the_filter_of_account_tools_is_passed_on(api, run, page):
    route = api.get("/integrated-account/acc_1/tools").mock(page({"name": "t", "method": "get", "tags": ["orders"]}))
    code, out, _ = run("account", "tools", "acc_1", "--tags", "orders")
    assert code == 0
    assert dict(route.calls.last.request.url.params) == {"tags": "orders"}
    assert out.splitlines()[1].split() == ["t", "get", "orders"]


def test_a_server_is_rotated_and_its_new_url_shown(api, run):
    url = "http://gateway.example/mcp/rpmcp_" + "a" * 49
    route = api.post("/integrated-account/acc_1/mcp/mcp_srv_1/rotate").mock(
        httpx.Response(200, json={**SERVER, "url": url, "previous_token_expires_at": "2027-01-01T00:00:00Z"})
    )
    code, out, _ = run("server", "rotate", "acc_1", "mcp_srv_1", "--overlap", "3600", "--yes")
    assert code == 0
    assert sent(route) == {"overlap_seconds": 3600}
    assert url in out


def test_a_server_without_filters_has_an_empty_config(api, run):
    route = api.post("/integrated-account/acc_1/mcp").mock(httpx.Response(201, json=SERVER))
    code, out, _ = run("server", "create", "acc_1", "Tracker")
    assert code == 0
    assert sent(route) == {"name": "Tracker", "config": {}}
    assert "http://h/mcp/rpmcp_x" in out


def test_every_option_of_a_server_reaches_the_api(api, run):
    route = api.post("/integrated-account/acc_1/mcp").mock(httpx.Response(201, json=SERVER))
    options = ("--methods", "read, create", "--tags", "orders", "--require-api-token", "--upstream-429", "http_429")
    run("server", "create", "acc_1", "Tracker", *options, "--expires-at", "2027-01-01T00:00:00Z")
    assert sent(route) == {
        "name": "Tracker",
        "config": {
            "methods": ["read", "create"],
            "tags": ["orders"],
            "require_api_token_auth": True,
            "upstream_429": "http_429",
        },
        "expires_at": "2027-01-01T00:00:00Z",
    }


def test_a_long_url_is_not_wrapped(api, run):
    url = "http://h/mcp/" + "x" * 300
    api.post("/integrated-account/acc_1/mcp").mock(httpx.Response(201, json={**SERVER, "url": url}))
    assert url in run("server", "create", "acc_1", "Tracker")[1]


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (("tenant", "delete", "ten_1"), "/tenant/ten_1"),
        (("token", "revoke", "tok_1"), "/api-token/tok_1"),
        (("account", "delete", "acc_1"), "/integrated-account/acc_1"),
        (("server", "delete", "acc_1", "mcp_srv_1"), "/integrated-account/acc_1/mcp/mcp_srv_1"),
    ],
)
def test_deletion_reaches_its_object(api, run, arguments, path):
    route = api.delete(path).mock(httpx.Response(200, json={"id": "x"}))
    code, out, _ = run(*arguments, "--yes")
    assert (code, out, route.call_count) == (0, "", 1)


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (("tenant", "show", "ten_1"), "/tenant/ten_1"),
        (("account", "show", "acc_1"), "/integrated-account/acc_1"),
        (("server", "show", "acc_1", "mcp_srv_1"), "/integrated-account/acc_1/mcp/mcp_srv_1"),
    ],
)
def test_json_is_the_answer_as_it_came(api, run, arguments, path):
    document = {"id": "x", "nested": {"é": [1, None, True]}}
    api.get(path).mock(httpx.Response(200, json=document))
    code, out, _ = run(*arguments, "--json")
    assert (code, json.loads(out)) == (0, document)


def test_a_problem_names_each_field_what_is_allowed_and_the_request(api, run):
    problem = {
        "title": "Unprocessable",
        "status": 422,
        "code": "invalid_input",
        "detail": "the input is not valid",
        "request_id": "req_1",
        "errors": [{"path": "config.methods.0", "message": "is not known", "allowed": ["read", "write"]}],
    }
    api.post("/integrated-account/acc_1/mcp").mock(httpx.Response(422, json=problem))
    code, out, err = run("server", "create", "acc_1", "Tracker", "--methods", "raed")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "error: the input is not valid (422 invalid_input)",
        "  config.methods.0: is not known; allowed: read, write",
        "  request id: req_1",
    ]


def test_what_the_problem_says_already_is_not_said_twice(api, run):
    fault = {"path": "name", "message": "is unknown; allowed: a, b", "allowed": ["a", "b"]}
    problem = {"status": 422, "code": "invalid_input", "detail": "name: is unknown; allowed: a, b", "errors": [fault]}
    api.post("/tenant").mock(httpx.Response(422, json=problem))
    assert run("tenant", "create", "x")[2] == "error: name: is unknown; allowed: a, b (422 invalid_input)\n"


@pytest.mark.parametrize(("status", "code"), [(401, 2), (404, 2), (429, 2), (502, 3), (504, 3), (500, 1), (503, 1)])
def test_who_was_at_fault_decides_the_exit_status(api, run, status, code):
    api.get("/tenant").mock(httpx.Response(status, text="not a problem document"))
    ended, _, err = run("tenant", "list")
    assert ended == code
    assert err.startswith("error: ")
    assert f"({status})" in err


def test_a_gateway_out_of_reach_is_a_fault(api, run):
    api.get("/tenant").mock(side_effect=httpx.ConnectError("refused"))
    code, _, err = run("tenant", "list")
    assert (code, err) == (1, "error: the gateway at http://gateway.test cannot be reached: refused (GATEWAY_URL)\n")


def test_something_that_is_no_gateway_is_named(api, run):
    api.get("/tenant").mock(httpx.Response(200, text="<html>"))
    code, _, err = run("tenant", "list")
    assert code == 1
    assert "GATEWAY_URL" in err


@pytest.mark.parametrize(
    ("variable", "value"), [("GATEWAY_API_KEY", ""), ("GATEWAY_API_KEY", "a\nb"), ("GATEWAY_URL", "h:1")]
)
@pytest.mark.usefixtures("api")
def test_an_unfit_variable_is_named_without_its_value(run, monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    code, _, err = run("tenant", "list")
    assert code == 2
    assert variable in err
    assert not value or value not in err


def test_an_unknown_command_is_the_callers_fault(run):
    assert run("tenent")[0] == 2

import json

import pytest

from mcp_gateway.cli.app import main


def test_the_catalog_is_a_table(run):
    code, out, _ = run("tools")
    assert code == 0
    assert "create_a_richpanel_conversation_tag" in out


def test_a_filter_narrows_it(run):
    code, out, _ = run("tools", "--methods", "read", "--tags", "orders", "--json")
    assert code == 0
    assert {tool["name"] for tool in json.loads(out)} >= {
        "list_all_richpanel_orders",
        "get_single_richpanel_order_by_id",
    }
    assert all(tool["annotations"]["readOnlyHint"] for tool in json.loads(out))


@pytest.mark.parametrize(("option", "allowed"), [("--methods", "update"), ("--tags", "orders")])
def test_an_unknown_word_is_refused_and_told_what_is_allowed(run, option, allowed):
    code, out, err = run("tools", option, "ordres")
    assert (code, out) == (2, "")
    assert "'ordres'" in err
    assert allowed in err


def test_the_catalog_passes_its_own_check(run):
    code, _, err = run("catalog", "check", "--quiet")
    assert (code, err) == (0, "")


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    for command in ("serve", "migrate", "dev", "tools", "catalog", "tenant", "token", "account", "server"):
        assert f" {command} " in shown

import httpx
import pytest
import respx

from mcp_gateway.cli.app import main

URL = "http://gateway.test"


@pytest.fixture
def api(monkeypatch):
    """A gateway's admin API, route by route."""
    monkeypatch.setenv("GATEWAY_URL", URL)
    monkeypatch.setenv("GATEWAY_API_KEY", "the-key")
    monkeypatch.delenv("RICHPANEL_API_KEY", raising=False)
    with respx.mock(base_url=URL) as router:
        yield router


@pytest.fixture
def run(capsys):
    """Runs a command line: exit status, standard output, standard error."""

    def run_line(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return run_line


@pytest.fixture
def page():
    return lambda *rows, cursor=None: httpx.Response(200, json={"result": list(rows), "next_cursor": cursor})

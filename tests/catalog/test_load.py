from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_gateway.catalog.load import load_catalog, load_integration
from mcp_gateway.exceptions import ConfigurationError
from mcp_gateway.models.limits import LimitRules

INTEGRATION = """\
name: shop
title: Shop
description: A made-up shop.
documentation: https://shop.example/docs
base_url: https://api.shop.example
key_header: x-shop-key
tags: {things: Things.}
rate_limit: {requests: 5, window_seconds: 10}
"""
THINGS = """\
resource: things
description: Things.
methods:
  - tool: list_all_shop_things
    method: list
    title: List things
    description: List things.
    tags: [things]
    documentation: https://shop.example/docs/things
    confidence: documented
    annotations: {read_only: true, destructive: false, idempotent: true, open_world: true}
    request: {verb: GET, path: "/things", paging: {page: p, size: n}}
    arguments:
      only_new: {in: query, to: onlyNew, type: boolean, default: true}
      limit: {in: paging, type: integer, default: 5}
      next_cursor: {in: paging, type: string}
    response: {shape: list, keys: [things]}
    examples:
      - {title: All, arguments: {}}
      - {title: One, arguments: {limit: 1}}
  - tool: create_a_shop_thing
    method: create
    title: Create a thing
    description: Create a thing.
    tags: [things]
    documentation: https://shop.example/docs/things
    confidence: inferred
    annotations: {read_only: false, destructive: false, idempotent: false, open_world: true}
    request: {verb: POST, path: "/shops/{shop}/things", fixed_body: {source: gateway}}
    arguments:
      shop: {in: path, required: true, type: string}
      colour: {in: body, type: string, maxLength: 5}
    response: {shape: accepted}
    settle: List the things.
    examples:
      - {title: Any, arguments: {shop: a}}
      - {title: Red, arguments: {shop: a, colour: red}}
"""
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(things: str = THINGS, integration: str = INTEGRATION) -> Path:
        (tmp_path / "integration.yaml").write_text(integration)
        (tmp_path / "things.yaml").write_text(things)
        return tmp_path

    return _write


def test_another_integration_is_only_documents(write: Write) -> None:
    shop = load_integration(write())
    assert [tool.name for tool in shop.tools] == ["list_all_shop_things", "create_a_shop_thing"]
    things, create = shop.tools
    assert things.build_request({}).target == "/things?p=1&n=5&onlyNew=true"
    assert things.build_request({"only_new": False}).target == "/things?p=1&n=5&onlyNew=false"
    request = create.build_request({"shop": "a/b", "colour": "red"})
    assert (request.method, request.target) == ("POST", "/shops/a%2Fb/things")
    assert request.body == b'{"source":"gateway","colour":"red"}'
    assert "at most 5 characters" in create.validate({"shop": "a", "colour": "purple"})[0].message


def test_what_rate_limit_headers_leave_open_is_said_in_the_document(write: Write) -> None:
    [tool, _] = load_integration(write()).tools
    assert tool.limit_rules == LimitRules(window_seconds=10)
    said = INTEGRATION.replace("window_seconds: 10", "window_seconds: 9, reset_unit: milliseconds, leak_per_second: 2")
    assert load_integration(write(integration=said)).tools[0].limit_rules == LimitRules(9, "milliseconds", 2.0)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("reset_unit: minutes", "rate_limit.reset_unit: Input should be 'seconds' or 'milliseconds'"),
        ("leak_per_second: 0", "rate_limit.leak_per_second: Input should be greater than 0"),
        ("leak_per_second: .inf", "rate_limit.leak_per_second: Input should be a finite number"),
    ],
)
def test_rate_limit_that_means_nothing_stops_the_start(write: Write, more: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load_integration(write(integration=INTEGRATION.replace("window_seconds: 10", f"window_seconds: 10, {more}")))


def test_package_catalog_holds_richpanel() -> None:
    catalog = load_catalog()
    assert "richpanel" in catalog.integrations
    assert catalog.integrations["richpanel"].title == "Richpanel"
    assert {tool.limit_rules for tool in catalog.integrations["richpanel"].tools} == {LimitRules()}


def test_write_without_body_arguments_sends_no_body(write: Write) -> None:
    text = THINGS.replace(", fixed_body: {source: gateway}", "").replace(
        "      colour: {in: body, type: string, maxLength: 5}\n", ""
    )
    shop = load_integration(write(text.replace("{shop: a, colour: red}", "{shop: b}")))
    request = shop.tools[1].build_request({"shop": "a"})
    assert request.body is None
    assert shop.tools[1].body_schema is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("title: List things", "titel: List things", "line 6: methods.0.titel: Extra inputs"),
        ("    title: List things\n", "", "methods.0.title: Field required"),
        ("type: integer, default: 5", "type: int, default: 5", "line 15: methods.0.arguments.limit.type"),
        ("read_only: true", "read_only: 1", "methods.0.annotations.read_only"),
        ("verb: GET", "verb: FETCH", "methods.0.request.verb"),
        ('path: "/things"', 'path: "things?x=1"', "methods.0.request.path"),
        ("shop: {in: path", "Shop: {in: path", "arguments.Shop"),
        pytest.param(
            "tool: create_a_shop_thing",
            "tool: list_all_shop_things",
            "described twice",
            marks=pytest.mark.requirement("tools.name-unique"),
        ),
        ("    title: Create a thing\n", "    title: A\n    title: B\n", "line 24: the key 'title' stands there twice"),
        ("resource: things", "resource: [", "while parsing"),
        (
            "shop: {in: path, required: true, type: string}",
            "other: {in: path, required: true, type: string}",
            "placeholders",
        ),
        ("required: true, type: string", "type: string", "path arguments must be required strings"),
        ("      next_cursor: {in: paging, type: string}\n", "", "paging takes exactly"),
        ("type: integer, default: 5", "type: integer", "needs a whole number as its default"),
        ("maxLength: 5}", "requires: [nothing]}", "unknown arguments are named: ['nothing']"),
        ("tags: [things]", "tags: [other]", "are not declared"),
        ("read_only: true", "read_only: false", "read_only must be true for the method list"),
        ("verb: POST", "verb: GET", "does not suit the method create"),
        ("    settle: List the things.\n", "", "must name the look-up"),
        ("    settle: List", "    unsettled: Ask.\n    settle: List", "must name the look-up"),
        ("shape: list", "shape: object", "the response shape object does not suit"),
        ("{shop: a, colour: red}", "{shop: a, colour: purple}", "example 'Red': `colour` must be at most 5"),
        ("{shop: a, colour: red}", "{shop: ..}", "example 'Red': `shop` must not be"),
    ],
)
def test_fault_in_a_document_stops_the_start_in_one_line(write: Write, old: str, new: str, words: str) -> None:
    assert old in THINGS
    with pytest.raises(ConfigurationError, match=r"^catalog ") as caught:
        load_integration(write(THINGS.replace(old, new, 1)))
    assert words in caught.value.message
    assert "\n" not in caught.value.message


def test_empty_document_is_refused(write: Write) -> None:
    with pytest.raises(ConfigurationError, match=r"things.yaml line 1: the document"):
        load_integration(write(""))


def test_document_that_is_no_text_is_refused(write: Write) -> None:
    folder = write()
    (folder / "things.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match=r"things.yaml"):
        load_integration(folder)


def test_missing_integration_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"integration.yaml"):
        load_integration(tmp_path)


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"catalog"):
        load_integration(tmp_path / "nowhere")


def test_integrations_must_differ_in_name(write: Write) -> None:
    folder = write()
    assert list(load_catalog([folder]).integrations) == ["shop"]
    for folders in ([folder, folder], []):
        with pytest.raises(ConfigurationError, match="differ in name"):
            load_catalog(folders)


@pytest.mark.requirement("tools.no-fetching", "tools.unresolved")
@pytest.mark.parametrize("reference", ["http://127.0.0.1:9/x", "file:///etc/hostname", "#/$defs/x"])
def test_reference_in_a_schema_stops_the_start_before_anything_could_follow_it(write: Write, reference: str) -> None:
    folder = write(THINGS.replace("type: boolean, default: true", f'$ref: "{reference}"'))
    with pytest.raises(ConfigurationError, match=r"\$ref"):
        load_integration(folder)

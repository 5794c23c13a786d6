"""Which members an answer keeps."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_gateway.catalog.selection import Selection


def selected(value: Any, fields: list[str]) -> tuple[Any, tuple[str, ...]]:
    """A record, or each of a list of records, and the names that matched nothing."""
    selection = Selection(fields)
    kept = [selection.of(record) for record in value] if isinstance(value, list) else selection.of(value)
    return kept, selection.missing()


CONVERSATION = {
    "status": "OPEN",
    "id": "c1",
    "subject": None,
    "tags": ["a", "b"],
    "comments": [{"id": "k1", "plain_body": "x", "via": {"channel": "email"}}, {"id": "k2"}, "odd"],
    "customer_profile": {"email": "a@b.example", "name": {"first": "Ada", "last": "Example"}},
    "attachments": [],
}


@pytest.mark.parametrize(
    ("fields", "kept", "unknown"),
    [
        (["status"], {"status": "OPEN", "id": "c1"}, ()),
        (["id"], {"id": "c1"}, ()),
        (["subject", "status"], {"status": "OPEN", "id": "c1", "subject": None}, ()),
        (["tags"], {"id": "c1", "tags": ["a", "b"]}, ()),
        (["comments.plain_body"], {"id": "c1", "comments": [{"plain_body": "x"}, {}, {}]}, ()),
        (["comments.via.channel"], {"id": "c1", "comments": [{"via": {"channel": "email"}}, {}, {}]}, ()),
        (
            ["comments.plain_body", "comments.id"],
            {"id": "c1", "comments": [{"id": "k1", "plain_body": "x"}, {"id": "k2"}, {}]},
            (),
        ),
        (
            ["customer_profile.name.last", "customer_profile.email"],
            {"id": "c1", "customer_profile": {"email": "a@b.example", "name": {"last": "Example"}}},
            (),
        ),
        # The wider name wins; the narrower one is checked all the same.
        (
            ["customer_profile.nope", "customer_profile", "customer_profile.email"],
            {"id": "c1", "customer_profile": CONVERSATION["customer_profile"]},
            ("customer_profile.nope",),
        ),
        (["nope", "status.x", "tags.name", "nope"], {"id": "c1"}, ("nope", "status.x", "tags.name")),
        (["comments.body"], {"id": "c1"}, ("comments.body",)),
        # What is empty contradicts nothing.
        (["attachments.url", "subject.x"], {"id": "c1", "subject": None, "attachments": []}, ()),
        (["", ".", "comments.", "Status", "a" * 100], {"id": "c1"}, ("", ".", "comments.", "Status", "a" * 100)),
    ],
)
def test_record_keeps_what_is_named(fields: list[str], kept: dict[str, Any], unknown: tuple[str, ...]) -> None:
    before = copy.deepcopy(CONVERSATION)
    value, missing = selected(CONVERSATION, fields)
    assert value == kept
    assert list(value) == [name for name in CONVERSATION if name in kept]
    assert missing == unknown
    assert selected([CONVERSATION, CONVERSATION], fields) == ([kept, kept], unknown)
    assert before == CONVERSATION


def test_name_is_known_when_one_record_has_it() -> None:
    records = [{"id": 1, "a": 2}, {"id": 3, "b": {"c": 4}}, "odd", None, {"b": "text"}]
    assert selected(records, ["a", "b.c", "d"]) == (
        [{"id": 1, "a": 2}, {"id": 3, "b": {"c": 4}}, "odd", None, {}],
        ("d",),
    )


def test_lists_in_lists_are_reached_into() -> None:
    assert selected({"rows": [[{"a": 1, "b": 2}], [], [3]]}, ["rows.a"]) == ({"rows": [[{"a": 1}], {}, {}]}, ())


@pytest.mark.parametrize("value", [{}, [], None])
def test_nothing_says_nothing_about_names(value: Any) -> None:
    assert selected(value, ["a"]) == (value, ())


@pytest.mark.parametrize("value", [3, "x", True])
def test_value_that_is_no_record_stays(value: Any) -> None:
    assert selected(value, ["a"]) == (value, ("a",))


def test_no_names_ask_for_nothing() -> None:
    assert selected(CONVERSATION, [])[0] is CONVERSATION


def test_endless_path_costs_little() -> None:
    value: Any = {"a": 1}
    for _ in range(90):
        value = {"a": value}
    assert selected(value, ["a." * 200_000])[1] == ("a." * 200_000,)
    assert selected(value, [".".join("a" * 16)])[1] == ()


def test_many_names_below_what_is_empty_cost_little() -> None:
    names = [f"a.b{n}" for n in range(50_000)]
    assert selected([{"a": None}] * 5_000, names)[1] == ()


def test_more_than_an_answer_is_worth_is_not_looked_through() -> None:
    selection = Selection(["rows.a", "b"])
    assert selection.of({"id": 1, "rows": [{"a": 1}] * 10}) == {"id": 1, "rows": [{"a": 1}] * 10}
    assert not selection.is_spent
    assert selection.of({"id": 2, "rows": [{"a": 1}] * 1_000_000}) == {"id": 2}
    assert selection.is_spent
    # What was not looked at may have it.
    assert selection.missing() == ()


@pytest.mark.parametrize(
    ("fields", "path", "is_wanted"),
    [
        ([], ("comments",), True),
        (["comments"], ("comments", "plain_body"), True),
        (["comments.plain_body"], ("comments",), True),
        (["comments.plain_body"], ("comments", "plain_body"), True),
        (["comments.body"], ("comments", "plain_body"), False),
        (["comments.body"], ("comments",), True),
        (["subject"], ("comments",), False),
        (["subject.x"], ("subject", "y"), False),
    ],
)
def test_what_is_wanted_is_known_before_anything_is_looked_at(
    fields: list[str], path: tuple[str, ...], is_wanted: bool
) -> None:
    assert Selection(fields).wants(*path) is is_wanted


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "a", "b", "c"]), inner, max_size=4)
    ),
    max_leaves=20,
)
PATHS = st.lists(st.lists(st.sampled_from(["id", "a", "b", "c"]), min_size=1, max_size=3).map(".".join), max_size=4)


def within(part: Any, whole: Any) -> bool:
    """Whether `part` is `whole` with members left out, order kept."""
    if isinstance(part, dict) and isinstance(whole, dict):
        order = [name for name in whole if name in part]
        return order == list(part) and all(within(part[name], whole[name]) for name in part)
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(within, part, whole))
    return bool(part == whole) or part == {}


@given(value=JSON, fields=PATHS)
def test_selection_only_leaves_out_and_is_done_after_once(value: Any, fields: list[str]) -> None:
    kept, missing = selected(value, fields)
    assert within(kept, value)
    assert set(missing) <= set(fields)
    if fields and isinstance(value, dict):
        assert set(kept) <= {"id", *(name.partition(".")[0] for name in fields)}
        assert ("id" in kept) == ("id" in value)
    assert selected(kept, fields)[0] == kept


@given(value=JSON)
def test_naming_every_member_keeps_the_record(value: Any) -> None:
    assert selected(value, ["id", "a", "b", "c"])[0] == value

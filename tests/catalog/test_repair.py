"""Arguments that are read as they were meant, and those that are not touched."""

import copy
from types import MappingProxyType
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

from mcp_gateway.catalog.repair import MAX_REPAIRS, Repair, repaired

STRING = {"type": "string"}
INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}
BOOLEAN = {"type": "boolean"}
STATUS = {"type": "string", "enum": ["OPEN", "CLOSED"]}
ARRAY = {"type": "array", "items": STRING}
NUMBERS = {"type": "array", "items": INTEGER}
OBJECT = {
    "type": "object",
    "properties": {"n": INTEGER, "ids": NUMBERS, "who": {"type": "object", "properties": {"old": BOOLEAN}}},
    "required": ["n"],
}
BIG_TEXT = "[" + " " * 256 * 1024 + "]"


def schema_of(member: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": member}, "additionalProperties": False, **more}


def told(repairs: tuple[Repair, ...]) -> list[tuple[str, Any, Any]]:
    return [(repair.path, repair.given, repair.used) for repair in repairs]


@pytest.mark.parametrize(
    ("member", "given", "used"),
    [
        (ARRAY, '["x","y"]', ["x", "y"]),
        (ARRAY, ' [\n"x"] ', ["x"]),
        (ARRAY, "[]", []),
        (OBJECT, '{"n":1}', {"n": 1}),
        ({"type": ["object", "null"]}, "{}", {}),
        (INTEGER, "5", 5),
        (INTEGER, "-5", -5),
        (INTEGER, "0", 0),
        (INTEGER, "5.0", 5),
        (INTEGER, "9007199254740993", 9007199254740993),
        (INTEGER, 5.0, 5),
        (INTEGER, -0.0, 0),
        ({"type": "integer", "enum": [5, 6]}, "6", 6),
        (NUMBER, "5", 5),
        (NUMBER, "1.5", 1.5),
        (NUMBER, "-0.25", -0.25),
        ({"type": ["integer", "null"]}, "5", 5),
        ({"type": ["integer", "number"]}, "5", 5),
        (BOOLEAN, "true", True),
        (BOOLEAN, "FALSE", False),
        (BOOLEAN, "True", True),
        ({"type": ["integer", "boolean"]}, "true", True),
        (STRING, 84920, "84920"),
        (STRING, -1, "-1"),
        ({"type": ["string", "null"]}, 7, "7"),
        ({"type": "string", "enum": ["1", "2"]}, 2, "2"),
        ({"type": ["integer", "string"], "enum": [5, "x"]}, "5", 5),
        (STATUS, "open", "OPEN"),
        (STATUS, " Closed\n", "CLOSED"),
        ({"enum": ["OPEN", 3]}, "open", "OPEN"),
        ({"type": "string", "enum": ["open", "OPEN ", "closed"]}, "CLOSED", "closed"),
        ({"type": "string", "enum": ["straße"]}, "STRASSE", "straße"),
    ],
)
def test_value_with_one_meaning_is_read_so(member: dict[str, Any], given: Any, used: Any) -> None:
    after, repairs = repaired({"a": given}, schema_of(member))
    assert after == {"a": used}
    assert type(after["a"]) is type(used)
    assert told(repairs) == [("a", given, used)]
    assert repairs[0].to_dict() == {"path": "a", "given": given, "used": used}
    assert repaired(after, schema_of(member)) == (after, ())


@pytest.mark.parametrize(
    ("member", "given"),
    [
        (ARRAY, "x"),
        (ARRAY, "x,y"),
        (ARRAY, ""),
        (ARRAY, "["),
        (ARRAY, '{"a":1}'),
        (ARRAY, '"[1]"'),
        (ARRAY, "[NaN]"),
        (ARRAY, "[1] [2]"),
        (ARRAY, "['x']"),
        (ARRAY, '["\ud800"]'),
        (ARRAY, 5),
        (ARRAY, {}),
        (OBJECT, "[]"),
        (OBJECT, "null"),
        (OBJECT, []),
        (INTEGER, "1e3"),
        (INTEGER, "0x10"),
        (INTEGER, " 5 "),
        (INTEGER, "\u0665"),
        (INTEGER, "+5"),
        (INTEGER, "05"),
        (INTEGER, "1_000"),
        (INTEGER, "5."),
        (INTEGER, "5.5"),
        (INTEGER, ""),
        (INTEGER, 5.5),
        (INTEGER, 1e300),
        (INTEGER, float("inf")),
        (INTEGER, True),
        (INTEGER, "true"),
        (INTEGER, [5]),
        ({"type": "integer", "enum": [5, 6]}, "7"),
        ({"type": "integer", "enum": [1]}, "true"),
        (NUMBER, "1e3"),
        (NUMBER, "NaN"),
        (NUMBER, "inf"),
        (NUMBER, ".5"),
        (NUMBER, True),
        (BOOLEAN, "yes"),
        (BOOLEAN, "1"),
        (BOOLEAN, " true"),
        (BOOLEAN, "fal\u017fe"),
        (BOOLEAN, 1),
        (BOOLEAN, 0.0),
        (STRING, True),
        (STRING, 1.5),
        (STRING, 5.0),
        (STRING, 2**53),
        (STRING, ["x"]),
        (STRING, {"x": 1}),
        (STATUS, "close"),
        (STATUS, 5),
        (STATUS, ["open"]),
        ({"type": "string", "enum": ["open", "OPEN"]}, "Open"),
        ({"type": "nonsense"}, "5"),
    ],
)
def test_value_that_leaves_doubt_is_not_touched(member: dict[str, Any], given: Any) -> None:
    arguments = {"a": given}
    after, repairs = repaired(arguments, schema_of(member))
    assert after is arguments
    assert repairs == ()


@pytest.mark.parametrize(
    ("member", "given"),
    [
        (STRING, "[1]"),
        (STRING, "true"),
        (STRING, "5"),
        (STATUS, "OPEN"),
        ({"type": ["array", "string"]}, "[1]"),
        ({"type": ["integer", "string"]}, "5"),
        ({"type": ["integer", "number"]}, 5.0),
        (NUMBER, 5.0),
        (NUMBER, 5),
        ({"type": ["string", "null"]}, None),
        ({"enum": [None, "x"]}, None),
        ({}, None),
        ({}, "5"),
        (ARRAY, ["5", "[]"]),
        (OBJECT, {"n": 1, "other": None, "ids": [1]}),
    ],
)
def test_value_that_fits_is_the_same_object(member: dict[str, Any], given: Any) -> None:
    arguments = {"a": given, "unknown": "5"}
    after, repairs = repaired(arguments, schema_of(member))
    assert after is arguments
    assert repairs == ()


@pytest.mark.parametrize("member", [STRING, INTEGER, NUMBER, BOOLEAN, STATUS, ARRAY, OBJECT])
def test_what_is_huge_is_not_touched(member: dict[str, Any]) -> None:
    texts = ["5" * 5000, "5." + "0" * 5000, "[" * 5000 + "]" * 5000, BIG_TEXT, BIG_TEXT.replace("[", "{")]
    for value in (*texts, 10**5000, -(10**5000)):
        assert repaired({"a": value}, schema_of(member))[1] == ()


def test_arguments_that_are_no_dict_become_one() -> None:
    assert repaired(MappingProxyType({"a": "5"}), schema_of(INTEGER))[0] == {"a": 5}
    assert repaired(MappingProxyType({"a": 5}), schema_of(INTEGER)) == ({"a": 5}, ())


def test_null_is_dropped_where_the_argument_is_optional() -> None:
    schema = {"type": "object", "properties": {"a": STRING, "b": STRING, "c": STATUS}, "required": ["a"]}
    after, repairs = repaired({"b": None, "a": None, "x": None, "c": None}, schema)
    assert list(after.items()) == [("a", None), ("x", None)]
    assert [repair.to_dict() for repair in repairs] == [{"path": "b", "given": None}, {"path": "c", "given": None}]
    assert repaired({"a": [None]}, schema_of(ARRAY)) == ({"a": [None]}, ())


def test_repair_goes_on_inside_of_what_was_parsed() -> None:
    text = '{"n":"1","ids":"[\\"2\\",3.0]","who":{"old":"true"},"more":"4"}'
    used = {"n": 1, "ids": [2, 3], "who": {"old": True}, "more": "4"}
    after, repairs = repaired({"a": text}, schema_of(OBJECT))
    assert after == {"a": used}
    assert [repair.path for repair in repairs] == ["a", "a.n", "a.ids", "a.ids.0", "a.ids.1", "a.who.old"]
    assert repairs[2] == Repair("a.ids", '["2",3.0]', [2, 3])


def test_only_the_way_to_what_changes_is_copied() -> None:
    arguments = {"a": {"n": 1, "ids": ["2"], "who": {"old": True}}}
    before = copy.deepcopy(arguments)
    after, _ = repaired(arguments, schema_of(OBJECT))
    assert arguments == before
    assert after["a"]["who"] is arguments["a"]["who"]


def test_what_is_told_stays_short() -> None:
    after, repairs = repaired({"a": orjson.dumps(["5"] * 9000).decode()}, schema_of(NUMBERS))
    assert after == {"a": [5] * 9000}
    assert len(repairs) == MAX_REPAIRS
    assert repairs[0].path == "a"
    assert len(orjson.dumps([repair.to_dict() for repair in repairs])) < 4000
    deep = "[" * 1000 + "]" * 1000
    assert [r.used for r in repaired({"a": deep}, schema_of({"type": "array"}))[1]] == ["[…]"]


def as_text(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return "["


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=6)
    | st.sampled_from(["5", "5.0", "true", "TRUE", "open", " Closed", "[]", "{}", '["5"]', '{"n":"1"}', "null"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["n", "ids", "who", "old", "x"]), inner, max_size=3)
        | st.lists(inner, max_size=2).map(as_text)
    ),
    max_leaves=8,
)


MEMBERS = [STRING, INTEGER, NUMBER, BOOLEAN, STATUS, ARRAY, NUMBERS, OBJECT, {}, {"type": ["integer", "null"]}]


@given(arguments=st.dictionaries(st.sampled_from("abcx"), JSON, max_size=4), data=st.data())
def test_repair_never_raises_never_harms_and_is_done_after_once(arguments: dict[str, Any], data: st.DataObject) -> None:
    members = {name: data.draw(st.sampled_from(MEMBERS)) for name in "abc"}
    schema = {"type": "object", "properties": members, "required": ["a"]}
    before = repr(arguments)
    after, repairs = repaired(arguments, schema)
    assert repr(arguments) == before
    assert (after is arguments) == (not repairs)
    again, more = repaired(after, schema)
    assert again is after
    assert more == ()
    orjson.dumps([repair.to_dict() for repair in repairs])
    validator = Draft202012Validator(schema)
    changed = {repair.path.partition(".")[0] for repair in repairs}
    for name in members.keys() - changed:
        if name in arguments:
            assert after[name] is arguments[name]
    if not changed:
        return
    # A repair takes nothing from what fitted.
    try:
        fitted = validator.is_valid(arguments)
    except (ValueError, OverflowError, TypeError):
        return
    assert not fitted or validator.is_valid(after)

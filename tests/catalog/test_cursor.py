import hashlib
import hmac
from base64 import urlsafe_b64encode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_gateway.catalog.cursor import CursorCodec, CursorError, Position, scope_of

CODEC = CursorCodec()
SCOPE = scope_of("list_things", {"status": "OPEN"})


@given(st.integers(1, 1_000_000), st.integers(1, 100))
def test_cursor_gives_back_its_position(page: int, limit: int) -> None:
    text = CODEC.encode(Position(page, limit), SCOPE)
    assert CODEC.decode(text, SCOPE) == Position(page, limit)
    assert text.isascii()
    assert not set(text) & set("+/= ")


@pytest.mark.parametrize(
    "scope",
    [scope_of("list_others", {"status": "OPEN"}), scope_of("list_things", {}), scope_of("list_things", {"status": 1})],
)
def test_cursor_of_another_tool_or_other_arguments_is_refused(scope: str) -> None:
    with pytest.raises(CursorError, match="another tool or with other arguments"):
        CODEC.decode(CODEC.encode(Position(2, 25), SCOPE), scope)


def test_order_of_arguments_does_not_matter() -> None:
    assert scope_of("t", {"a": 1, "b": 2}) == scope_of("t", {"b": 2, "a": 1})


@given(st.data())
def test_any_altered_character_is_noticed(data: st.DataObject) -> None:
    text = CODEC.encode(Position(3, 25), SCOPE)
    index = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters().filter(lambda c: c != text[index]))
    with pytest.raises(CursorError):
        CODEC.decode(text[:index] + other + text[index + 1 :], SCOPE)


@given(st.text(max_size=200))
def test_arbitrary_text_is_never_a_cursor_and_never_breaks_the_reader(text: str) -> None:
    with pytest.raises(CursorError):
        CODEC.decode(text, SCOPE)


def members(**changes: object) -> str:
    body = {"v": 1, "page": 2, "limit": 25, "of": SCOPE, "mac": "x", **changes}
    return urlsafe_b64encode(orjson.dumps(body)).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=",
        "A" * 2000,
        members(),
        members(v=2),
        members(v=[]),
        members(page=True),
        members(page=0),
        members(page=2.0),
        members(page=10**9),
        members(limit="25"),
        members(of=None),
        members(mac=1),
        members(mac="é"),
        members(more=1),
        urlsafe_b64encode(b"[]").decode(),
        urlsafe_b64encode(b'{"v":1}').rstrip(b"=").decode(),
        CODEC.encode(Position(2, 25), SCOPE) + "=",
        " " + CODEC.encode(Position(2, 25), SCOPE),
    ],
)
def test_malformed_cursor_is_refused(text: str) -> None:
    with pytest.raises(CursorError, match="exactly as it came"):
        CODEC.decode(text, SCOPE)


def test_injected_mac_separates_servers() -> None:
    def keyed(key: bytes) -> CursorCodec:
        return CursorCodec(mac=lambda message: hmac.digest(key, message, hashlib.sha256))

    text = keyed(b"one").encode(Position(2, 25), SCOPE)
    assert keyed(b"one").decode(text, SCOPE) == Position(2, 25)
    for codec in (keyed(b"two"), CODEC):
        with pytest.raises(CursorError):
            codec.decode(text, SCOPE)

"""Text that shows all it holds: characters no reader sees are taken out, those that shape what is seen stay.

What a person cannot see can still steer a model: orders in tag characters or variation selectors, words turned round by
bidirectional controls, escape sequences for terminals.

Taken out: control characters but tab, line feed and carriage return; format characters (Cf) but the visible Arabic and
Indic signs among them; default-ignorable and private-use characters; the noncharacters of the BMP. Line and paragraph
separators become a line feed. Kept where Unicode gives them a meaning, one at a time:

- ZWJ, variation selectors 15 and 16, keycaps and skin tones of emoji; the tag characters of the flags of England,
  Scotland and Wales (UTS #51);
- ZWJ and ZWNJ after a letter or mark of a script that joins: Arabic, Syriac, N'Ko, Mongolian and the scripts of India,
  Tibet and South-East Asia (Unicode Standard §9.2, §12.1; RFC 5892 appendix A is stricter than how people write);
- variation selectors 1 to 3 and the registered ideographic ones up to U+E011F after an ideograph (UTS #37), 1 and 2
  after East Asian punctuation, 1 after a Myanmar letter, and those of Mongolian.

So legitimate text loses these only, none of which changes a word: LRM, RLM and ALM; word joiners, zero-width spaces and
soft hyphens (where a line may break); joiners in Latin, Greek and Cyrillic (ligatures); fillers of Hangul; variation
selectors of mathematical signs; company logos and fonts' own characters in private use.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

_UNSEEN = (
    r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u2028-\u202e\u2060-\u206f\u3164\ue000-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
)
_UNSEEN_BEYOND = r"\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U0010ffff"
_LEADS_BEYOND = (b"\xf0\x93\x90", b"\xf0\x9b\xb2", b"\xf0\x9d\x85", b"\xf3", b"\xf4")
"""How the latter begin in UTF-8, and few others: to look for these takes a tenth of the time."""
_EMOJI = (
    r"\xa9\xae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u23cf\u23e9-\u23f3\u23f8-\u23fa\u24c2"
    r"\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u27bf\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d"
    r"\u3297\u3299\U0001f000-\U0001f0ff\U0001f10d-\U0001f1ff\U0001f201-\U0001f2ff\U0001f300-\U0001faff"
)
_JOINING = (
    r"\u0600-\u08ff\u0900-\u0fff\u1000-\u109f\u1700-\u18af\u1900-\u1cff\ua800-\uaadf\uabc0-\uabff\ufb50-\ufdcf"
    r"\ufdf0-\ufdff\ufe70-\ufefc\U00010a00-\U00010aff\U00010d00-\U00010fff\U00011000-\U00011fff\U0001e900-\U0001e95f"
)

_SEEN_AS_ONE = re.compile(f"[{_UNSEEN}]+")
_SEEN_AS_ONE_BEYOND = re.compile(f"[{_UNSEEN}{_UNSEEN_BEYOND}]+")
_EMOJI_BEFORE = re.compile(f"[{_EMOJI}]")
_MEANT_AFTER = tuple(
    (re.compile(f"[{before}]"), frozenset(meant))
    for before, meant in (
        (_EMOJI, "\ufe0e\ufe0f"),
        (_JOINING, "\u200c\u200d"),
        (
            r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af",
            ["\ufe00", "\ufe01", "\ufe02", *map(chr, range(0xE0100, 0xE0120))],
        ),
        (r"\u3001\u3002\uff01\uff0c\uff0e\uff1a\uff1b\uff1f", "\ufe00\ufe01"),
        (r"\u1000-\u109f\uaa60-\uaa7f", "\ufe00"),
        (r"\u1820-\u18aa", "\u180b\u180c\u180d\u180e\u180f"),
    )
)
"""What may follow a character of a class, once."""
_ZWJ, _VS16, _KEYCAP, _FLAG = "\u200d", "\ufe0f", "\u20e3", "\U0001f3f4"
_KEYS = frozenset("0123456789#*")
_SUBDIVISIONS = tuple(
    "".join(chr(0xE0000 + ord(letter)) for letter in name) + "\U000e007f" for name in ("gbeng", "gbsct", "gbwls")
)
_CONTROL_ESCAPE = re.compile(rb"\\(?:u00|[bf])")
"""How control characters stand in JSON; an escaped backslash before a letter looks the same, and costs a walk.

One search for all of them, as it costs less than one `in` for each.
"""
_SEPARATORS = ("\u2028", "\u2029")


def visible(text: str) -> str:
    """The text without what cannot be seen."""
    if text.isascii() and text.isprintable():
        return text
    runs = _SEEN_AS_ONE_BEYOND if _may_go_beyond(text.encode(errors="surrogatepass")) else _SEEN_AS_ONE
    return runs.sub(_kept, text)


def visible_json(value: Any) -> bytes:
    """The value as JSON in UTF-8, every name and string of it as `visible` gives it.

    The written text is looked at first, so that a value with nothing to take out costs microseconds. Two names that
    are the same once they can be seen: the one that was plain already stays.
    """
    written = orjson.dumps(value)
    return orjson.dumps(_visible_value(value)) if _may_hide(written) else written


def _may_hide(written: bytes) -> bool:
    if b"\x7f" in written or _CONTROL_ESCAPE.search(written) is not None:
        return True
    if written.isascii():
        return False
    return _may_go_beyond(written) or _SEEN_AS_ONE.search(written.decode()) is not None


def _may_go_beyond(encoded: bytes) -> bool:
    return any(lead in encoded for lead in _LEADS_BEYOND)


def _kept(found: re.Match[str]) -> str:
    """The front of a run that has a meaning where it stands."""
    run, text = found[0], found.string
    before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
    if _joins_emoji(run, before, after):
        return run
    if before == _FLAG:
        return next(
            (tags for tags in _SUBDIVISIONS if run.startswith(tags)), run[0] if run[0] in "\ufe0e\ufe0f" else ""
        )
    if run == _VS16 and before in _KEYS and after == _KEYCAP:
        return run
    if any(run[0] in meant and before_class.match(before) for before_class, meant in _MEANT_AFTER):
        return run[0]
    return "\n" if any(separator in run for separator in _SEPARATORS) else ""


def _joins_emoji(run: str, before: str, after: str) -> bool:
    is_joiner = run in {_ZWJ, _VS16 + _ZWJ}
    return is_joiner and bool(_EMOJI_BEFORE.match(before) and _EMOJI_BEFORE.match(after))


def _visible_value(value: Any) -> Any:
    match value:
        case str():
            return visible(value)
        case Mapping():
            return _visible_members(value)
        case list() | tuple():
            return [_visible_value(item) for item in value]
    return value


def _visible_members(members: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, item in members.items():
        seen = visible(name)
        if seen == name or (seen not in shown and seen not in members):
            shown[seen] = _visible_value(item)
    return shown

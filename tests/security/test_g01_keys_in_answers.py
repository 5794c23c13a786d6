"""G1: a key that upstream repeats, in any spelling JSON has for it, is in no text that a reader of the answer gets."""

import contextlib
import json
import random
from collections.abc import Iterator
from typing import Any

from mcp_gateway.kit.redact import MASK
from mcp_gateway.models.upstream import UpstreamResponse
from mcp_gateway.services.key_mask import without_key

ALPHABET = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"\\')
"""Of keys: what the admin API takes."""
HARD = 0.3
"""Of the keys: they begin like an escape."""
AROUND = 'aé/\\"<&\n\t\U0001f600 u0072'


def spelled(key: str, chance: random.Random) -> str:
    """The key as a JSON text may hold it, any of its characters escaped."""
    share = chance.choice([0.0, 0.1, 0.5, 1.0])
    return "".join(one if chance.random() >= share else escaped(one, chance) for one in key)


def escaped(character: str, chance: random.Random) -> str:
    if character == "/" and chance.random() < 0.5:
        return "\\/"
    return f"\\u{ord(character):{chance.choice(['04x', '04X'])}}"


def answer_with(text: str, chance: random.Random) -> str:
    """A JSON text in which this stands for itself as a value, a name, inside a longer text, or in JSON inside of it."""
    before, after = (
        "".join(json.dumps(one)[1:-1] for one in chance.choices(AROUND, k=chance.randrange(4))) for _ in range(2)
    )
    held = f'"{before}{text}{after}"'
    form = chance.choice(['{"error": %s}', '{"ticket": [{"id": 1, "tags": [%s]}]}', "{%s: 0}", "[%s]", "%s"]) % held
    return json.dumps({"message": form}) if chance.random() < 0.3 else form


def texts(value: Any) -> Iterator[str]:
    """Every text of a JSON value, names too, and those of the JSON that a text holds."""
    if isinstance(value, str):
        yield value
        with contextlib.suppress(json.JSONDecodeError):
            yield from texts(json.loads(value))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from (*texts(name), *texts(item))
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def test_key_in_any_spelling_is_masked_and_other_answers_stay_as_they_are(figures, scale):
    chance = random.Random(20261125)  # noqa: S311 - the same trials each time
    n = scale(full=10_000, quick=500)
    leaks = changes = 0
    for _ in range(n):
        key = "".join(chance.choices(ALPHABET, k=chance.randrange(8, 40)))
        if chance.random() < HARD:
            key = chance.choice("unrtbf/") + key
        other = "".join(chance.choices(ALPHABET, k=len(key)))
        body = answer_with(spelled(key, chance), chance).encode()
        masked = without_key(UpstreamResponse(200, {}, body), key).body
        # A text that ends in a backslash or a line break's escape may lose it; an answer never stops being JSON.
        leaks += any(key in text for text in texts(json.loads(masked)))
        changes += without_key(UpstreamResponse(200, {}, body), other).body != body
    figures.record(
        "G1", "answers that still tell a key in some spelling", measured=leaks, bar="0", n=n, holds=leaks == 0
    )
    figures.record("G1", "answers without the key that changed", measured=changes, bar="0", n=n, holds=changes == 0)


def test_any_number_of_backslashes_is_read_in_one_pass():
    """Would not end if each of them were read again for the next one."""
    key = "rp_test_key_0001"
    run = "\\" * 2**20
    others = (run + "\\u0072", f"\\u0072 r{run}p_test_key_0001", f"\\u0072p{run}_test")
    for body in (f"{run}{key}", f"{run}u0072{key[1:]}", *others):
        masked = without_key(UpstreamResponse(200, {}, body.encode()), key).body
        assert masked == (body if body in others else MASK).encode()

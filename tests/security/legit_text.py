"""A thousand texts as customers write them, whose meaning hangs on characters that nobody sees.

Built from the sequences of emoji-zwj-sequences.txt, emoji-variation-sequences.txt and emoji-sequences.txt of
Unicode 15.1, and from words of scripts that join.
"""

from itertools import product

ZWJ, ZWNJ, VS15, VS16 = "\u200d", "\u200c", "\ufe0e", "\ufe0f"
TONES = ("", *map(chr, range(0x1F3FB, 0x1F400)))
PEOPLE = ("\U0001f9d1", "\U0001f468", "\U0001f469")
SIGNS = (
    "\u2695\ufe0f", "\u2696\ufe0f", "\u2708\ufe0f", "\U0001f33e", "\U0001f373", "\U0001f37c", "\U0001f393",
    "\U0001f3a4", "\U0001f3a8", "\U0001f3eb", "\U0001f3ed", "\U0001f4bb", "\U0001f4bc", "\U0001f527", "\U0001f52c",
    "\U0001f680", "\U0001f692", "\U0001f9af", "\U0001f9bc", "\U0001f9bd", "\U0001f9b0", "\U0001f9b3",
)  # fmt: skip
ACTS = ("\U0001f3c3", "\U0001f3c4", "\U0001f3ca", "\U0001f6b4", "\U0001f926", "\U0001f937", "\U0001f64b", "\U0001f9d8")

PROFESSIONS = [f"{who}{tone}{ZWJ}{sign}" for who, tone, sign in product(PEOPLE, TONES, SIGNS)]
ACTIVITIES = [f"{who}{tone}{ZWJ}{sex}{VS16}" for who, tone, sex in product(ACTS, TONES, "\u2640\u2642")]
FAMILIES = [
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "\U0001f469\U0001f3fb\u200d\u2764\ufe0f\u200d\U0001f48b\u200d\U0001f468\U0001f3ff",
    "\U0001f9d1\U0001f3fd\u200d\U0001f91d\u200d\U0001f9d1\U0001f3fe",
    "\U0001f468\u200d\u2764\ufe0f\u200d\U0001f468",
    "\U0001f3f3\ufe0f\u200d\U0001f308",
    "\U0001f3f3\ufe0f\u200d\u26a7\ufe0f",
    "\U0001f3f4\u200d\u2620\ufe0f",
    "\U0001f441\ufe0f\u200d\U0001f5e8\ufe0f",
    "\u2764\ufe0f\u200d\U0001f525",
    "\u26d3\ufe0f\u200d\U0001f4a5",
    "\U0001f642\u200d\u2195\ufe0f",
    "\U0001f43b\u200d\u2744\ufe0f",
    "\U0001f3c3\U0001f3fd\u200d\u2640\ufe0f\u200d\u27a1\ufe0f",
]
SELECTED = [
    f"{base}{selector}"
    for base, selector in product(
        "\xa9\xae\u203c\u2122\u2139\u2194\u231a\u23cf\u24c2\u25b6\u2600\u260e\u2611\u263a\u2660\u2665\u267b\u26a0"
        "\u2702\u2709\u2714\u2764\u2934\u2b05\u3030\u303d\u3297\u3299\U0001f004\U0001f170\U0001f202\U0001f321\U0001f5a5",
        (VS15, VS16),
    )
]
KEYCAPS = [f"{key}{VS16}\u20e3" for key in "0123456789#*"]
FLAGS = [
    "".join(chr(0x1F1E6 + ord(letter) - ord("A")) for letter in code)
    for code in [
        "AE",
        "AR",
        "AU",
        "BD",
        "BR",
        "CA",
        "CN",
        "DE",
        "EG",
        "ES",
        "FR",
        "GB",
        "GR",
        "ID",
        "IL",
        "IN",
        "IQ",
        "IR",
        "IT",
        "JP",
        "KE",
        "KR",
        "LK",
        "MM",
        "MX",
        "NG",
        "NP",
        "PK",
        "PL",
        "PT",
        "SA",
        "TH",
        "TR",
        "US",
    ]
]
SUBDIVISIONS = [
    "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in name) + "\U000e007f"
    for name in ("gbeng", "gbsct", "gbwls")
]
JOINED = [
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0646\u0645\u06cc\u200c\u062f\u0627\u0646\u0645",
    "\u062e\u0627\u0646\u0647\u200c\u0627\u06cc", "\u06a9\u062a\u0627\u0628\u200c\u0647\u0627", "\u0647\u200d",
    "\u0915\u094d\u200d\u0937", "\u0915\u094d\u200c\u0937", "\u0930\u094d\u200d\u092f", "\u0995\u09cd\u200d",
    "\u0d28\u0d4d\u200d", "\u0dc1\u0dca\u200d\u0dbb\u0dd3", "\u0d9a\u0dca\u200d\u0dc2",
    "\u1019\u103c\u1014\u103a\ufe00",
    "\u1820\u180b\u1828\u180e\u1820", "\u0c95\u0ccd\u200c\u0c95", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
]  # fmt: skip
IDEOGRAPHS = [
    "\u845b\U000e0100\u98fe\u533a", "\u8fbb\U000e0101\u3055\u3093", "\u9089\U000e0106", "\u4f80\ufe00", "\u795e\ufe00",
    "\U00020bb7\U000e0101\u91ce\u5bb6", "\u3002\ufe00", "\uff0c\ufe01", "\u6f22\u5b57\u4eee\u540d",
]  # fmt: skip
PLAIN = [
    "طلبي لم يصل بعد، أين هو؟",
    "איפה החבילה שלי?",
    "Grüße aus Köln",
    "Zażółć gęślą jaźń",
    "Đơn hàng của tôi",
    "S\u0327a\u0308 e\u0301",
    "주문한 상품이 아직",
    "Где моя посылка?",
    "O\u2019Brien \u2014 \u201cthanks\u201d\u00a0\u2026",
    "\U00010330\U00010343\U00010348 \U0001d11e",
    "line one\r\n\tline two\n\u00a0end",
    '{"order": "C:\\\\new\\\\bin\\\\u0041"} <b>&zwj;</b> 100 % \\\\ / `',
]

KINDS = (PROFESSIONS, ACTIVITIES, FAMILIES, SELECTED, KEYCAPS, FLAGS, SUBDIVISIONS, JOINED, IDEOGRAPHS, PLAIN)


def legit_texts(count: int) -> list[str]:
    """The first `count` texts, alike in every run: all kinds in turn, then between words of other kinds."""
    rounds = max(map(len, KINDS))
    alone = [kind[number % len(kind)] for number in range(rounds) for kind in KINDS]
    others = zip(alone, alone[7:], alone[23:], strict=False)
    between = (f"{left} Parcel{right}{third}, \u4f60\u597d" for left, right, third in others)
    unique = list(dict.fromkeys([*alone, *between]))
    return [*unique[: count // 2], *unique[-(count - count // 2) :]]


EXCEPTIONS = {
    "left-to-right mark": ("\u05d0\u200e1", "\u05d01"),
    "right-to-left mark": ("\u0639\u200f!", "\u0639!"),
    "Arabic letter mark": ("\u061c12", "12"),
    "soft hyphen": ("Donau\u00addampf", "Donaudampf"),
    "zero-width space": ("\u0e44\u0e17\u0e22\u200b\u0e04\u0e33", "\u0e44\u0e17\u0e22\u0e04\u0e33"),
    "word joiner": ("10\u2060km", "10km"),
    "byte order mark": ("\ufeffhello", "hello"),
    "joiner in Latin": ("Auf\u200clage", "Auflage"),
    "Hangul filler": ("\u3164name", "name"),
    "mathematical variant": ("\u2229\ufe00", "\u2229"),
    "private use": ("\uf8ff Watch", " Watch"),
    "line separator": ("one\u2028two", "one\ntwo"),
    "bidirectional isolate": ("\u2066abc\u2069", "abc"),
    "terminal escape": ("\x1b[31mred", "[31mred"),
}
"""What the documents say is lost: kind → as written, and as it comes through."""

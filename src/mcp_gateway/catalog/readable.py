"""HTML of an e-mail → text that reads well and costs little.

A scanner, not a parser: no tree, no recursion, and each character is looked at a fixed number of times, whatever the
input. `html.parser` and HTML5 tree builders take seconds for 10 to 40 KB made to hurt them (`bench/html_text.py`).
How markup ends where it is broken follows HTML5 (https://html.spec.whatwg.org/multipage/parsing.html#tokenization),
but for an attribute whose quote is never closed: browsers lose the rest of the page there, a reader must not.
"""

import html as entities
import re
from typing import NamedTuple

_TAG_REST = r"""(?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+)*+"""
"""Attributes as one text: a `>` inside quotes does not end the tag; quotes open only after `=`."""
_DROPPED = "script|style|title|template|iframe|noframes|noembed"
"""Elements left out with their content. Of a head nothing else is text."""
_TOKEN = re.compile(
    rf"""
    <!--(?:-?>|.*?(?:--!?>|\Z))
    |<({_DROPPED})(?=[\s/>]){_TAG_REST}> (?:[^<]++|<(?!/\1[\s/>]))*+ (?:</\1[^>]*+>?+)?+
    |<(/?)([a-z][^\s/>]*+)({_TAG_REST})(?:>|\Z)
    |<[!?/][^>]*+(?:>|\Z)
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE | re.ASCII,
)
_ATTRIBUTE = re.compile(r"""([^\s/=>"']++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]++)))?+""")
_ENDLESS_NUMBER = re.compile(r"&#[0-9]{8,}+;?")
"""No character has such a number, and Python refuses to read the longest ones."""
_ONLY_HREF = ' href="'
_URL = re.compile(r"(?:https?|ftp)://\S|(?:mailto|tel):\S", re.IGNORECASE)
"""Links worth showing: relative ones and fragments lead nowhere outside the mail."""
_SAME = re.compile(r"^(?:(?:https?|ftp)://(?:www\.)?|mailto:|tel:)|/$", re.IGNORECASE)
_INVISIBLE = "\u00ad\u034f\u061c\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
"""Characters newsletters pad their preview text with; dropped only where a word is made of nothing else."""
_PADDING = re.compile(f"[{_INVISIBLE}]")

_LINE, _PARAGRAPH = 1, 2
_BLOCKS = {
    **dict.fromkeys(("address", "article", "aside", "body", "caption", "center", "dd", "details", "div", "dl"), _LINE),
    **dict.fromkeys(("dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "html"), _LINE),
    **dict.fromkeys(("legend", "li", "main", "nav", "section", "summary", "table", "tbody", "tfoot"), _LINE),
    **dict.fromkeys(("thead", "tr"), _LINE),
    **dict.fromkeys(("blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "ul"), _PARAGRAPH),
}
"""Block elements → line breaks between them and their neighbours."""
_MEANT = frozenset({*_BLOCKS, "a", "br", "img", "td", "th"})
"""Every other tag says nothing about the text."""
_SIMPLE_BLOCKS = frozenset(_BLOCKS) - {"blockquote", "li", "ol", "pre", "table", "tr", "ul"}
"""Those that say nothing but where a line ends."""
_NOT_SIMPLE = (_MEANT - _SIMPLE_BLOCKS - {"a", "br"}) | frozenset(_DROPPED.split("|"))
_NOTHING, _BREAK, _LINK, _LINK_END = 0, -1, -2, -3
"""What a tag may mean beside the line breaks of a block."""
_SIMPLE_TAGS = {
    **{slash + name: _BLOCKS[name] for name in _SIMPLE_BLOCKS for slash in ("", "/")},
    **dict.fromkeys(("br", "br/", "br /"), _BREAK),
    "/br": _NOTHING,
    "a": _LINK,
    "/a": _LINK_END,
    **{slash + name: _NOTHING for name in ("b", "em", "font", "i", "s", "span", "strong", "u") for slash in ("", "/")},
}
"""Tags as they are nearly always written, without attributes."""
_SIMPLE_TAG = re.compile(
    r"""(/?)([a-z][a-z0-9:]*+)(?:\s++[a-z][a-z:_-]*+=(?:"[^"]*+"|'[^']*+'))*+\s*+/?""", re.IGNORECASE | re.ASCII
)
"""A tag that no reader could end elsewhere; it holds neither `<` nor `>`."""
_MAX_INDENT = 6
MAX_TAGS = 50_000
"""Mails have hundreds, newsletters thousands; each costs microseconds, and megabytes of nothing else can be sent."""
_SIGNS = re.compile(
    r"""</(?:a|b|body|div|em|font|h[1-6]|html|i|li|ol|p|span|strong|table|td|tr|u|ul)\s*+>|<!doctype\s|<!--
    |<(?:a|b|blockquote|body|br|center|div|em|font|h[1-6]|head|hr|html|i|img|li|ol|p|pre|s|span|strong|style|table|td|tr|u|ul)
    (?=\s*+/?>|\s[^<>=]*+=)[^<>]*+>""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
"""A comment, a closing tag, or an opening one with nothing or attributes inside: not `<john@mail.example>`, `a < b`."""


def looks_like_html(text: str) -> bool:
    """Whether there is a tag in the text that e-mails are made of."""
    return "<" in text and _SIGNS.search(text) is not None


def readable(html: str, most_tags: int = MAX_TAGS) -> "Reading":
    """The text a reader would see: lines for blocks and `<br>`, `- ` for list items, ` | ` between cells.

    A link is `text (url)` where the two differ, a picture its `alt`, a quoted reply has `> ` before each line. What
    comes after `most_tags` tags, one or more, is left out and said so.
    """
    simple = _simply(html, most_tags)
    if simple is not None:
        return simple
    # One call that cuts at every token: text, then (element left out, slash, name, rest, text) for each.
    pieces = _TOKEN.split(html, most_tags)
    tags = len(pieces) // 5
    is_whole = tags < most_tags or not pieces[-1]
    if not is_whole:
        pieces[-1] = f" … [cut: the last {len(pieces[-1]):,} of {len(html):,} characters of HTML]"
    return Reading(_fully(pieces), tags, is_whole)


def _fully(pieces: list[str]) -> str:
    """The text of anything."""
    text = _Text()
    if pieces[0]:
        text.add(_resolved(pieces[0]))
    for slash, name, rest, following in zip(pieces[2::5], pieces[3::5], pieces[4::5], pieces[5::5], strict=True):
        known = name.lower() if name else ""
        if known in _MEANT:
            text.close(known) if slash else text.open(known, rest)
        if following:
            text.add(_resolved(following))
    return text.finished()


def _simply(html: str, most_tags: int = MAX_TAGS) -> "Reading | None":  # noqa: C901, PLR0912 - one loop, few calls
    """The same for paragraphs, lines and links, which most mails are made of; None for what has more in it.

    Nearly every conversation is read this way, so that it costs a tenth matters. Every `<` must begin a tag that ends
    at the next `>`: then no regular expression is needed to find the tags, and nothing about them is in doubt.
    """
    pieces = html.split("<")
    tags = len(pieces) - 1
    if tags > most_tags:
        return None
    # Of the whole at once, since each of these would be a call for every piece.
    has_entities, may_pad, is_tidy = "&" in html, not html.isascii(), "  " not in html and html.isprintable()
    parts: list[str] = []
    breaks, has_space = 0, False
    link: tuple[str, int] | None = None
    # What stands before the first tag comes behind one that means nothing.
    pieces[0] = f"b>{pieces[0]}"
    for piece in pieces:
        tag, end, text = piece.partition(">")
        means = _SIMPLE_TAGS.get(tag)
        if means is None:
            means = _meaning(tag)
        if means is None or not end:
            return None
        if means > 0:
            if means > breaks:  # noqa: PLR1730 - without a call
                breaks = means
        elif means == _BREAK:
            breaks += 1
        elif means != _NOTHING:
            _close_link(link, parts)
            link = None if means == _LINK_END else (_href(tag[1:]), len(parts))
        if text:
            if has_entities and "&" in text:
                text = _resolved(text)
                may_pad = True
                words = " ".join(text.split())
            else:
                # Of printable characters only the blank is one; where no two of them meet, nothing is to be joined.
                words = text.strip() if is_tidy else " ".join(text.split())
            if may_pad and _PADDING.search(text):
                return None
            if words:
                if parts and breaks:
                    parts.append("\n" if breaks == 1 else "\n\n")
                elif parts and (has_space or text[0] != words[0]):
                    parts.append(" ")
                parts.append(words)
                breaks, has_space = 0, text[-1] != words[-1]
            else:
                has_space = True
    _close_link(link, parts)
    return Reading("".join(parts), tags, is_whole=True)


def _meaning(tag: str) -> int | None:
    """What stands between `<` and `>` means to `_simply`; None for what it does not know."""
    if tag[:1] in {"!", "?"}:
        is_comment = tag.startswith("!--")
        return _NOTHING if not is_comment or tag.endswith("--") else None
    found = _SIMPLE_TAG.fullmatch(tag)
    if found is None:
        return None
    slash, name = found[1], found[2].lower()
    known = _SIMPLE_TAGS.get(slash + name)
    if known is not None:
        return known
    return None if name in _NOT_SIMPLE else _NOTHING


def _close_link(link: tuple[str, int] | None, parts: list[str]) -> None:
    """Add the URL of a link to its text, where it tells more than the text does."""
    if link is None:
        return
    url, start = link
    if start == len(parts) or not _URL.match(url):
        return
    shown = "".join(parts[start:]).strip(" \n>-|")
    # A URL has no blank.
    if " " in shown or _bare(shown) != _bare(url):
        parts.append(f" ({url})")


class Reading(NamedTuple):
    """What came of reading HTML."""

    text: str
    tags: int
    """How many were read."""
    is_whole: bool
    """False where there were more tags than that."""


class _Text:
    """Lines as they grow; what stands between two words is decided when the second one comes."""

    __slots__ = ("_breaks", "_cell", "_depth", "_in_row", "_item", "_link", "_parts", "_pre", "_quotes", "_space")

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._breaks = 0
        self._space = False
        self._item = False
        self._cell = False
        self._in_row = False
        self._depth = 0
        self._quotes = 0
        self._pre = 0
        self._link: tuple[str, int] | None = None
        """The URL and the number of parts before its text."""

    def add(self, text: str) -> None:
        """Append text; outside of `<pre>` a run of blanks is one space."""
        if not text:  # a reference to no character
            return
        if self._pre:
            self._add_lines(text)
            return
        words = text.split()
        if _PADDING.search(text):
            words = [word for word in words if word.strip(_INVISIBLE)]
        if not words:
            self._space = self._space or text[0].isspace() or text[-1].isspace()
            return
        self._space = self._space or text[0].isspace()
        self._write(" ".join(words))
        self._space = text[-1].isspace()

    def open(self, name: str, rest: str) -> None:
        """A start tag; `rest` is what stands between its name and `>`."""
        if name == "br":
            self._breaks += 1
        elif name == "a":
            self._end_link()
            self._link = (_href(rest), len(self._parts))
        elif name == "img":
            self.add(_attribute(rest, "alt") or " ")
        elif name in {"td", "th"}:
            self._next_cell()
        elif name in _BLOCKS:
            self._block(name, 1)

    def close(self, name: str) -> None:
        """An end tag, whether or not it was opened."""
        if name == "a":
            self._end_link()
        elif name in _BLOCKS:
            self._block(name, -1)

    def finished(self) -> str:
        """The whole text."""
        self._end_link()
        return "".join(self._parts)

    def _block(self, name: str, step: int) -> None:
        # Outlook wraps what stands in a cell into a paragraph: that is no reason to leave the row's line.
        if not self._cell or name in {"tr", "table"}:
            nested = name in {"ul", "ol"} and self._depth + min(step, 0) > 0
            self._breaks = max(self._breaks, _LINE if nested else _BLOCKS[name])
        match name:
            case "li":
                self._item = step > 0
            case "ul" | "ol":
                self._depth = max(0, self._depth + step)
                self._item = False
            case "blockquote":
                self._quotes = max(0, self._quotes + step)
            case "pre":
                self._pre = max(0, self._pre + step)
            case "tr" | "table":
                self._in_row = self._cell = False

    def _next_cell(self) -> None:
        """The cell after one with text stands on the same line, however the first one ended."""
        if self._in_row:
            self._cell, self._breaks = True, 0
        self._space = True

    def _add_lines(self, text: str) -> None:
        for index, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")):
            self._breaks += index > 0
            if shown := line.rstrip():
                self._write(shown)
            self._space = self._space or shown != line

    def _write(self, text: str) -> None:
        between = self._between()
        if self._item:
            between += "  " * min(self._depth - 1, _MAX_INDENT) + "- "
        self._parts += (between, text) if between else (text,)
        self._breaks, self._space, self._item, self._cell, self._in_row = 0, False, False, False, True

    def _between(self) -> str:
        quote = "> " * min(self._quotes, _MAX_INDENT)
        if not self._parts:
            return quote
        if self._breaks:
            return "\n" * min(self._breaks, _PARAGRAPH) + quote
        if self._cell:
            return " | "
        return " " if self._space else ""

    def _end_link(self) -> None:
        _close_link(self._link, self._parts)
        self._link = None


def _bare(url: str) -> str:
    return _SAME.sub("", url).casefold()


def _href(rest: str) -> str:
    """Where a link leads; empty when it does not say."""
    if rest.startswith(_ONLY_HREF) and "&" not in rest and rest.find('"', len(_ONLY_HREF)) == len(rest) - 1:
        return "".join(rest[len(_ONLY_HREF) : -1].split())
    return _attribute(rest, "href").replace(" ", "")


def _attribute(rest: str, name: str) -> str:
    """The first attribute of that name, a run of blanks in it as one space; empty when there is none."""
    for found in _ATTRIBUTE.finditer(rest):
        if found[1].lower() == name:
            return " ".join(_resolved(found[2] or found[3] or found[4] or "").split())
    return ""


def _resolved(text: str) -> str:
    """Character references as characters."""
    if "&" not in text:
        return text
    return entities.unescape(_ENDLESS_NUMBER.sub("\ufffd", text) if "&#" in text else text)

"""HTML e-mails as text."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_gateway.catalog import readable as readable_module
from mcp_gateway.catalog.readable import looks_like_html, readable


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("a\n  b\t c&nbsp; d", "a b c d"),
        ("<p>a</p>\n\n<p>b</p>", "a\n\nb"),
        ("<p>a<p>b", "a\n\nb"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("<div>a</div><div><br></div><div>b<br></div>c", "a\n\nb\nc"),
        ("a<br>b<br/>c<BR />d", "a\nb\nc\nd"),
        ("a<br><br><br><br>b<p></p><p>&nbsp;</p><p>c</p>", "a\n\nb\n\nc"),
        ("<h1>Title</h1>text<hr>more", "Title\n\ntext\nmore"),
        ("<b>un</b>broken wo<i>rd</i>s", "unbroken words"),
        ("a <b> b </b> c", "a b c"),
        ("<span>a</span> <span>b</span>", "a b"),
        # Lists
        ("<ul><li>a</li><li><b>b</b></li></ul>c", "- a\n- b\n\nc"),
        ("<ol><li>a<li>b</ol>", "- a\n- b"),
        ("<ul><li><p>a</p></li><li></li><li>b</li></ul>", "- a\n\n- b"),
        ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c"),
        ("<li>a</li></ul></ul>b", "- a\n\nb"),
        # Links
        ('<a href="https://x.example/t?a=1&amp;b=2">Track it</a>.', "Track it (https://x.example/t?a=1&b=2)."),
        ('<a href="https://x.example/">https://x.example</a>', "https://x.example"),
        ('<a href="HTTP://www.X.example">x.example</a>', "x.example"),
        ('<a href="mailto:a@b.example">a@b.example</a>', "a@b.example"),
        ("<a href='tel:+1555'>call us</a>", "call us (tel:+1555)"),
        ("<a href=https://x.example/a/b>go</a>", "go (https://x.example/a/b)"),
        ('<a title="href=https://evil.example" href="https://x.example/1">go</a>', "go (https://x.example/1)"),
        ('<a data-href="https://evil.example">go</a>', "go"),
        ('<a href="#top">up</a> <a href="javascript:x()">x</a> <a href="/rel">r</a> <a>n</a>', "up x r n"),
        ('<a href="https://x.example/1"></a>end', "end"),
        (
            '<a href="https://x.example/1">one<a href="https://x.example/2">two',
            "one (https://x.example/1)two (https://x.example/2)",
        ),
        ('<a href="https://x.example/\n 1">one</a>', "one (https://x.example/1)"),
        ('<a href="https://x.example/1"><img src="b.png" alt="Buy &amp; go"></a>', "Buy & go (https://x.example/1)"),
        ('a<img src=x>b<img alt="">', "a b"),
        # Tables
        ("<table><tr><th>Item</th><th>Sum</th></tr><tr><td>Cup</td><td>5</td></tr></table>t", "Item | Sum\nCup | 5\nt"),
        ("<table><tr><td><p>Item</p></td><td><p>Sum</p></td></tr></table>", "Item | Sum"),
        ("<tr><td>a</td><td></td><td> </td><td>b</td></tr>", "a | b"),
        ("<table><tr><td><table><tr><td>a</td></tr></table></td></tr><tr><td>b</td></tr></table>", "a\nb"),
        # Quoted replies
        (
            "Thanks!<div>Ada:<blockquote><p>Hi</p><p>there<br>you<blockquote>old</blockquote></blockquote></div>x",
            "Thanks!\nAda:\n\n> Hi\n\n> there\n> you\n\n> > old\n\nx",
        ),
        ("</blockquote><blockquote>a", "> a"),
        ("<pre>a\n  b\r\n\n\n\nc </pre> d", "a\n  b\n\nc\n\nd"),
        ("<pre>a <b>b</b> c\n <i> </i>d</pre>", "a b c\nd"),
        # What is no text
        (
            "<!DOCTYPE html><html><head><title>T</title><meta x><style>p > a {}</style></head><body>a</body></html>",
            "a",
        ),
        ("a<script>if (a<b) {'</p>'}</script>b<STYLE type=x>x</Style >c", "abc"),
        ("a<script>never closed", "a"),
        ("a<!-- <p>b</p> -->c<!---->d<!-->e<!--->f<!-- x --!>g", "acdefg"),
        ("a<!-- never closed", "a"),
        ("a<!--[if mso]><p>b</p><![endif]-->c<![if !mso]>d<![endif]>e", "acde"),
        ("<?xml version='1.0'?>a</>b<o:p>c</o:p>", "abc"),
        ("a<iframe><p>b</p></iframe>c<template>d</template>e", "ace"),
        ("preview&#847;&zwnj;&nbsp;&#8203; &#847; \u00ad text", "preview\u034f\u200c text"),
        # References
        ("&lt;b&gt; &amp;lt; &eacute; &#233; &#xE9; &copy &nosuch; &", "<b> &lt; é é é © &nosuch; &"),
        (f"&#{'9' * 9000};&#0;&#xD800;&#1114112;", "\ufffd\ufffd\ufffd\ufffd"),
        ("a<table>&#1;<tr><td>&#11;b", "a\nb"),
        # Broken
        ("1 < 2 and 2 > 1, I <3 you", "1 < 2 and 2 > 1, I <3 you"),
        ("<p title=it's>a</p> <p title='b>c'>d</p>", "a\n\nd"),
        ('<p title="never closed>a</p>b', "a\n\nb"),
        ("a<p", "a"),
        ("a<b <i>b</i></b", "ab"),
        ("a<", "a<"),
        ("a<\u017f>b", "a<\u017f>b"),
        ("</p></div></td></tr></table>a", "a"),
    ],
)
def test_mail_reads_as_a_person_would_see_it(html: str, text: str) -> None:
    assert readable(html).text == text


@pytest.mark.parametrize(
    "text",
    [
        "<p>a</p>",
        "a<br>b",
        "a<BR/>b",
        'x <a href="y">z</a>',
        "<div class=x>",
        "<!DOCTYPE html>",
        "a <!-- b -->",
        "closing only</div>",
        "<td\n width=5>",
        "<img src=x>",
        "<h2>x",
    ],
)
def test_html_is_seen(text: str) -> None:
    assert looks_like_html(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "a < b > c",
        "<john@mail.example> wrote:",
        "On Monday, John <john@mail.example> wrote:",
        "<CAF1x+b7@mail.example>",
        "if a <b and c> d",
        "<name>",
        "a &amp; b",
        "<3",
        "<",
        "List<T> x = y",
    ],
)
def test_plain_text_is_not_taken_for_html(text: str) -> None:
    assert not looks_like_html(text)


@pytest.mark.parametrize("tag", ["div", "blockquote", "ul", "table", "b", "a href=https://x.example", "pre", "li"])
def test_deep_nesting_costs_no_depth(tag: str) -> None:
    name = tag.partition(" ")[0]
    text = readable(f"<{tag}>" * 10_000 + "in" + f"</{name}>" * 10_000 + "out").text
    assert "in" in text
    assert text.endswith("out")
    assert len(text) < 300


HOSTILE = [
    *(
        "<",
        "</",
        "<!",
        "<!--",
        "<!--->",
        "<?",
        "<![CDATA[",
        "<a ",
        "<a b",
        '<a b="',
        "<a b='",
        "<a =",
        '<a href="',
        "</a ",
    ),
    *(
        "<script>",
        "<script></script",
        "<style",
        "</style",
        "<title>",
        "&",
        "&#",
        "&#9",
        "&#x",
        "&amp",
        "&amp;",
        " ",
        "\n",
    ),
    *(
        "<ul><li>x",
        "<li>",
        "<blockquote>x",
        "<pre>\n",
        "<td>x",
        "<table><tr><td>",
        "<br>",
        "<p>x",
        '"',
        "=",
        "= ",
        '="',
    ),
    *("<a href=https://x.example>x", "\u200c ", "<b id=1>", "<a x", "x>", "-->", "--"),
]


@pytest.mark.parametrize("part", HOSTILE)
@pytest.mark.parametrize("start", ["", "<a ", "<!--", '<a b="', "<script>", "<pre>"])
def test_hostile_input_gives_output_in_proportion(part: str, start: str) -> None:
    html = start + part * (25_000 // len(part))
    assert len(readable(html).text) <= 3 * len(html)
    looks_like_html(html)


def test_reading_ends_after_more_tags_than_any_mail_has() -> None:
    assert readable("a" + "<b>" * 60_000 + "z").text == "a … [cut: the last 30,001 of 180,002 characters of HTML]"
    assert readable("a" + "<b>" * 49_999 + "z").text == "az"
    assert readable('a<img src="data:image/png;base64,' + "A" * 3_000_000 + '">z').text == "a z"


PIECES = st.lists(
    st.sampled_from(
        [*HOSTILE, *("</a>", "</td>", "</p>", "</ul>", "</blockquote>", "</pre>", "</tr>", "a", "b c", "é", "-->", ">")]
    )
    | st.text(max_size=5),
    max_size=30,
).map("".join)


@given(html=PIECES)
def test_text_is_tidy_whatever_the_markup(html: str) -> None:
    text = readable(html).text
    assert "\n\n\n" not in text
    assert text == text.strip("\n")
    assert len(text) <= 3 * len(html)
    looks_like_html(html)


TAGS = ["<p>", "</p>", "<br>", "<div>", "</div>", "<td>", "</td>", "<tr>", "<li>", "<ul>", "</ul>", "<b>", "</a>"]
WORDS = st.text(string.ascii_letters, min_size=1, max_size=8)


@given(pieces=st.lists(st.tuples(WORDS, st.lists(st.sampled_from(TAGS), max_size=3).map("".join)), max_size=20))
def test_no_word_is_lost_between_tags(pieces: list[tuple[str, str]]) -> None:
    text = readable("".join(f" {word} {tags}" for word, tags in pieces)).text
    assert [word for word in text.split() if word not in {"-", "|"}] == [word for word, _ in pieces]


PIECES = st.sampled_from([
    *("<p>", "</p>", "<br>", "<BR/>", "</br>", "<div>", "</div>", "<b>", "</b>", "<h1 class=x>", "<hr>", "<body>"),
    *('<a href="https://x.example/a">', "<a href='mailto:a@b.example'>", "<a name=x>", "</a>", "<a href=/x>"),
    *("text", " ", "\n", "two  words ", "&amp;", "&nbsp;", "&#8203;", "\u200b", "é", "https://x.example/a"),
    *("<!-- c -->", "<!-->", "<!--x>", "<!doctype html>", "<?x>", "<style>p{}</style>", "<ul>", "<img alt=x>", "<o:p>"),
    *("<", ">", "a < b", "<>", "</>", "</ p>", "</DIV >", "<p", "</a", '<p class="x" dir=\'ltr\'>', '<p title="a>b">'),
    *('<p x="', '">', "<p x=y>", "<br />", "<br/ >", "<A HREF='https://y.example' />", "<title>", "</title>"),
    *("--", "-->"),
])  # fmt: skip


@given(html=st.lists(PIECES, max_size=30).map("".join))
def test_what_is_simple_reads_as_it_would_in_full(html):
    pieces = readable_module._TOKEN.split(html)
    simple = readable_module._simply(html)
    assert simple is None or simple == (readable_module._fully(pieces), len(pieces) // 5, True)

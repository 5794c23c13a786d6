"""CPU of reading HTML e-mails as text, and how it grows with markup made to hurt; takes under a minute.

Run `.venv/bin/python bench/html_text.py`. `html.parser` and, where it is installed, selectolax (lexbor) only take the
markup apart here; what a reader makes of it would come on top.
"""

import time
from collections.abc import Callable, Mapping
from html.parser import HTMLParser

from mcp_gateway.catalog.readable import readable

try:
    from selectolax.lexbor import LexborHTMLParser

    HAS_SELECTOLAX = True
except ModuleNotFoundError:
    HAS_SELECTOLAX = False

ROW = (
    '<div style="font-family:Arial,sans-serif;font-size:14px;color:#333"><p class="MsoNormal" style="margin:0">Hello '
    'there,&nbsp;where is my <b>parcel</b>? The page of <a href="https://shop.example/orders/1?a=1&amp;b=2">my order'
    "</a> has said &quot;on its way&quot; since Monday, and nobody answers the telephone.</p><br></div>\n"
)
MAIL = f"<html><head><style>p {{margin: 0}}</style></head><body>{ROW * 6}</body></html>"
HOSTILE: Mapping[str, Callable[[int], str]] = {
    "open tags, never closed": lambda size: "<a " * (size // 3),
    "open quotes": lambda size: '<a b="' * (size // 6),
    "open comments": lambda size: "<!--" * (size // 4),
    "nested blocks": lambda size: "<div>" * (size // 5),
    "formatting to reopen": lambda size: (
        "<p>" + "".join(f"<b id={n}>" for n in range(size // 16)) + "<p>x" * (size // 16)
    ),
}
SIZES = (10_000, 20_000, 40_000)
ENOUGH_SECONDS = 2.0


class Events(HTMLParser):
    """Keeps what the parser reports."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[object] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, attrs))

    def handle_endtag(self, tag: str) -> None:
        self.seen.append(tag)

    def handle_data(self, data: str) -> None:
        self.seen.append(data)


def with_html_parser(html: str) -> int:
    events = Events()
    events.feed(html)
    events.close()
    return len(events.seen)


def with_selectolax(html: str) -> int:
    root = LexborHTMLParser(html).root
    return (
        0
        if root is None
        else sum(len(node.text_content or node.tag or "") for node in root.traverse(include_text=True))
    )


def with_readable(html: str) -> int:
    return len(readable(html).text)


def cpu(read: Callable[[str], int], html: str, times: int = 1) -> float:
    """CPU seconds of one reading, the best of three."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        for _ in range(times):
            read(html)
        best = min(best, (time.process_time() - start) / times)
        if best > 1:
            break
    return best


def main() -> None:
    readers = {"readable": with_readable, "html.parser": with_html_parser}
    if HAS_SELECTOLAX:
        readers["selectolax"] = with_selectolax
    print(f"a mail of {len(MAIL)} characters:")
    for name, read in readers.items():
        print(f"  {name:12} {cpu(read, MAIL, 200) * 1e6:8.0f} µs")
    for title, make in HOSTILE.items():
        print(f"{title}, {', '.join(f'{size:,}' for size in SIZES)} characters:")
        for name, read in readers.items():
            figures: list[str] = []
            for size in SIZES:
                seconds = cpu(read, make(size))
                figures.append(f"{seconds * 1e3:10.1f} ms")
                if seconds > ENOUGH_SECONDS:
                    break
            print(f"  {name:12} {' '.join(figures)}")


if __name__ == "__main__":
    main()

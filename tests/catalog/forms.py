"""multipart/form-data, read by a parser that is not ours."""

from python_multipart.multipart import MultipartParser, parse_options_header

Part = tuple[dict[str, str], bytes]
"""The options of a part's content-disposition, and its contents."""


def by_python_multipart(content_type: str, body: bytes) -> list[Part]:
    """As servers in Python read it."""
    media_type, options = parse_options_header(content_type)
    assert media_type == b"multipart/form-data"
    parts: list[tuple[dict[str, str], bytearray]] = []
    name, value = bytearray(), bytearray()

    def on_header_end() -> None:
        if bytes(name).lower() == b"content-disposition":
            _, found = parse_options_header(bytes(value))
            parts[-1][0].update({key.decode(): text.decode() for key, text in found.items()})
        name.clear()
        value.clear()

    parser = MultipartParser(
        options[b"boundary"],
        {
            "on_part_begin": lambda: parts.append(({}, bytearray())),
            "on_part_data": lambda data, start, end: parts[-1][1].extend(data[start:end]),
            "on_header_field": lambda data, start, end: name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: value.extend(data[start:end]),
            "on_header_end": on_header_end,
        },
    )
    assert parser.write(body) == len(body)
    parser.finalize()
    return [(options, bytes(contents)) for options, contents in parts]

"""Stream ids: every replica can tell the holder, and only for the server they were made for."""

import pytest

from mcp_gateway.kit.stream_ids import StreamIds


@pytest.fixture
def ids():
    return StreamIds(b"k" * 32)


def test_id_names_its_process_to_every_replica(ids):
    other = StreamIds(b"k" * 32)
    assert ids.process != other.process
    assert other.process_of(ids.new("mcp_srv_1"), "mcp_srv_1") == ids.process


def test_ids_differ(ids):
    assert len({ids.new("mcp_srv_1") for _ in range(1000)}) == 1000


def test_id_of_another_server_or_another_key_is_none(ids):
    stream_id = ids.new("mcp_srv_1")
    assert ids.process_of(stream_id, "mcp_srv_2") is None
    assert StreamIds(b"l" * 32).process_of(stream_id, "mcp_srv_1") is None


def test_every_altered_digit_is_noticed(ids):
    stream_id = ids.new("mcp_srv_1")
    for place, digit in enumerate(stream_id):
        altered = stream_id[:place] + ("0" if digit != "0" else "1") + stream_id[place + 1 :]
        assert ids.process_of(altered, "mcp_srv_1") is None


@pytest.mark.parametrize("text", ["", "x", "0" * 71, "0" * 72, "0" * 73, "é" * 72, "\x00" * 72, "0" * 71 + "\n"])
def test_what_has_not_the_form_is_none(ids, text):
    assert ids.process_of(text, "mcp_srv_1") is None


def test_upper_case_is_another_text_and_none(ids):
    assert ids.process_of(ids.new("mcp_srv_1").upper(), "mcp_srv_1") is None

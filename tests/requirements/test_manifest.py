"""Rows and tests belong together, both ways."""

import re
from collections import Counter

import pytest

from mcp_gateway.protocol.versions import BY_NAME
from tests.requirements.manifest import ROWS
from tests.requirements.markers import collected_files, read
from tests.requirements.report import report
from tests.requirements.row import LEVELS
from tests.requirements.unproven import DEPARTURES, LATER, NOT_OURS

UNPROVEN = (*LATER, *DEPARTURES, *NOT_OURS)
MARKED = read(collected_files())


def test_every_row_has_a_test():
    assert [row.id for row in ROWS if row.id not in MARKED.tests] == []


def test_every_marker_names_a_row_and_stands_on_a_test():
    assert sorted(MARKED.tests.keys() - {row.id for row in ROWS}) == []
    assert MARKED.faults == []


def test_rows_are_well_formed():
    assert [row_id for row_id, times in Counter(row.id for row in ROWS).items() if times > 1] == []
    for row in ROWS:
        assert re.fullmatch(r"[a-z]+\.[a-z0-9-]+", row.id)
        assert row.level in LEVELS
        assert row.revisions
        assert set(row.revisions) <= set(BY_NAME)
        assert row.source
        assert row.text.endswith(".")


def test_what_is_not_proven_says_why():
    assert len({entry.what for entry in UNPROVEN}) == len(UNPROVEN)
    for entry in UNPROVEN:
        assert entry.what.endswith(".")
        assert entry.source
        assert entry.reason.endswith(".")


def test_report_shows_every_row_and_everything_unproven():
    text = "\n".join(report())
    assert "NO TEST" not in text
    for shown in (*(row.text for row in ROWS), *(entry.reason for entry in UNPROVEN)):
        assert shown in text


@pytest.mark.parametrize(
    ("source", "tests", "faults"),
    [
        ("@pytest.mark.requirement('a.b', 'c.d')\nasync def test_x(): ...", {"a.b": ["x"], "c.d": ["x"]}, 0),
        (
            "@pytest.mark.parametrize('', [pytest.param(1, marks=pytest.mark.requirement('a.b'))])\ndef test_x(): ...",
            {"a.b": ["x"]},
            0,
        ),
        (
            "pytestmark = [pytest.mark.requirement('a.b')]\ndef test_x(): ...\ndef test_y(): ...",
            {"a.b": ["x", "y"]},
            0,
        ),
        ("@pytest.mark.requirement('a.b')\ndef helper(): ...", {}, 1),
        ("MARK = pytest.mark.requirement('a.b')\n@MARK\ndef test_x(): ...", {}, 1),
        ("@pytest.mark.requirement(ID)\ndef test_x(): ...", {}, 1),
        ("@pytest.mark.requirement()\ndef test_x(): ...", {}, 1),
    ],
)
def test_markers_are_read_where_they_count_and_nowhere_else(tmp_path, source, tests, faults):
    path = tmp_path / "test_one.py"
    path.write_text(source)
    marked = read([path], root=tmp_path)
    assert marked.tests == {row: [f"test_one.py::test_{name}" for name in names] for row, names in tests.items()}
    assert len(marked.faults) == faults

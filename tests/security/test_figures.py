"""The table of `make security` can fail."""

import re
from pathlib import Path

import pytest

from tests.security.__main__ import table
from tests.security.figures import FILE, GATES, Figures, read

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "security.md").read_text()


def test_missed_bar_fails_its_test_and_is_on_record(tmp_path, monkeypatch):
    monkeypatch.setenv(FILE, str(tmp_path / "figures.jsonl"))
    with pytest.raises(AssertionError, match=r"G2 foreign answers: 3, the bar is 0 \(n = 50\)"):
        Figures().record("G2", "foreign answers", measured=3, bar="0", n=50, holds=False)
    assert [line.split() for line in table(read(tmp_path / "figures.jsonl"))][1][:2] == ["FAIL", "G2"]


def test_figure_of_an_unknown_gate_is_refused():
    with pytest.raises(AssertionError, match="unknown gate G99"):
        Figures().record("G99", "x", measured=0, bar="0", n=1, holds=True)


def test_page_names_every_gate_and_the_file_that_each_of_its_figures_comes_from():
    rows = re.findall(r"^\| (\w+) \| ([^|]+) \| ([^|]+) \|$", PAGE.partition("## The figures")[2], re.MULTILINE)
    named = {(gate, name) for gate, what, files in rows if GATES.get(gate) == what for name in files.split("`")[1::2]}
    recorded = {
        (gate, f"tests/security/{path.name}")
        for path in HERE.glob("test_*.py")
        if path != Path(__file__)
        for gate in re.findall(r'record\(\s*"(\w+)"', path.read_text())
    }
    assert named == recorded
    assert {gate for gate, _ in named} == GATES.keys()

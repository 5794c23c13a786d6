"""The table of `make security` can fail."""

import pytest

from tests.security.__main__ import table
from tests.security.figures import FILE, Figures, read


def test_missed_bar_fails_its_test_and_is_on_record(tmp_path, monkeypatch):
    monkeypatch.setenv(FILE, str(tmp_path / "figures.jsonl"))
    with pytest.raises(AssertionError, match=r"G2 foreign answers: 3, the bar is 0 \(n = 50\)"):
        Figures().record("G2", "foreign answers", measured=3, bar="0", n=50, holds=False)
    assert [line.split() for line in table(read(tmp_path / "figures.jsonl"))][1][:2] == ["FAIL", "G2"]


def test_figure_of_an_unknown_gate_is_refused():
    with pytest.raises(AssertionError, match="unknown gate G99"):
        Figures().record("G99", "x", measured=0, bar="0", n=1, holds=True)

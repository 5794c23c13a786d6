"""What `.tools/` promises; nothing is installed here."""

import pytest

from tests.toolchain.making import ToolchainError, made, run


@pytest.fixture
def lock(tmp_path):
    path = tmp_path / "some.lock"
    path.write_text("one")
    return path


@pytest.fixture
def maker(tmp_path, lock):
    """Makes `thing` from the lock; the list grows with every time it really had to."""
    calls = []

    def make(directory):
        calls.append(sorted(path.name for path in directory.iterdir()))
        (directory / "leftover").touch()
        if lock.read_text() == "bad":
            raise ToolchainError("no such version")

    return calls, lambda: made("thing", [lock], make, under=tmp_path / "tools")


def test_it_is_made_once_and_anew_from_nothing_when_its_input_changed(maker, lock):
    calls, make = maker
    assert make() == make()
    assert len(calls) == 1
    lock.write_text("two")
    assert (make() / "leftover").exists()
    assert calls == [[], []]


def test_what_could_not_be_made_is_not_taken_for_complete(maker, lock):
    calls, make = maker
    lock.write_text("bad")
    for _ in range(2):
        with pytest.raises(ToolchainError, match="no such version"):
            make()
    assert calls == [[], []]


def test_an_installer_that_fails_is_one_line_with_what_it_was_for_and_what_it_said():
    with pytest.raises(ToolchainError, match=r"^the thing: first second$"):
        run("the thing", ["sh", "-c", "printf 'first\nsecond\n' >&2; exit 3"])
    with pytest.raises(ToolchainError, match=r"^the thing: .*no-such-program"):
        run("the thing", ["no-such-program"])

import pytest

from mcp_gateway.cli.exits import exit_code_of, lines_of
from mcp_gateway.exceptions import (
    ConfigurationError,
    InvalidInputError,
    NotFoundError,
    Problem,
    StoreUnavailableError,
    UpstreamTimeoutError,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFoundError("gone"), 2),
        (InvalidInputError("bad"), 2),
        (UpstreamTimeoutError("late", sent=True), 3),
        (ConfigurationError("unset"), 1),
        (StoreUnavailableError("down"), 1),
    ],
)
def test_the_family_of_an_error_decides_the_exit_status(error, code):
    assert exit_code_of(error) == code


def test_every_problem_of_an_input_has_its_line():
    error = InvalidInputError("not valid", [Problem("a.b", "is too long"), Problem("", "is no object")])
    assert lines_of(error) == ["not valid", "  a.b: is too long", "  input: is no object"]

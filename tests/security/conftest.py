"""Fixtures of the gates."""

import os

import pytest

from tests.security.figures import FULL, Figures, Scale


@pytest.fixture
def figures() -> Figures:
    return Figures()


@pytest.fixture(scope="session")
def scale() -> Scale:
    return Scale(is_full=bool(os.environ.get(FULL)))

import pytest

from mcp_gateway.dev.environment import DATABASE, MIGRATION_DATABASE, REDIS, RICHPANEL, Parts, with_defaults
from mcp_gateway.exceptions import ConfigurationError


@pytest.mark.parametrize(
    ("environment", "simulator", "parts"),
    [
        ({}, True, Parts(postgres=True, valkey=True, simulator=True)),
        ({}, False, Parts(postgres=True, valkey=True, simulator=False)),
        ({DATABASE: "x"}, True, Parts(postgres=False, valkey=True, simulator=True)),
        ({REDIS: "x"}, True, Parts(postgres=True, valkey=False, simulator=True)),
        ({RICHPANEL: "x"}, True, Parts(postgres=True, valkey=True, simulator=False)),
    ],
)
def test_what_is_given_is_not_brought_along(environment, simulator, parts):
    assert Parts.missing_from(environment, simulator=simulator) == parts


def test_an_owners_database_alone_is_refused():
    with pytest.raises(ConfigurationError, match=MIGRATION_DATABASE):
        Parts.missing_from({MIGRATION_DATABASE: "x"}, simulator=True)


def test_a_variable_that_is_set_wins():
    assert (
        with_defaults({"GATEWAY_PUBLIC_URL": "mine"}, {"GATEWAY_PUBLIC_URL": "made up"})["GATEWAY_PUBLIC_URL"] == "mine"
    )


def test_a_given_database_is_the_one_that_is_migrated():
    assert with_defaults({DATABASE: "mine"}, {})[MIGRATION_DATABASE] == "mine"

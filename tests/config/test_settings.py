"""A bad setting stops the start with one line that names the variable and keeps the value to itself."""

import base64

import pytest

from mcp_gateway.config import Settings, parse_encryption_keys, split_operator_keys
from mcp_gateway.exceptions import ConfigurationError

KEY_BYTES = bytes(range(100, 132))
KEY = base64.b64encode(KEY_BYTES).decode()
OPERATOR = "op-4f1c9d7a2be84c65a0f3d98e71b6c520"
GOOD = {
    "GATEWAY_DATABASE_URL": "postgresql://app:pw@db.example/gateway",
    "GATEWAY_REDIS_URL": "redis://redis.example:6379/0",
    "GATEWAY_OPERATOR_KEY": OPERATOR,
    "GATEWAY_ENCRYPTION_KEYS": f"k1:{KEY}",
    "GATEWAY_PUBLIC_URL": "https://mcp.example.com",
}


@pytest.fixture
def environment(monkeypatch):
    """Sets exactly these variables for the test; the environment is the interface under test."""
    for name in Settings.settings_names():
        monkeypatch.delenv(name, raising=False)

    def use(**variables: str) -> None:
        for name, value in {**GOOD, **variables}.items():
            monkeypatch.setenv(name, value)

    return use


def refusal() -> str:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_environment()
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_good_environment_is_read(environment):
    environment()
    settings = Settings.from_environment()
    assert settings.public_url == "https://mcp.example.com"
    assert settings.richpanel_url == "https://api.richpanel.com/v1"
    assert settings.upstream_timeout_seconds == 35
    assert settings.upstream_max_bytes == 8 * 1024 * 1024
    assert settings.allowed_hosts == ()


@pytest.mark.parametrize("name", sorted(GOOD))
def test_missing_variable_is_named(environment, monkeypatch, name):
    environment()
    monkeypatch.delenv(name)
    assert refusal() == f"{name} is not set"


CANARY = "Canary9"
BAD = [
    ("DATABASE_URL", f"mysql://app:{CANARY}@db/x"),
    ("DATABASE_URL", f"postgresql://app:{CANARY}@[db/x"),
    ("DATABASE_URL", f"postgresql://app:{CANARY}@db:{CANARY}/x"),
    ("DATABASE_URL", f"postgresql://app:{CANARY}℀@db/x"),
    ("DATABASE_URL", ""),
    ("MIGRATION_DATABASE_URL", f"sqlite:///{CANARY}"),
    ("REDIS_URL", f"http://:{CANARY}@redis"),
    ("REDIS_URL", f"redis://:{CANARY}@redis:{CANARY}"),
    ("REDIS_URL", f"valkey://{CANARY}"),
    ("OPERATOR_KEY", CANARY),
    ("OPERATOR_KEY", ""),
    ("OPERATOR_KEY", ","),
    ("OPERATOR_KEY", f"{OPERATOR},{CANARY}"),
    ("OPERATOR_KEY", f"{OPERATOR},{OPERATOR}1,{OPERATOR}{CANARY}"),
    ("OPERATOR_KEY", CANARY * 8),
    ("OPERATOR_KEY", "Canary9abcdef0123456" * 2),
    ("OPERATOR_KEY", CANARY + "0" * 40),
    ("OPERATOR_KEY", f"{CANARY} {OPERATOR}"),
    ("OPERATOR_KEY", f"{CANARY}é{OPERATOR}"),
    ("ENCRYPTION_KEYS", CANARY),
    ("ENCRYPTION_KEYS", ""),
    ("ENCRYPTION_KEYS", f"k1:{CANARY}!"),
    ("ENCRYPTION_KEYS", f"k1:{base64.b64encode(b'Canary9' * 3).decode()}"),
    ("ENCRYPTION_KEYS", f"k1:{base64.b64encode(b'Canary9-' * 4).decode()}"),
    ("ENCRYPTION_KEYS", f"{CANARY}:{KEY},{CANARY}:{KEY}"),
    ("ENCRYPTION_KEYS", f"{KEY_BYTES.hex()}:k1"),
    ("ENCRYPTION_KEYS", f"{CANARY}ключ:{KEY}"),
    ("ENCRYPTION_KEYS", f"{CANARY * 5}:{KEY}"),
    ("ENCRYPTION_KEYS", f"k1:{KEY},,{CANARY}"),
    ("PUBLIC_URL", CANARY),
    ("PUBLIC_URL", f"ftp://{CANARY}"),
    ("PUBLIC_URL", f"https://user:{CANARY}@host"),
    ("PUBLIC_URL", f"https://host/?{CANARY}"),
    ("PUBLIC_URL", f"https://host/#{CANARY}"),
    ("PUBLIC_URL", "https://host?"),
    ("PUBLIC_URL", f"https://host:{CANARY}"),
    ("PUBLIC_URL", f"https://host/{CANARY} x"),
    ("PUBLIC_URL", "https://"),
    ("RICHPANEL_URL", f"{CANARY}.example"),
    ("UPSTREAM_TIMEOUT_SECONDS", CANARY),
    ("UPSTREAM_TIMEOUT_SECONDS", "0"),
    ("UPSTREAM_TIMEOUT_SECONDS", "nan"),
    ("UPSTREAM_MAX_BYTES", "-1"),
    ("DATABASE_POOL_SIZE", CANARY),
    ("SWEEP_SECONDS", "inf"),
    ("TRUSTED_PROXIES", CANARY),
    ("TRUSTED_PROXIES", f"10.0.0.1,10.0.0.0/99,{CANARY}"),
    ("LOG_LEVEL", CANARY),
    ("LOG_FORMAT", CANARY),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_bad_value_gives_one_line_that_names_the_variable_and_not_the_value(environment, name, value):
    environment(**{f"GATEWAY_{name}": value})
    line = refusal()
    assert line.startswith(f"GATEWAY_{name} ")
    assert "\n" not in line
    assert "canary" not in line.lower()
    assert KEY not in line
    assert KEY_BYTES.hex() not in line
    assert not value or len(value) < 4 or value not in line


def test_no_secret_shows_in_the_repr_of_settings(environment):
    environment()
    shown = repr(Settings.from_environment())
    for secret in ("app:pw", OPERATOR, KEY):
        assert secret not in shown


@pytest.mark.parametrize("name", ["ALLOWED_HOSTS", "ALLOWED_ORIGINS", "TRUSTED_PROXIES"])
@pytest.mark.parametrize(
    ("text", "parts"),
    [("", ()), ("10.0.0.1", ("10.0.0.1",)), (" 10.0.0.1 ,,10.0.0.2, ", ("10.0.0.1", "10.0.0.2"))],
)
def test_lists_are_split_at_commas(environment, name, text, parts):
    environment(**{f"GATEWAY_{name}": text})
    assert getattr(Settings.from_environment(), name.lower()) == parts


def test_two_operator_keys_are_read_in_order(environment):
    environment(GATEWAY_OPERATOR_KEY=f" {OPERATOR} , {OPERATOR[::-1]} ")
    assert split_operator_keys(Settings.from_environment().operator_key) == (OPERATOR, OPERATOR[::-1])


def test_encryption_keys_keep_their_order_so_that_the_first_seals(environment):
    second = base64.b64encode(KEY_BYTES[::-1]).decode()
    environment(GATEWAY_ENCRYPTION_KEYS=f"new:{second}, old:{KEY}")
    keys = parse_encryption_keys(Settings.from_environment().encryption_keys)
    assert list(keys.items()) == [("new", KEY_BYTES[::-1]), ("old", KEY_BYTES)]


def test_trailing_slash_of_the_public_url_is_dropped(environment):
    environment(GATEWAY_PUBLIC_URL="https://mcp.example.com/base/")
    assert Settings.from_environment().public_url == "https://mcp.example.com/base"


def test_every_setting_is_described():
    assert all(Settings.settings_names().values())

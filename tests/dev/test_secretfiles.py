import stat

from pydantic import SecretStr

from mcp_gateway.config import parse_encryption_keys
from mcp_gateway.dev import secretfiles


def test_a_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path):
    path = tmp_path / "key"
    first = secretfiles.kept(path, secretfiles.operator_key)
    assert secretfiles.kept(path, secretfiles.operator_key) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_encryption_keys_are_fit_for_the_gateway():
    assert list(parse_encryption_keys(SecretStr(secretfiles.encryption_keys()))) == ["dev1"]


def test_no_two_secrets_are_alike():
    makers = (secretfiles.operator_key, secretfiles.encryption_keys, secretfiles.richpanel_key, secretfiles.password)
    made = [make() for make in makers for _ in range(2)]
    assert len(set(made)) == len(made)

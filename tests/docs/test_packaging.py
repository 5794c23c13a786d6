"""What is delivered: the wheel holds all it needs to run, and the container files say what the README says."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.support.gateways import ENCRYPTION_KEYS, OPERATOR_KEY
from tests.test_migrations import empty_database

ROOT = Path(__file__).parents[2]
COMMAND_SECONDS = 60
DATA = {
    "mcp_gateway/_migrations": ROOT / "migrations",
    "mcp_gateway/catalog": ROOT / "src" / "mcp_gateway" / "catalog",
    "richpanel_sim": ROOT / "src" / "richpanel_sim",
}
SUFFIXES = {".py", ".yaml", ".mako", ".typed"}


def run(*arguments, **options):
    return subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, *arguments], capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False, **options
    )


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory):
    """The wheel as `pip install` lays it out, away from the checkout."""
    directory = tmp_path_factory.mktemp("wheel")
    built = run("-m", "hatchling", "build", "-t", "wheel", "-d", str(directory), cwd=ROOT)
    assert built.returncode == 0, built.stderr
    (wheel,) = directory.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(directory / "installed")
    return directory / "installed"


def test_wheel_holds_migrations_catalog_and_the_simulators_shop(unpacked):
    for inside, source in DATA.items():
        wanted = {path.relative_to(source) for path in source.rglob("*") if path.suffix in SUFFIXES}
        assert wanted
        missing = [path for path in wanted if not (unpacked / inside / path).is_file()]
        assert not missing, inside


def test_migrations_of_an_installed_wheel_run_without_the_checkout(unpacked, postgres_admin_url, tmp_path):
    with empty_database(postgres_admin_url, "wheel") as stores:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")} | {
            "PYTHONPATH": str(unpacked),
            "GATEWAY_DATABASE_URL": stores.database_url,
            "GATEWAY_MIGRATION_DATABASE_URL": stores.owner_url,
            "GATEWAY_REDIS_URL": stores.redis_url,
            "GATEWAY_OPERATOR_KEY": OPERATOR_KEY,
            "GATEWAY_ENCRYPTION_KEYS": ENCRYPTION_KEYS,
            "GATEWAY_PUBLIC_URL": "https://gateway.example",
        }
        # That it is the wheel which runs, and neither the checkout nor its editable installation.
        where = run("-c", "import mcp_gateway; print(mcp_gateway.__file__)", env=environment, cwd=tmp_path)
        assert where.stdout.startswith(str(unpacked))
        migrated = run("-m", "mcp_gateway.cli", "migrate", env=environment, cwd=tmp_path)
    assert migrated.returncode == 0, migrated.stderr


def test_compose_file_has_no_secret_and_no_default_for_one():
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    services = document["services"]
    assert {"postgres", "redis", "migrate", "gateway-1", "gateway-2"} == set(services)
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if any(word in name for word in ("PASSWORD", "KEY", "DATABASE_URL")):
                assert ":?" in value, name


def test_only_migrate_is_given_the_owners_role():
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    given = {name for name, service in services.items() if "MIGRATION" in str(service.get("environment"))}
    assert given == {"migrate"}


def test_image_runs_as_nobody_in_particular_and_starts_the_command():
    last_stage = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2].splitlines()
    assert "USER gateway" in last_stage
    assert 'ENTRYPOINT ["mcp-gateway"]' in last_stage

"""Tenants from creation to deletion."""

import re

from mcp_gateway.kit import ids
from tests.support.problems import field_problem, problem

KEYS = {"id", "name", "created_at", "updated_at"}
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


async def test_created_tenant_is_answered_whole_and_can_be_read(gateway):
    response = await gateway.admin("POST", "/tenant", {"name": "  Acme Support ✓ "})
    assert response.status_code == 201
    made = response.json()
    assert set(made) == KEYS
    assert ids.is_id(made["id"], ids.TENANT)
    assert made["name"] == "Acme Support ✓"
    assert UTC_TIME.fullmatch(made["created_at"])
    assert made["updated_at"] == made["created_at"]
    shown = await gateway.admin("GET", f"/tenant/{made['id']}")
    assert shown.json() == made
    assert shown.headers["etag"] == response.headers["etag"] == '"1"'


async def test_renamed_tenant_has_a_new_etag_and_keeps_its_creation(gateway):
    tenant_id = await gateway.tenant()
    before = (await gateway.admin("GET", f"/tenant/{tenant_id}")).json()
    response = await gateway.admin("PATCH", f"/tenant/{tenant_id}", {"name": "Renamed"})
    assert response.status_code == 200
    assert response.headers["etag"] == '"2"'
    after = response.json()
    assert after["name"] == "Renamed"
    assert after["created_at"] == before["created_at"]
    assert after["updated_at"] > before["updated_at"]


async def test_empty_patch_changes_nothing(gateway):
    tenant_id = await gateway.tenant()
    before = await gateway.admin("GET", f"/tenant/{tenant_id}")
    after = await gateway.admin("PATCH", f"/tenant/{tenant_id}", {})
    assert after.status_code == 200
    assert (after.json(), after.headers["etag"]) == (before.json(), before.headers["etag"])


async def test_null_name_is_refused(gateway):
    response = await gateway.admin("PATCH", f"/tenant/{await gateway.tenant()}", {"name": None})
    field_problem(response, "name")


async def test_deleted_tenant_is_gone_with_everything_that_was_its(gateway):
    server = await gateway.server()
    other = await gateway.server()
    key = await gateway.api_token(server.tenant_id)
    assert await gateway.tool_names(server.token)
    assert (await gateway.admin("GET", "/integrated-account", key=key)).status_code == 200

    response = await gateway.admin("DELETE", f"/tenant/{server.tenant_id}")
    assert (response.status_code, response.json()["id"]) == (200, server.tenant_id)

    assert (await gateway.rpc(server.token, "tools/list")).status_code == 404
    problem(await gateway.admin("GET", "/integrated-account", key=key), 401, "unauthenticated")
    for path in (
        f"/tenant/{server.tenant_id}",
        f"/integrated-account/{server.account_id}",
        f"/integrated-account/{server.account_id}/mcp/{server.id}",
    ):
        problem(await gateway.admin("GET", path), 404, "not_found")
    problem(await gateway.admin("DELETE", f"/tenant/{server.tenant_id}"), 404, "not_found")
    assert await gateway.tool_names(other.token)


async def test_stale_if_match_is_412_and_changes_nothing(gateway):
    tenant_id = await gateway.tenant()
    await gateway.admin("PATCH", f"/tenant/{tenant_id}", {"name": "second"})
    for method, body in (("PATCH", {"name": "third"}), ("DELETE", None)):
        response = await gateway.admin(method, f"/tenant/{tenant_id}", body, headers={"if-match": '"1"'})
        problem(response, 412, "stale_version")
    assert (await gateway.admin("GET", f"/tenant/{tenant_id}")).json()["name"] == "second"


async def test_current_and_any_if_match_are_honoured(gateway):
    tenant_id = await gateway.tenant()
    for number, tag in enumerate(('"1"', "*", '"3"'), start=2):
        response = await gateway.admin("PATCH", f"/tenant/{tenant_id}", {"name": "n"}, headers={"if-match": tag})
        assert response.headers["etag"] == f'"{number}"'
    deleted = await gateway.admin("DELETE", f"/tenant/{tenant_id}", headers={"if-match": '"4"'})
    assert deleted.status_code == 200


async def test_if_match_that_is_no_etag_of_ours_is_explained(gateway):
    for tag in ('"abc"', "", 'W/"1"', '"1", "2"', '"99999999999999999999999"'):
        response = await gateway.admin(
            "PATCH", f"/tenant/{await gateway.tenant()}", {"name": "n"}, headers={"if-match": tag}
        )
        assert "ETag" in field_problem(response, "If-Match")["message"]

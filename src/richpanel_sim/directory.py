"""The directory: users, teams, tags, channels."""

import uuid

from richpanel_sim.exchange import Call, Reply
from richpanel_sim.paging import to_page, to_whole
from richpanel_sim.refusals import Fault, conflict, not_found, refuse_if
from richpanel_sim.shelves import JsonObject
from richpanel_sim.tenants import to_wire_time
from richpanel_sim.validation import failing, is_filled, is_text, member, unknown_faults

_TAG_FIELDS = ("name", "description", "color")


def list_users(call: Call) -> Reply:
    """``GET /users``: agents, under ``user`` (or ``users``, by switch)."""
    return _listed(call, call.switches.user_key, call.tenant.users)


def read_user(call: Call) -> Reply:
    """``GET /users/{id}``: one agent; whether wrapped is unknown."""
    user = _one(call, call.tenant.users, "user")
    return Reply.from_json({"user": user} if call.switches.user_envelope == "wrapped" else user)


def list_teams(call: Call) -> Reply:
    """``GET /teams``: teams, under ``team``."""
    return _listed(call, call.switches.team_key, call.tenant.teams)


def list_tags(call: Call) -> Reply:
    """``GET /tags``: tags, under ``tag``."""
    return _listed(call, call.switches.tag_key, call.tenant.tags)


def create_tag(call: Call) -> Reply:
    """``POST /tags``: the body is shown nowhere; name and description are taken from the reading side."""
    given, prefix = _tag_body(call)
    name = member(given, "name")
    refuse_if([] if is_filled(name) else [Fault(f"{prefix}name", name)])
    refuse_if(
        [
            *failing(given, {"description": is_text, "color": is_text}, prefix.removesuffix(".")),
            *unknown_faults(given, _TAG_FIELDS, call.switches, prefix),
        ]
    )
    same = next((tag for tag in call.tenant.tags if tag["name"] == name), None)
    if same and call.switches.tag_duplicate == "conflict":
        raise conflict("A tag with this name already exists.")
    tag = same if same and call.switches.tag_duplicate == "existing" else _new_tag(call, given)
    return Reply.from_json({"tag": tag} if call.switches.tag_create_reply == "wrapped" else tag)


def list_channels(call: Call) -> Reply:
    """``GET /channel`` (singular): channels, under ``channels`` (plural)."""
    return _listed(call, call.switches.channel_key, call.tenant.channels)


def read_channel(call: Call) -> Reply:
    """``GET /channel/{id}``: one channel, under ``channel``."""
    return Reply.from_json({"channel": _one(call, call.tenant.channels, "channel")})


def _listed(call: Call, key: str, items: list[JsonObject]) -> Reply:
    if not call.switches.directory_paging:
        return Reply.from_json(to_whole(call, key, items))
    return Reply.from_json(to_page(call, key, items, lambda item: item))


def _one(call: Call, items: list[JsonObject], what: str) -> JsonObject:
    wanted = call.segments["id"].text
    found = next((item for item in items if item["id"] == wanted), None)
    if found is None:
        raise not_found(what)
    return found


def _tag_body(call: Call) -> tuple[JsonObject, str]:
    """The part of the body that describes the tag, and what stands before its fields in faults."""
    form, inner = call.switches.tag_create_body, member(call.body, "tag")
    if form == "flat" or (form == "either" and not isinstance(inner, dict)):
        return (call.body if isinstance(call.body, dict) else {}), ""
    refuse_if([] if isinstance(inner, dict) else [Fault("tag", inner)])
    return inner, "tag."


def _new_tag(call: Call, given: JsonObject) -> JsonObject:
    tenant, now = call.tenant, to_wire_time(call.now)
    ident = str(uuid.uuid5(uuid.NAMESPACE_URL, f"sim:{tenant.organization_id}:tag:{len(tenant.tags)}:{given['name']}"))
    known = {name: given[name] for name in _TAG_FIELDS if name in given}
    tag = {"id": ident, "description": "", **known, "organization_id": tenant.organization_id}
    tenant.tags.append({**tag, "created_at": now, "updated_at": now})
    return tenant.tags[-1]

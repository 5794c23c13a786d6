"""The directory lists: users, teams, tags, channels."""

from richpanel_sim.exchange import Call, Reply
from richpanel_sim.paging import to_page


def list_users(call: Call) -> Reply:
    """``GET /users``: agents, under ``user`` (or ``users``, by switch)."""
    return Reply.from_json(to_page(call, call.switches.user_key, call.tenant.users))


def list_teams(call: Call) -> Reply:
    """``GET /teams``: teams, under ``team``."""
    return Reply.from_json(to_page(call, "team", call.tenant.teams))


def list_tags(call: Call) -> Reply:
    """``GET /tags``: tags, under ``tag``."""
    return Reply.from_json(to_page(call, "tag", call.tenant.tags))


def list_channels(call: Call) -> Reply:
    """``GET /channel`` (singular): channels, under ``channels`` (plural)."""
    return Reply.from_json(to_page(call, "channels", call.tenant.channels))

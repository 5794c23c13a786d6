"""Every switch, in each of its values, does what it says.

A probe asks the simulator and gives what it saw; ``SEEN`` says what that is for each value.
"""

from typing import Any

import pytest

from richpanel_sim.choices import Number
from richpanel_sim.switches import CHOICES, SwitchError, Switches
from tests.simulator.probes import BAD_STATUS, NOBODY, NOBODY_FAULT, Probes
from tests.simulator.support import KEY, OTHER_KEY, connect, ticket_path


def _all(forms: Any) -> dict[Any, Any]:
    return dict(zip(("ticket", "message", "empty_object", "empty_body"), forms, strict=True))


FORMS = _all(("ticket", "message", "{}", ""))
ERRORS = {"error", "errors"}
GATEWAY = {"message": "Missing Authentication Token"}
NAMES = {"message": "Invalid value: ticket.status"}

SEEN: dict[str, dict[Any, Any]] = {
    "bad_key_status": {401: 401, 403: 403},
    "list_forbidden": {False: (200, 200), True: (403, 200)},
    "retry_after_header": {True: "30", False: None},
    "rate_limit_headers": {True: ["x-ratelimit-limit", "x-ratelimit-remaining"], False: []},
    "rate_limit_reset": {"absent": None, "seconds": "30", "epoch": "1795165230"},
    "shared_quota_noise": {
        0: [(200, "49"), (200, "48"), (200, "47")],
        48: [(200, "1"), (200, "0"), (429, "0")],
        50: [(429, "0")] * 3,
    },
    "error_shape": {
        "as_seen": ({"error": [BAD_STATUS]}, {"error": {"message": NOBODY}}, GATEWAY),
        "error_list": ({"error": [BAD_STATUS]}, {"error": [NOBODY_FAULT]}, GATEWAY),
        "errors_list": ({"errors": [BAD_STATUS]}, {"errors": [NOBODY_FAULT]}, GATEWAY),
        "error_message": ({"error": NAMES}, {"error": {"message": NOBODY}}, GATEWAY),
        "errors_message": ({"errors": NAMES}, {"errors": {"message": NOBODY}}, GATEWAY),
        "message": (NAMES, {"message": NOBODY}, GATEWAY),
    },
    "validation_key": {"error": ["error"], "errors": ["errors"]},
    "ticket_not_found_status": {404: (404, 404), 400: (400, 400)},
    "silent_ignore_unknown_fields": {
        True: ({200}, None),
        False: ({400}, [{**BAD_STATUS, "param": "ticket.state"}]),
    },
    "unencoded_id_silent_noop": {True: (200, "OPEN"), False: (200, "CLOSED")},
    "ticket_key": {"ticket": "ticket", "tickets": "tickets"},
    "user_key": {"user": "user", "users": "users"},
    "team_key": {"team": "team", "teams": "teams"},
    "tag_key": {"tag": "tag", "tags": "tags"},
    "channel_key": {"channels": "channels", "channel": "channel"},
    "empty_list": {"absent": None, "empty": []},
    "list_count": {True: 60, False: None},
    "next_page": {
        "url": tuple(f"http://sim.example/v1/tickets?page={page}&per_page=20" for page in (3, 1)),
        "number": (3, 1),
        "null": (None, None),
        "absent": ("nothing", "nothing"),
    },
    "default_per_page": {30: 30, 7: 7},
    "oversized_page": {"cut": 200, "refused": 400},
    "default_order": {"DESC": 84920, "ASC": 84861},
    "order_parameter": {"both": [True, True], "order": [True, False], "sortOrder": [False, True]},
    "start_date_on": {
        "sort_key": (["05", "06"], ["01", "06"]),
        "created_at": (["05", "06"], []),
        "updated_at": (["01", "05", "06"], ["01", "06"]),
    },
    "end_date": {"exclusive": 1, "inclusive": 2, "ignored": 60},
    "updated_at_filter": {"since": ["01", "06"], "that_day": ["01"]},
    "directory_paging": {True: (1, True), False: (4, False)},
    "list_comments": {"empty": "empty", "absent": "absent", "full": "full"},
    "by_customer_envelope": {"list": ("ticket", 4), "array": ("array", 4), "ticket": ("ticket", 1)},
    "by_customer_paging": {True: (False, True), False: (True, False)},
    "phone_match": {"exact": [200, 404, 404], "digits": [200, 200, 200]},
    "number_unavailable_for_imported": {False: [200, 200, 200], True: [404, 404, 200]},
    "operator_key": {"is_operator": {"is_operator"}, "isOperator": {"isOperator"}},
    "comment_order": {"oldest_first": ["Hello", "two", "three"], "newest_first": ["three", "two", "Hello"]},
    "comment_limit": {0: ["Hello", "two", "three"], 2: ["two", "three"]},
    "tag_form": {"names": (["vip", "free"], ["free"]), "ids": (["the id of vip", "free"], ["free"])},
    "custom_fields_form": {"object": {"size": "M"}, "array": [{"id": "size", "value": "M"}]},
    "create_visible_after_seconds": {0.0: [[True] * 4] * 2, 10.0: [[False] * 4, [True] * 4]},
    "gateway_timeout_after_create": {False: (200, None, 61), True: (504, "Endpoint request timed out", 61)},
    "create_reply": {"full": 24, "minimal": 2},
    "given_id": {"changed": (False, 61, True), "kept": (True, 61, True), "ignored": (False, 62, False)},
    "update_reply": FORMS,
    "tags_reply": FORMS,
    "send_message_reply": FORMS,
    "put_tags": {"replace": ["vip"], "merge": ["where-is-my-order", "vip"]},
    "put_priority": {True: (200, True), False: (200, False)},
    "put_subject": {True: (200, True), False: (200, False)},
    "put_snoozed_till": {True: (200, True), False: (200, False)},
    "put_team_id": {True: (200, True), False: (200, False)},
    "put_custom_fields": {True: (200, True), False: (200, False)},
    "snoozed_status": {"OPEN": ("OPEN", 0), "SNOOZED": ("SNOOZED", 1)},
    "default_sender_type": {"operator": True, "customer": False},
    "put_comment_delivered": {False: [], True: ["whatsapp"]},
    "tag_names": {"as_sent": "Late Parcel:EU-1", "normalised": "lateparceleu-1"},
    "author_id_required": {True: (400, 0), False: (200, 1)},
    "attachment_form": {"any": [200, 200, 200], "url": [200, 400, 400], "id": [400, 200, 400]},
    "customer_shape": {"documented": ["customer", "message"], "node": ["identity", "labels", "properties"]},
    "customer_envelope": {
        "customer": ("customer", 1),
        "customers": ("customers", 1),
        "bare": ("aov", 16),
        "node": ("identity", 3),
    },
    "customer_conflict": {status: (status, ["error"]) for status in (409, 400, 200)},
    "customer_not_found": {"404": (404, False), "empty": (200, True)},
    "order_unlinked": {
        "empty": (200, []),
        "nulls": (200, ["orderId", "appClientId"]),
        "not_found": (404, ["error"]),
    },
    "order_of_unknown_conversation": {"empty": (200, []), "not_found": (404, ["error"])},
    "order_body": {"bare": "orderId", "wrapped": "order"},
    "order_not_found": {"404": (404, ["error"]), "400": (400, ["error"]), "empty": (200, [])},
    "order_item_form": {"event": [200, 400], "properties": [400, 200], "either": [200, 200]},
    "order_reply": {"text": "str", "message": "dict"},
    "user_envelope": {"wrapped": "user", "bare": "id"},
    "tag_create_body": {"flat": [200, 400], "wrapped": [400, 200], "either": [200, 200]},
    "tag_create_reply": {"wrapped": "tag", "bare": "id"},
    "tag_duplicate": {"second": (200, 2), "existing": (200, 1), "conflict": (409, 1)},
    "file_encoding": {"multipart": [200, 400, 400], "json": [400, 200, 400], "either": [200, 200, 400]},
    "file_reply": {"bare": ("id", 7), "wrapped": ("file", 1), "list": ("files", 1), "url": ("url", 1)},
    "file_limit_bytes": {10: [200, 413], 11: [200, 200]},
    "extra_fields": {False: [], True: ["field_of_tomorrow"] * 3},
}
CASES = [(name, value, seen) for name, values in SEEN.items() for value, seen in values.items()]


@pytest.mark.parametrize(("name", "value", "seen"), CASES, ids=[f"{name}-{value}" for name, value, _ in CASES])
async def test_switch_does_what_it_says(state, client, clock, name, value, seen):
    probes = Probes(state, client, clock)
    state.switches = state.switches.altered({name: value})
    assert await getattr(probes, name)() == seen


def test_every_switch_is_tried_in_every_value():
    assert sorted(SEEN) == sorted(switch.name for switch in Switches.explain())
    for name, choices in CHOICES.items():
        if not isinstance(choices, Number):
            assert set(SEEN[name]) == set(choices.values), name


def test_every_default_but_free_numbers_is_tried():
    for name, choices in CHOICES.items():
        assert isinstance(choices, Number) or getattr(Switches(), name) in SEEN[name]


def test_every_switch_is_explained_with_a_confidence():
    for switch in Switches.explain():
        assert len(switch.meaning) > 10
        assert switch.confidence in {"DOC", "LIVE", "CLIENT", "SECOND", "INFER", "UNKNOWN"}


def test_switches_come_from_the_environment():
    environment = {"RICHPANEL_SIM_BAD_KEY_STATUS": "403", "RICHPANEL_SIM_LIST_COUNT": "off", "PATH": "/bin"}
    switches = Switches.from_environment(environment)
    assert switches == Switches(bad_key_status=403, list_count=False)


@pytest.mark.parametrize(
    ("environment", "said"),
    [({"RICHPANEL_SIM_COLOUR": "red"}, "no switch 'colour'"), ({"RICHPANEL_SIM_COMMENT_LIMIT": "-1"}, "0 to 1000000")],
)
def test_variables_that_make_no_sense_are_refused(environment, said):
    with pytest.raises(SwitchError, match=said):
        Switches.from_environment(environment)


@pytest.mark.parametrize("value", [True, "x", 1.5, None, [1], -1, "1000001"])
def test_numbers_out_of_bounds_are_refused(value):
    with pytest.raises(SwitchError, match="comment_limit cannot be"):
        Switches().altered({"comment_limit": value})


async def test_switches_hold_for_every_tenant(state, client):
    state.switches = Switches(list_forbidden=True)
    async with connect(state, OTHER_KEY) as other:
        assert (await other.get("/tickets")).status_code == (await client.get("/tickets")).status_code == 403


async def test_ids_are_shown_for_names_of_the_directory_only(state, client):
    ticket = state.tenant_for(KEY).newest_open()[0]
    state.switches = Switches(tag_form="ids")
    await client.put(ticket_path(ticket["id"], "add-tags"), json={"tags": ["free"]})
    assert (await client.get(ticket_path(ticket["id"]))).json()["ticket"]["tags"][-1] == "free"

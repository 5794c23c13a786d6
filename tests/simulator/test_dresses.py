"""A 429 in each dress, over a real socket and letter by letter; the clock says 2026-11-20 09:00 UTC."""

import orjson
import pytest

from richpanel_sim.app import create_app
from richpanel_sim.dresses import DRESSES
from richpanel_sim.faults import ForcedAnswer
from richpanel_sim.server import running
from tests.simulator.support import send_request

NOW = 1795165200
X50 = ["x-ratelimit-limit: 50", "x-ratelimit-remaining: 0"]
WAIT = 40

SEEN: dict[str, list[str]] = {
    "richpanel": [*X50, "retry-after: 40"],
    "richpanel_bare": X50,
    "ietf_list": [
        'ratelimit-policy: "burst";q=100;w=60, "daily";q=5000;w=86400',
        'ratelimit: "burst";r=0;t=40, "daily";r=4100;t=3640',
    ],
    "ietf_07": ["ratelimit: limit=20, remaining=0, reset=40", "ratelimit-policy: 20;w=60"],
    "ietf_03": ["ratelimit-limit: 10, 10;w=1, 50;w=60", "ratelimit-remaining: 0", "ratelimit-reset: 40"],
    "ietf_06": ["ratelimit-limit: 10", "ratelimit-remaining: 0", "ratelimit-reset: 40", "ratelimit-policy: 10;w=60"],
    "epoch_seconds": [*X50, f"x-ratelimit-reset: {NOW + WAIT}"],
    "epoch_milliseconds": [*X50, f"x-ratelimit-reset: {NOW + WAIT}000"],
    "delta_seconds": [*X50, "x-ratelimit-reset: 40"],
    "delta_milliseconds": ["x-rate-limit-limit: 100", "x-rate-limit-remaining: 0", "x-rate-limit-reset: 40000"],
    "date_iso": [*X50, "x-ratelimit-reset: 2026-11-20T09:00:40Z"],
    "date_http": [*X50, "x-ratelimit-reset: Fri, 20 Nov 2026 09:00:40 GMT"],
    "date_js": [*X50, "x-ratelimit-reset: Fri Nov 20 2026 10:00:40 GMT+0100 (Central European Time)"],
    "retry_after_date": ["retry-after: Fri, 20 Nov 2026 09:00:40 GMT"],
    "retry_after_fraction": ["retry-after: 40.0"],
    "retry_after_negative": ["retry-after: -40"],
    "retry_after_junk": ["retry-after: abc"],
    "shopify": ["x-shopify-shop-api-call-limit: 40/40", "retry-after: 40.0"],
    "gorgias": ["x-gorgias-account-api-call-limit: 40/40", "retry-after: 40"],
    "zendesk": [
        *("x-rate-limit: 700", "x-rate-limit-remaining: 0"),
        "zendesk-ratelimit-tickets-index: total=100; remaining=0; resets=40",
        *("ratelimit-limit: 700", "ratelimit-remaining: 0", "ratelimit-reset: 40", "retry-after: 40"),
    ],
    "github_403": ["x-ratelimit-limit: 5000", "x-ratelimit-remaining: 0", f"x-ratelimit-reset: {NOW + WAIT}"],
    "api_gateway": [],
    "mangopay": [
        "x-ratelimit: 2300, 2310, 2320, 2330",
        "x-ratelimit-remaining: 0, 2190, 4480, 104870",
        f"x-ratelimit-reset: {NOW + 40}, {NOW + 1800}, {NOW + 3600}, {NOW + 86400}",
    ],
    "repeated": [
        *("x-ratelimit-limit: 10", "x-ratelimit-remaining: 0", "x-ratelimit-reset: 40"),
        *("x-ratelimit-limit: 1000", "x-ratelimit-remaining: 640", "x-ratelimit-reset: 3640"),
    ],
    "absurd_reset": [
        f"x-ratelimit-limit: {'9' * 400}",
        "x-ratelimit-remaining: 0",
        "x-ratelimit-reset: 99999999999",
    ],
    "absurd_negative": ["x-ratelimit-limit: -50", "x-ratelimit-remaining: -1", "x-ratelimit-reset: -40"],
    "absurd_letters": ["x-ratelimit-limit: »50«", "x-ratelimit-remaining: 0", "x-ratelimit-reset: ½"],
    "mixed_case": ["X-RATELIMIT-limit:   50  ", "x-RateLimit-REMAINING: \t0", "RETRY-after:  40 "],
}


@pytest.fixture
async def url(state):
    async with running(create_app(state)) as served:
        yield served


@pytest.mark.parametrize("dress", DRESSES)
async def test_dress_has_its_headers_to_the_letter(state, url, dress):
    state.faults.add(ForcedAnswer(kind="rate_limited", dress=dress, seconds=WAIT))
    raw = await send_request(url, "GET", "/v1/teams")
    head, _, body = raw.partition(b"\r\n\r\n")
    start, *lines = head.decode("latin-1").split("\r\n")
    frame = ("date:", "content-type:", "content-length:", "connection:")
    assert [line for line in lines if not line.lower().startswith(frame)] == SEEN[dress]
    assert [line[5:].strip() for line in lines if line.startswith("date:")] == ["Fri, 20 Nov 2026 09:00:00 GMT"]
    assert start.split(" ")[1] == ("403" if dress == "github_403" else "429")
    assert "message" in orjson.loads(body)


def test_every_variant_of_the_table_has_a_dress():
    assert {dress.variant for dress in DRESSES.values()} == set(range(1, 21))
    assert SEEN.keys() == DRESSES.keys()


async def test_richpanels_own_dress_and_seven_seconds_are_worn_unless_told(state, client):
    state.faults.add(ForcedAnswer(kind="rate_limited"))
    answer = await client.get("/teams")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")

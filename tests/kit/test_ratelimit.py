"""Every field emitted parses as what its specification says, whatever figures go in."""

from typing import Any

import http_sf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_gateway.kit.ratelimit import rate_limit_headers

figures = st.none() | st.integers(min_value=-5, max_value=10**20)


def emit(
    limit: int | None = None,
    remaining: int | None = None,
    reset: int | None = None,
    retry: int | None = None,
    window: int | None = 30,
) -> dict[str, str]:
    pairs = rate_limit_headers(
        limit=limit, remaining=remaining, reset_seconds=reset, retry_after_seconds=retry, window_seconds=window
    )
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_success_without_a_told_reset_omits_t_and_bounds_the_older_field_by_the_window():
    assert emit(limit=50, remaining=12) == {
        "ratelimit-limit": "50",
        "ratelimit-remaining": "12",
        "ratelimit-reset": "30",
        "ratelimit": '"richpanel";r=12',
        "ratelimit-policy": '"richpanel";q=50;w=30',
    }


def test_limited_answer_tells_all_and_retry_after():
    assert emit(limit=50, remaining=0, reset=7, retry=7) == {
        "ratelimit-limit": "50",
        "ratelimit-remaining": "0",
        "ratelimit-reset": "7",
        "ratelimit": '"richpanel";r=0;t=7',
        "ratelimit-policy": '"richpanel";q=50;w=30',
        "retry-after": "7",
    }


def test_nothing_known_emits_nothing():
    assert emit() == {}


def test_wait_alone_emits_retry_after_alone():
    assert emit(retry=5) == {"retry-after": "5"}


def test_retry_after_is_never_earlier_than_t():
    assert emit(remaining=0, reset=9, retry=2)["retry-after"] == "9"


@pytest.mark.parametrize("window", [None, 0])
def test_policy_without_a_window_has_no_w(window: int | None):
    assert emit(limit=50, window=window)["ratelimit-policy"] == '"richpanel";q=50'


def test_unknown_quota_leaves_out_the_field_it_would_make_invalid():
    assert "ratelimit" not in emit(limit=50)
    assert "ratelimit-policy" not in emit(remaining=1)


def test_name_that_is_no_structured_string_is_refused():
    with pytest.raises(ValueError, match="ASCII"):
        rate_limit_headers(
            limit=1, remaining=1, reset_seconds=1, retry_after_seconds=1, window_seconds=1, policy="rïch\r\n"
        )


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    limit=figures,
    remaining=figures,
    reset=figures,
    retry=figures,
    window=figures,
    policy=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)),
)
def test_any_figures_give_valid_structured_fields_and_non_negative_integers(
    limit: int | None, remaining: int | None, reset: int | None, retry: int | None, window: int | None, policy: str
):
    pairs = dict(
        rate_limit_headers(
            limit=limit,
            remaining=remaining,
            reset_seconds=reset,
            retry_after_seconds=retry,
            window_seconds=window,
            policy=policy,
        )
    )
    structured = {name: pairs.pop(name) for name in ("ratelimit", "ratelimit-policy") if name in pairs}
    for name, value in structured.items():
        parsed: Any = http_sf.parse(value.encode(), tltype="list")
        [(item, parameters)] = parsed
        assert item == policy
        assert "r" in parameters if name == "ratelimit" else "q" in parameters
        assert all(type(figure) is int and figure >= 0 for figure in parameters.values())
    assert all(value.isdecimal() for value in pairs.values())
    if "retry-after" in pairs and reset is not None:
        assert int(pairs["retry-after"]) >= int(pairs["ratelimit-reset"])

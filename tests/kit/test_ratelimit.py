"""Every field emitted parses as what its specification says, whatever figures go in."""

from typing import Any

import http_sf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_gateway.kit.ratelimit import Quota, rate_limit_headers

FULL = Quota("richpanel", limit=50, remaining=12, reset_seconds=7, window_seconds=30)


def emit(*quotas: Quota, retry: int | None = None) -> dict[str, str]:
    pairs = rate_limit_headers(quotas, retry)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_success_without_a_told_reset_omits_t_and_bounds_the_older_field_by_the_window():
    assert emit(FULL._replace(reset_seconds=None)) == {
        "ratelimit-limit": "50",
        "ratelimit-remaining": "12",
        "ratelimit-reset": "30",
        "ratelimit": '"richpanel";r=12',
        "ratelimit-policy": '"richpanel";q=50;w=30',
    }


def test_limited_answer_tells_all_and_retry_after():
    assert emit(FULL._replace(remaining=0), retry=7) == {
        "ratelimit-limit": "50",
        "ratelimit-remaining": "0",
        "ratelimit-reset": "7",
        "ratelimit": '"richpanel";r=0;t=7',
        "ratelimit-policy": '"richpanel";q=50;w=30',
        "retry-after": "7",
    }


@pytest.mark.parametrize("quotas", [(), (Quota("richpanel"),), (Quota("richpanel", window_seconds=30),)])
def test_nothing_known_emits_nothing(quotas: tuple[Quota, ...]):
    assert emit(*quotas) == {}
    assert emit(*quotas, retry=5) == {"retry-after": "5"}


def test_retry_after_is_never_earlier_than_t():
    assert emit(Quota("richpanel", remaining=0, reset_seconds=9), retry=2)["retry-after"] == "9"


@pytest.mark.parametrize("window", [None, 0])
def test_policy_without_a_window_has_no_w(window: int | None):
    assert emit(Quota("richpanel", limit=50, window_seconds=window))["ratelimit-policy"] == '"richpanel";q=50'


def test_unknown_quota_leaves_out_the_field_it_would_make_invalid():
    assert "ratelimit" not in emit(Quota("richpanel", limit=50))
    assert "ratelimit-policy" not in emit(Quota("richpanel", remaining=1))


def test_our_own_limit_is_a_second_item_and_leaves_the_older_fields_to_upstream():
    fields = emit(FULL, Quota("gateway-token", limit=600, remaining=599, window_seconds=60))
    assert fields == emit(FULL) | {
        "ratelimit": '"richpanel";r=12;t=7, "gateway-token";r=599',
        "ratelimit-policy": '"richpanel";q=50;w=30, "gateway-token";q=600;w=60',
    }


def test_quota_of_something_else_than_requests_says_so():
    fields = emit(FULL, Quota("traffic", limit=65535, window_seconds=10, unit="content-bytes"))
    assert fields["ratelimit-policy"] == '"richpanel";q=50;w=30, "traffic";q=65535;qu="content-bytes";w=10'
    assert fields["ratelimit"] == '"richpanel";r=12;t=7'


def test_of_two_quotas_with_one_name_the_earlier_counts():
    assert emit(FULL, Quota("a", remaining=1), Quota("richpanel", remaining=99), Quota("a", remaining=2)) == {
        **emit(FULL),
        "ratelimit": '"richpanel";r=12;t=7, "a";r=1',
    }


def test_name_that_is_no_structured_string_is_refused():
    with pytest.raises(ValueError, match="ASCII"):
        rate_limit_headers([Quota("rïch\r\n", limit=1)], None)


figures = st.none() | st.integers(min_value=-5, max_value=10**20)
names = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))
any_quotas = st.lists(st.builds(Quota, names, figures, figures, figures, figures, st.none() | names), max_size=4)


@settings(deadline=None, max_examples=500, suppress_health_check=[HealthCheck.too_slow])
@given(quotas=any_quotas, retry=figures)
def test_any_figures_give_valid_structured_fields_and_non_negative_integers(quotas: list[Quota], retry: int | None):
    pairs = emit(*quotas, retry=retry)
    structured = {name: pairs.pop(name) for name in ("ratelimit", "ratelimit-policy") if name in pairs}
    for name, value in structured.items():
        items: Any = http_sf.parse(value.encode(), tltype="list")
        assert {item for item, _ in items} <= {quota.name for quota in quotas}
        for _, parameters in items:
            assert "r" in parameters if name == "ratelimit" else "q" in parameters
            assert isinstance(parameters.pop("qu", ""), str)
            assert all(type(figure) is int and figure >= 0 for figure in parameters.values())
    assert all(value.isdecimal() for value in pairs.values())
    if "retry-after" in pairs and quotas and quotas[0].reset_seconds is not None:
        assert int(pairs["retry-after"]) >= int(pairs["ratelimit-reset"])

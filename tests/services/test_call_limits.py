"""Bulkheads, and what of a limit's refusal goes back."""

from mcp_gateway.services.call_limits import Bulkhead


def test_tenant_gets_its_places_and_no_more():
    bulkhead = Bulkhead(per_key=2, in_all=10)
    assert [bulkhead.enter("a") for _ in range(3)] == [True, True, False]
    assert bulkhead.enter("b")
    bulkhead.leave("a")
    assert bulkhead.enter("a")


def test_all_tenants_together_get_the_places_of_the_process():
    bulkhead = Bulkhead(per_key=2, in_all=3)
    assert [bulkhead.enter(tenant) for tenant in ("a", "a", "b", "c")] == [True, True, True, False]
    bulkhead.leave("a")
    assert bulkhead.enter("c")


def test_zero_means_no_limit_and_nothing_is_remembered_of_tenants_without_calls():
    bulkhead = Bulkhead(per_key=0, in_all=0)
    for _ in range(5000):
        assert bulkhead.enter("a")
    for _ in range(5000):
        bulkhead.leave("a")
    assert not bulkhead._taken
    assert not bulkhead._taken_in_all
    assert Bulkhead(per_key=0, in_all=0).enter("b")

"""Everything one running simulator knows; the object tests hold and look into."""

from collections.abc import Collection, Mapping
from datetime import datetime

from richpanel_sim.clock import Clock, SystemClock
from richpanel_sim.crowd import Crowd, crowd_tenant
from richpanel_sim.faults import FaultQueue
from richpanel_sim.limits import Quota, RateLimiter
from richpanel_sim.recorder import Recorder
from richpanel_sim.seed import seed_tenant
from richpanel_sim.switches import Switches
from richpanel_sim.tenants import Tenant

DEFAULT_TENANT = "fernhollow417"
PARTS = ("data", "requests", "faults", "limits")


class SimulatorState:
    """Tenants by name, keys that open them, and the instruments around them.

    ``keys`` maps an API key to a tenant's name; keys with one name share data and quota. Every tenant starts with the
    same small shop under its own ids, or, given a ``crowd``, with as many made-up conversations as that says.
    ``switches`` may be replaced while the simulator runs. Used from one event loop only.
    """

    def __init__(
        self,
        keys: Mapping[str, str],
        *,
        clock: Clock | None = None,
        switches: Switches | None = None,
        quota: Quota | None = None,
        crowd: Crowd | None = None,
    ) -> None:
        self.keys = dict(keys)
        self.clock = clock or SystemClock()
        self.switches = switches or Switches()
        self.limiter = RateLimiter(quota or Quota(), self.clock)
        self.recorder = Recorder()
        self.faults = FaultQueue()
        self.tenants: dict[str, Tenant] = {}
        self._crowd = crowd
        self._plant(self.clock.now())

    def tenant_for(self, key: str | None) -> Tenant | None:
        """The tenant a key opens, or None."""
        return self.tenants.get(self.keys.get(key, "")) if key is not None else None

    def reset(self, parts: Collection[str] = PARTS) -> None:
        """Put ``parts`` (of ``data``, ``requests``, ``faults``, ``limits``) back to how they started."""
        if "data" in parts:
            self._plant(self.clock.now())
        for part, instrument in (("requests", self.recorder), ("faults", self.faults), ("limits", self.limiter)):
            if part in parts:
                instrument.reset()

    def _plant(self, now: datetime) -> None:
        names = dict.fromkeys(self.keys.values())
        self.tenants = {name: self._tenant(name, now) for name in names}

    def _tenant(self, name: str, now: datetime) -> Tenant:
        return seed_tenant(name, now) if self._crowd is None else crowd_tenant(self._crowd, name, now)

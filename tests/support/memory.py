"""How much memory this process holds."""

import resource
import sys
from pathlib import Path

MEGABYTE = 1024 * 1024


def resident_bytes() -> int:
    """Resident set size now; where the system does not tell, the most it ever was."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

"""What the judges of clients have seen in a whole test run: printed at its end."""

from collections import Counter
from collections.abc import Sequence

REQUESTS: Counter[str] = Counter()
FAULTS: Counter[str] = Counter()


def judged(standard: str, requests: int, faults: Sequence[str]) -> list[str]:
    """Note what was judged; the faults, for the test that made the requests to fail by."""
    REQUESTS[standard] += requests
    FAULTS[standard] += len(faults)
    return list(faults)


def report() -> list[str]:
    """A line for each standard."""
    return [
        f"{standard}: {requests} requests judged, {FAULTS[standard]} against the standard"
        for standard, requests in sorted(REQUESTS.items())
    ]

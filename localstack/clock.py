"""The campus' one clock. It is a real place: only decisions take `now` as an argument."""

import time
from datetime import UTC, datetime


def seconds() -> float:
    """Now, in seconds since 1970."""
    return time.time()  # noqa: TID251  the one place


def moment() -> datetime:
    """Now, in UTC."""
    return datetime.fromtimestamp(seconds(), UTC)

"""What notify needs, put together as in `wiring`."""

from functools import cache

from provisioning.adapters.aws.announcer import Announcer
from provisioning.adapters.aws.history import StoredHistory
from provisioning.adapters.aws.rejections import KeptRejections
from provisioning.runtime import wiring
from provisioning.runtime.log import log
from provisioning.stages.notify import Notify


@cache
def notify_shell() -> Notify:
    """One for the process."""
    rows, topic = wiring.rows(), wiring.settings().events_topic
    kept = KeptRejections(rows, wiring.objects())
    return Notify(wiring.policies(), StoredHistory(rows), Announcer(wiring.clients()), kept, topic, log)

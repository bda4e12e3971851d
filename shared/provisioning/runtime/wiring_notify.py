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
    rows, given = wiring.rows(), wiring.settings()
    return Notify(
        policies=wiring.policies(),
        histories=StoredHistory(rows),
        announcements=Announcer(wiring.clients()),
        rejections=KeptRejections(rows, wiring.objects()),
        topic=given.events_topic,
        topics=given.subscriber_topics,
        log=log,
    )

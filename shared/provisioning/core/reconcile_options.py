"""What an operator says about reconciliation: when a service's own list of accounts is read, and what follows."""

from typing import Literal

from pydantic import Field

from provisioning.core.extract_options import Cron
from provisioning.core.model import Model

Mending = Literal["report", "repair", "park"]


class Reconcile(Model):
    """The SP's accounts are compared with ours. Nothing is ever removed because of it.

    `repair` rings deliver, which looks at the account and makes it as it should be; `park` leaves it to a person.
    """

    schedule: Cron | None = Field(
        default=None, description="minute, hour, day, month, day of the week, in the tenant's zone; none: on command"
    )
    drifted: Mending = Field(default="report", description="accounts of ours of which the SP shows other values")
    missing: Mending = Field(default="report", description="accounts of ours that a complete list does not show")
    orphan: Literal["report", "adopt", "park"] = Field(
        default="report",
        description="accounts that nobody owns, or that bear our mark though we know of none. adopt: deliver may take "
        "over, by our mark or by `adopt: match`, what somebody is entitled to. park: of those with our mark",
    )
    duplicate: Literal["report", "park"] = Field(
        default="report", description="accounts beside one of ours with its mark or its match value"
    )
    foreign: Literal["report"] = Field(default="report", description="accounts that bear another's mark")

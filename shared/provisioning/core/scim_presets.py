"""SPs that are known: their quirks as data. From their public documentation; a probe may find more."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from provisioning.core.catalog import Service
from provisioning.core.scim_options import Preset, Scim

_STANDARD: Final = Scim()


class Quirks(NamedTuple):
    """An SP as it is known. `rate`: deliveries a second that it bears, or None where it does not say."""

    scim: Mapping[str, Any]
    rate: float | None = None


PRESETS: Final[Mapping[Preset, Quirks]] = {
    "aws-identity-center": Quirks(
        {
            "etag": "never",  # meta.version is not supported
            "filter": "eq",  # `and` too, but no value paths
            "paging": "cursor",
            "page": 100,
            "member_batch": 100,
            "members_shown": False,
            "single_valued": True,
            "unsupported": ("password", "ims", "photos", "x509Certificates", "entitlements"),
            "required": ("userName", "name.givenName", "name.familyName", "displayName"),
        }
    ),
    "slack": Quirks(
        {"etag": "never", "filter": "eq", "page": 1000, "delete": "deactivates", "required": ("userName", "emails")},
        rate=3,  # 180 writes of users a minute
    ),
    "github-emu": Quirks(
        {
            "etag": "never",
            "filter": "eq",
            "filtered_paths": False,
            "hides_suspended": True,
            "required": ("userName", "emails"),
        },
        rate=1000 / 3600,  # more than 1,000 users an hour are refused
    ),
    "entra": Quirks(
        {
            "etag": "never",
            "put": False,
            "not_found": (400, 404, 410),
            "required": ("userName", "displayName", "password"),
        }
    ),
    # An SP that was built to be driven by Okta: it knows what Okta sends, and nothing is ever deleted.
    "okta": Quirks({"paths": False, "filtered_paths": False, "filter": "eq", "delete": "none"}),
}


def options_of(service: Service) -> Scim:
    """What holds for a service: the defaults, over them its preset, over both what its operator wrote."""
    if service.scim is None:
        return _STANDARD
    written = service.scim
    preset = PRESETS[written.preset].scim if written.preset else {}
    # What was written and what the presets say has been checked: nothing is left to validate for each delivery.
    return Scim.model_construct(**{**preset, **{name: getattr(written, name) for name in written.model_fields_set}})


def rate_of(service: Service) -> float | None:
    """Deliveries a second: the operator's word, else what the preset suggests, else None."""
    if service.rate is not None or service.scim is None or service.scim.preset is None:
        return service.rate
    return PRESETS[service.scim.preset].rate

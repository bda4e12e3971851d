"""When extracts are made."""

import pytest
from pydantic import ValidationError

from provisioning.core.extract_cron import eventbridge
from provisioning.core.extract_options import Extract


@pytest.mark.parametrize(
    ("cron", "expression"),
    [
        ("0 3 * * *", "cron(0 3 * * ? *)"),
        ("*/15 6-20 * * 1-5", "cron(*/15 6-20 ? * MON-FRI *)"),
        ("0 3 1,15 */2 *", "cron(0 3 1,15 */2 ? *)"),
        ("30 4 * 9 sun", "cron(30 4 ? 9 SUN *)"),
        ("0 0 * * 0", "cron(0 0 ? * SUN *)"),
        ("0 0 * * 7", "cron(0 0 ? * SUN *)"),
        ("10-50/20 0 * * mon,thu", "cron(10-50/20 0 ? * MON,THU *)"),
    ],
)
def test_five_fields_are_said_as_eventbridge_reads_them(cron: str, expression: str) -> None:
    assert eventbridge(cron) == expression
    assert Extract(schedule=cron).schedule == cron


@pytest.mark.parametrize(
    "cron",
    ["", "0 3 * *", "0 3 * * * *", "60 3 * * *", "0 24 * * *", "0 3 0 * *", "0 3 * 13 *", "0 3 1 * 1", "0 3 * * 8",
     "0 3 * * mon-", "0 3 * * mon-tue-wed", "5-1 * * * *", "*/0 * * * *", "5/2 * * * *", "a * * * *", "@daily",
     "0 3 * * noday", "1,,2 * * * *"],
)  # fmt: skip
def test_what_is_no_time_is_refused_when_the_bundle_is_checked(cron: str) -> None:
    with pytest.raises(ValidationError):
        Extract(schedule=cron)

"""The car park believes no file that is not what its manifest says."""

import hashlib
from typing import Any

import pytest

from localstack.campus.car_park import CarPark, DamagedFileError, read_full
from localstack.check import read_rows

BODY = b"identity,login,permit,phase\r\ni1,ada,garage,active\r\ni2,bob,,suspended\r\n"


def manifest(**changes: Any) -> dict[str, Any]:
    part = {"name": "part-1", "rows": 2, "bytes": len(BODY), "sha256": hashlib.sha256(BODY).hexdigest()}
    return {"number": 3, "kind": "full", "rows": 2, "parts": [part], **changes}


def test_rows_are_read_with_their_phase_identity_and_what_they_have() -> None:
    car_park = CarPark(None, "", "")  # type: ignore[arg-type]  # it is given these files by nobody
    car_park.rows = {row["login"]: row for row in read_full(manifest(), [BODY])}
    held = read_rows(car_park, ("login", "permit"))
    assert [(item.phase, item.mark, item.values) for item in held.values()] == [
        ("active", "i1", {"login": "ada", "permit": "garage"}), ("suspended", "i2", {"login": "bob"}),
    ]  # fmt: skip


@pytest.mark.parametrize("body", [BODY[:-1], BODY.replace(b"garage", b"street"), BODY + b"i3,eve,street,active\r\n"])
def test_a_damaged_part_is_refused(body: bytes) -> None:
    with pytest.raises(DamagedFileError, match="part-1"):
        read_full(manifest(), [body])


@pytest.mark.parametrize("changes", [{"rows": 3}, {"kind": "delta"}])
def test_an_extract_that_is_not_whole_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(DamagedFileError, match="not whole"):
        read_full(manifest(**changes), [BODY])

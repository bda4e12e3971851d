"""The table's stream, as Lambda hands it to functions, in core words.

https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html: binary values are base64 there.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.items import Item, read_account, read_identity
from provisioning.core.account import Account
from provisioning.core.identity import Identity
from provisioning.core.occurrence import IDENTITY, Change, Unreadable
from provisioning.core.period import Instant

# What readers of items raise on what they do not understand: another form, a newer word, damage.
_NOT_UNDERSTOOD: Final = (ValueError, KeyError, TypeError, IndexError, AttributeError, binascii.Error, zlib.error)


def read_entry(record: Mapping[str, Any]) -> Change | Unreadable | None:
    """The write that an entry of the stream is of; None for an item that is neither an identity nor an account.

    A new image that nobody here understands makes it Unreadable; an old one alone does not.
    """
    written = record["dynamodb"]
    number, at = str(written["SequenceNumber"]), int(written["ApproximateCreationDateTime"])
    pk, sk = written["Keys"]["pk"]["S"], written["Keys"]["sk"]["S"]
    if not pk.startswith("I#") or not (sk == keys.IDENTITY_SORT or sk.startswith(keys.ACCOUNT_SORT)):
        return None
    try:
        return _change(number, at, pk, sk, written.get("OldImage"), written.get("NewImage"))
    except _NOT_UNDERSTOOD as error:
        return Unreadable(number, at, f"{pk} {sk}: {type(error).__name__}: {error}", json.dumps(record, default=str))


def _change(number: str, at: Instant, pk: str, sk: str, old: Any, new: Any) -> Change:
    service = IDENTITY if sk == keys.IDENTITY_SORT else sk.removeprefix(keys.ACCOUNT_SORT)
    after = _read(new, service) if new else None
    unreadable = False
    try:
        before = _read(old, service) if old else None
    except _NOT_UNDERSTOOD:
        if after is None:
            raise
        before, unreadable = None, True
    # An old image whose body is not understood has a revision all the same.
    previous = int(old[keys.REVISION]["N"]) if old else 0
    revision = after.revision if after is not None else previous + 1
    return Change(number, at, keys.identity_of(pk), service, revision, previous, before, after, unreadable)


def _read(image: Mapping[str, Any], service: str) -> Identity | Account:
    item: Item = {name: _decoded(value) for name, value in image.items()}
    return read_account(item) if service else read_identity(item)


def _decoded(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"B": base64.b64decode(value["B"], validate=True)} if "B" in value else value

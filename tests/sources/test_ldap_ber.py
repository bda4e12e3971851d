"""Answers of directories, read from octets: as ldap3's own schema reads them, and hostile octets do no harm."""

import contextlib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.protocol import rfc4511 as asn
from ldap3.utils.asn1 import encode  # type: ignore[attr-defined]  # not in the stubs

from provisioning.adapters.delivery.ldap_codec import GarbageError, decode
from provisioning.adapters.sources.ldap_ber import (
    DONE,
    ENTRY,
    Reply,
    control,
    element,
    inside,
    read_reply,
    with_controls,
)

NAMES = st.text("abcdefghijklmnopqrstuvwxyz;-", min_size=1, max_size=12)
ATTRIBUTES = st.dictionaries(NAMES, st.lists(st.binary(max_size=300), max_size=4), max_size=5)
CONTROLS = st.dictionaries(st.from_regex(r"1(\.[1-9]){1,8}", fullmatch=True), st.binary(max_size=200), max_size=3)


def entry_of(number: int, dn: str, attributes: Mapping[str, list[bytes]]) -> bytes:
    """As ldap3 writes it."""
    shown = asn.SearchResultEntry()
    shown["object"] = asn.LDAPDN(dn.encode())
    held = asn.PartialAttributeList()
    for place, (name, values) in enumerate(attributes.items()):
        attribute = asn.PartialAttribute()
        vals: Any = asn.Vals()
        for at, value in enumerate(values):
            vals.setComponentByPosition(at, asn.AttributeValue(value))
        attribute["type"], attribute["vals"] = name, vals if values else vals.clear()
        held.setComponentByPosition(place, attribute)
    shown["attributes"] = held if attributes else held.clear()  # type: ignore[no-untyped-call]
    message = asn.LDAPMessage()
    message["messageID"] = asn.MessageID(number)
    message["protocolOp"] = asn.ProtocolOp().setComponentByName("searchResEntry", shown)
    octets: bytes = encode(message)
    return octets


@given(st.integers(1, 2**31 - 1), st.text(max_size=200), ATTRIBUTES, CONTROLS)
def test_an_entry_is_read_as_by_ldap3(
    number: int, dn: str, attributes: Mapping[str, list[bytes]], controls: Mapping[str, bytes]
) -> None:
    octets = entry_of(number, dn, attributes)
    told = decode(octets).entry
    assert told is not None
    made = with_controls(octets, *(control(name, value, critical=True) for name, value in controls.items()))
    reply = read_reply(made)
    assert (reply.id, reply.kind, reply.dn) == (number, ENTRY, told.dn)
    assert {name: tuple(values) for name, values in reply.attributes.items()} == dict(told.attributes)
    assert reply.controls == {name.encode(): value for name, value in controls.items()}
    assert decode(made).entry == told  # what is written here, ldap3 can read


@given(ATTRIBUTES, st.data())
def test_octets_that_were_changed_are_refused_or_read(
    attributes: Mapping[str, list[bytes]], data: st.DataObject
) -> None:
    octets = bytearray(entry_of(7, "uid=ann", attributes))
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(octets)))
    for hostile in (bytes(octets), bytes(octets[:cut])):
        with contextlib.suppress(GarbageError):
            assert isinstance(read_reply(hostile), Reply)


@given(st.binary(max_size=200))
def test_any_octets_are_refused_or_read(octets: bytes) -> None:
    for read in (read_reply, inside):
        with contextlib.suppress(GarbageError):
            read(octets)


@pytest.mark.parametrize(("code", "octets"), [(0, b"\0"), (53, b"\x35"), (4096, b"\x10\x00")])
def test_a_code_may_have_more_than_one_octet(code: int, octets: bytes) -> None:
    end = element(DONE, element(0x0A, octets), element(0x04), element(0x04))
    assert read_reply(element(0x30, element(0x02, b"\x05"), end)).code == code

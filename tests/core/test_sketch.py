"""Sketches of memberships: what one set has and the other has not is told exactly, or it is said that it is not."""

import random
import zlib
from base64 import b64decode, b64encode

from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.sketch import Sketch, read_sketch

MEMBERSHIPS = st.sets(st.tuples(st.binary(min_size=4, max_size=4), st.binary(max_size=200)), max_size=60)


def sketch_of(memberships: set[tuple[bytes, bytes]]) -> Sketch:
    made = Sketch()
    for group, member in memberships:
        made.add(group, member)
    return made


@given(MEMBERSHIPS, MEMBERSHIPS)
def test_a_difference_is_exact_or_not_told(one: set[tuple[bytes, bytes]], other: set[tuple[bytes, bytes]]) -> None:
    found = sketch_of(one).difference(sketch_of(other))
    assert found is None or set(found) == {member for _, member in one ^ other}


def test_a_hundred_differences_of_large_sets_are_told() -> None:
    chance = random.Random(7)  # noqa: S311  the same sets each time
    people = [b"uid=%d,ou=people,dc=example,dc=org" % number for number in range(5000)]
    before = {(b"grp%d" % group, person) for group in range(3) for person in people}
    changed = set(chance.sample(sorted(before), 100))
    found = sketch_of(before).difference(sketch_of(before - changed))
    assert found == frozenset(member for _, member in changed)


def test_too_many_differences_are_said_to_be_too_many() -> None:
    many = {(b"grp1", b"uid=%d" % number) for number in range(1000)}
    assert sketch_of(many).difference(Sketch()) is None


def test_a_name_too_long_to_be_kept_is_not_forgotten() -> None:
    assert sketch_of({(b"grp1", b"x" * 301)}).difference(Sketch()) is None


@given(MEMBERSHIPS)
def test_a_sketch_is_read_as_it_was_written(memberships: set[tuple[bytes, bytes]]) -> None:
    made = sketch_of(memberships)
    assert read_sketch(made.write()) == made


@given(st.text(max_size=50) | st.binary(max_size=200).map(lambda octets: b64encode(octets).decode()))
def test_what_was_not_written_is_not_read(text: str) -> None:
    assert read_sketch(text) is None


@given(st.integers(0, 4000), st.binary(min_size=1, max_size=4))
def test_a_spoiled_sketch_does_no_harm(at: int, octets: bytes) -> None:
    raw = bytearray(zlib.decompress(b64decode(sketch_of({(b"grp1", b"ann"), (b"grp2", b"bob")}).write())))
    raw[at : at + len(octets)] = octets
    read = read_sketch(b64encode(zlib.compress(bytes(raw))).decode())
    if read is not None:
        read.difference(Sketch())

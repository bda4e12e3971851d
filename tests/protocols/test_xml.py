"""Reading and writing XML within bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.errors import InvalidError
from provisioning.protocols.xml import ATTRIBUTES, DEEPEST, NODES, Element, is_writable, read_xml, write_xml

MOST = 1_000_000
TEXTS = st.text().filter(is_writable)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,8}", fullmatch=True).filter(lambda name: name.lower()[:3] != "xml")
SPACES = st.sampled_from(["", "urn:a", "urn:b", "http://c/?x=1&y=2"])
TREES: st.SearchStrategy[Element] = st.recursive(
    st.builds(Element, SPACES, NAMES, st.dictionaries(NAMES, TEXTS, max_size=3), st.just(()), TEXTS),
    lambda inner: st.builds(Element, SPACES, NAMES, st.just({}), st.lists(inner, max_size=3).map(tuple)),
    max_leaves=8,
)


@given(TREES)
def test_what_is_written_is_read_as_it_was_and_written_the_same(tree: Element) -> None:
    content = write_xml(tree, {"urn:a": "a"})
    assert read_xml(content, MOST) == tree
    assert write_xml(read_xml(content, MOST), {"urn:a": "a"}) == content


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: f"<a>{text}</a>".encode("utf-8", "replace")))
def test_whatever_comes_is_a_tree_or_refused(content: bytes) -> None:
    try:
        root = read_xml(content, MOST)
    except InvalidError:
        return
    assert root.name


@pytest.mark.parametrize("text", ["\x00", "\x0b", "\x1f", "\ufffe", "\uffff", "\ud800"])
def test_a_character_that_xml_cannot_carry_is_refused_and_not_dropped(text: str) -> None:
    for element in (Element("", "a", text=text), Element("", "a", {"b": text})):
        with pytest.raises(InvalidError, match="XML cannot carry"):
            write_xml(element, {})
    assert not is_writable(text)


@pytest.mark.parametrize("name", ["", "a b", "1a", "a>", "a:b", "æ"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidError, match="no name"):
        write_xml(Element("", name), {})
    with pytest.raises(InvalidError, match="no name"):
        write_xml(Element("", "a", {name: ""}), {})


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<!DOCTYPE a><a/>", "document type"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type"),
        (b'<!DOCTYPE a SYSTEM "http://evil/a.dtd"><a/>', "document type"),
        (b"<a>&b;</a>", "undefined entity"),
        (b"<a><?php x?></a>", "processing instruction"),
        (b"<a b='1' b='2'/>", "duplicate attribute"),
        (b"<p:a/>", "unbound prefix"),
        (b"<a>", "no element found"),
        (b"<a/><b/>", "junk after"),
        (b"", "no element found"),
        (b"<a>\xff</a>", "invalid token"),
        (b'<?xml version="1.1"?><a/>', "1.0"),
        (b'<?xml version="1.0" encoding="UTF-7"?><a/>', "UTF-8"),
        ("<a/>".encode("utf-16"), "UTF-8"),
        ("<a/>".encode("utf-16-be"), "UTF-8"),
        ("<a/>".encode("utf-16-le"), "UTF-8"),
        ("<a/>".encode("utf-32-le"), "UTF-8"),
        (b"<a>" * (DEEPEST + 1) + b"</a>" * (DEEPEST + 1), "levels"),
        (b"<a>" + b"<b/>" * NODES + b"</a>", "elements"),
        (b"<a " + b" ".join(b"a%d='1'" % number for number in range(ATTRIBUTES + 1)) + b"/>", "attributes"),
        (b"<a>" + b"x" * MOST + b"</a>", "bytes"),
    ],
)
def test_what_is_beyond_bounds_or_clever_is_refused(content: bytes, what: str) -> None:
    with pytest.raises(InvalidError, match=what):
        read_xml(content, MOST)


def test_what_is_within_bounds_is_read() -> None:
    assert read_xml(b"<a>" * DEEPEST + b"</a>" * DEEPEST, MOST).name == "a"
    assert len(read_xml(b"<a>" + b"<b/>" * (NODES - 1) + b"</a>", MOST).children) == NODES - 1
    byte_order = b"\xef\xbb\xbf<a b:c='1' xmlns:b='urn:b'>x<![CDATA[<y>]]><!-- z --></a>"
    root = read_xml(byte_order, MOST)
    assert (root.text, root.attributes) == ("x<y>", {"{urn:b}c": "1"})


def test_children_are_found_by_their_local_name_in_the_namespaces_that_count() -> None:
    root = read_xml(b"<a xmlns:b='urn:b'><b:c/><c>1</c><d/></a>", MOST)
    assert [child.text for child in root.all("c")] == ["", "1"]
    assert [child.namespace for child in root.all("c", "urn:b", "urn:x")] == ["urn:b"]
    assert (root.one("e"), root.one("c", "")) == (None, root.children[1])

"""Messages that others wrote: all are read, and the responses among them are understood.

They are constants of the tests of openspml (CDDL-1.0), which are not ours to ship: `SPML_SAMPLES` names their folder.
"""

import os
from pathlib import Path

import pytest

from provisioning.core.errors import InvalidError
from provisioning.protocols.spml_lookup import capabilities_of, targets_of
from provisioning.protocols.spml_message import Reply, read_response
from provisioning.protocols.spml_names import CORE
from provisioning.protocols.xml import read_xml

SAMPLES = Path(os.environ.get("SPML_SAMPLES", Path(__file__).parents[3] / "shared/standards/data/spml-samples"))
FILES = sorted(SAMPLES.glob("*/*.xml"))
# Not responses: requests, and parts of messages (schemas, references, one DSML attribute).
RESPONSES = ("MiscDsmlTest.LIST_TARGETS_RESPONSE.xml", "TestCoreMarshalling.LTRESPONSE_XML.xml")

pytestmark = pytest.mark.skipif(not FILES, reason="the samples are not ours to ship: SPML_SAMPLES names their folder")


def sample(name: str) -> Reply:
    path = next(path for path in FILES if path.name == name)
    return read_response(read_xml(path.read_bytes(), 100_000))


def test_every_sample_is_read_and_only_responses_are_taken_for_responses() -> None:
    understood = []
    for path in FILES:
        root = read_xml(path.read_bytes(), 100_000)
        try:
            understood.append((path.name, read_response(root).status))
        except InvalidError:
            assert not root.name.endswith("Response"), path.name
    assert understood == [(name, "success") for name in RESPONSES]


@pytest.mark.parametrize("name", RESPONSES)
def test_the_targets_that_others_list_are_understood(name: str) -> None:
    reply = sample(name)
    (target,) = reply.element.all("target")
    assert targets_of(reply, "dsml") == [target.attributes["targetID"]]
    assert {each.removeprefix(CORE) for each in capabilities_of(target)} >= {":password"}

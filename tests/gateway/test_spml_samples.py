"""Requests that others wrote are understood: each does what it says, or fails by a reason of the standard.

They are constants of the tests of openspml (CDDL-1.0), which are not ours to ship: `SPML_SAMPLES` names their folder.
"""

import os
from pathlib import Path

import pytest

from tests.gateway.spml import Said, add, envelope, send
from tests.gateway.world import World, sources

SAMPLES = Path(os.environ.get("SPML_SAMPLES", Path(__file__).parents[3] / "shared/standards/data/spml-samples"))
REQUESTS = sorted(path for path in SAMPLES.glob("*/*.xml") if "Request" in path.read_text(encoding="utf-8")[:400])
PERSON = "CN=John Doe,OU=accounting,DC=acme.com"
# Passwords, and queries by a matching rule of a directory, are refused in the words of the standard; all else succeeds.
REFUSED = {
    "TestPasswordMarshalling.PASSWORD_NS_TEST": "unsupportedOperation",
    "TestSearchMarshalling.XML_SEARCH_REQUEST_2": "unsupportedSelectionType",
}

pytestmark = pytest.mark.skipif(
    not REQUESTS, reason="the samples are not ours to ship: SPML_SAMPLES names their folder"
)


@pytest.mark.parametrize("soap", [True, False])
@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
async def test_a_request_of_others_does_what_it_says(path: Path, soap: bool) -> None:
    world = World(bundle=sources(spml={"target": "acme.com", "entity": "user"}))
    if "Modify" in path.name or "MODIFY" in path.name:
        await send(world, add(PERSON, uid="x"))
    content = path.read_text(encoding="utf-8")
    body = content[content.index("?>") + 2 :] if content.startswith("<?xml") else content
    root = await send(world, envelope(body) if soap else content)
    answer = Said(root[0][0] if soap else root)
    assert answer.error == REFUSED.get(path.stem, "success"), [each.text for each in answer.element]
    told = world.told("people")
    if "Add" in path.name or "ADD" in path.name:
        assert told[-1]["fields"]["container"]
        assert told[-1]["fields"]["attributes"]
    if "Modify" in path.name or "MODIFY" in path.name:
        assert told[-1]["fields"]["attributes"]["CN"] == ["Jane Doe"]

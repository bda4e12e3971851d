"""extract, deployed: from a notification to a file and its manifest, through the functions and nothing else."""

import json
from typing import Any

import functions.deliver
import functions.extract
import functions.receive
from provisioning.core.wire import canonical, digest_of
from provisioning.runtime import wiring
from provisioning.stages.extract_orders import Do, Order, write_order
from tests.functions.conftest import Deployed
from tests.functions.events import batch, handed, record
from tests.stages.tenant import bundle, data, event

NOTHING_FAILED: dict[str, Any] = {"batchItemFailures": []}


def test_people_become_rows_of_a_file_whose_manifest_names_it(deployed: Deployed) -> None:
    service = {"protocol": "extract", "endpoint": "s3:///badges", "extract": {}}
    content = bundle({"badges": service}).model_dump(mode="json", by_alias=True)
    deployed.run(lambda: wiring.policies().publish(canonical(content), digest_of(content)))
    people = [record(event(data(f"x{number}", 1, "visitor")), f"m{number}") for number in range(3)]
    assert deployed.invoke(functions.receive.handler, batch(*people)) == NOTHING_FAILED
    assert deployed.invoke(functions.deliver.handler, handed("badges", *deployed.take("badges"))) == NOTHING_FAILED
    start = record(write_order(Order(Do.START, "badges")))
    assert deployed.invoke(functions.extract.handler, batch(start)) == NOTHING_FAILED
    (go,) = deployed.take("extract")
    assert deployed.invoke(functions.extract.handler, handed("extract", go)) == NOTHING_FAILED
    assert deployed.take("extract") == []
    body = deployed.run(lambda: wiring.objects().get("extracts/badges/000001-full/manifest.json"))
    assert body is not None
    manifest = json.loads(body)
    part = manifest["parts"][0]["name"]
    rows = deployed.run(lambda: wiring.objects().get(f"extracts/badges/000001-full/{part}"))
    assert rows is not None
    assert sorted(line.split(",")[1] for line in rows.decode().splitlines()[1:]) == ["login-x0", "login-x1", "login-x2"]

"""`provision plan` over a table: the stages put people there, the plan reads them and changes nothing."""

import io
import json

from rich.console import Console

from provisioning.command.plan import plan_everyone, print_plan, words
from provisioning.core.brake import Brake, Lane, Share, grant
from provisioning.core.publication import compile_bundle
from tests.stages.bench import Bench
from tests.stages.tenant import START, bundle, rule, says

EXCLUSION = {
    "id": "read-or-edit",
    "between": [{"service": "library"}, {"service": "wiki"}],
    "resolve": "stronger",
    "because": "so",
}


async def test_a_plan_counts_names_and_explains_what_a_draft_would_do() -> None:
    bench = Bench()
    await bench.publish(bundle())
    people = {"p1": ["student"], "p2": ["student", "staff"], "p3": ["staff"], "p4": ["visitor"], "p5": ["visitor"]}
    await bench.arrive(*(says(key, 1, *kinds, tags=[]) for key, kinds in people.items()))
    before = dict(bench.store.identities), dict(bench.store.accounts)
    rules = [
        rule("readers", "library", 'affiliation.type in ["student", "staff"]', authorizations=["read"]),
        rule("editors", "wiki", 'affiliation.type == "staff"', authorizations=["edit"]),
    ]
    current, draft = (compile_bundle(one, "hash", 1) for one in (bundle(), bundle(rules=rules, exclusions=[EXCLUSION])))
    total = await plan_everyone(bench.store, bench.store, current, draft, START)
    told = json.loads(json.dumps(words(total)))
    for effects in told["services"].values():  # people come in the order of the table, which is none
        for effect in effects.values():
            effect["samples"].sort(key=lambda sample: sample["person"])
    told["conflicts"][0]["samples"].sort()
    assert told == {
        "identities": 5,
        "brakes": {},
        "services": {
            "badges": {
                "removed": {
                    "count": 2,
                    "samples": [{"person": f"registry/{key}", "rules": ["visitors"]} for key in ("p4", "p5")],
                }
            },
            "library": {"created": {"count": 1, "samples": [{"person": "registry/p3", "rules": ["readers"]}]}},
            "wiki": {
                "removed": {
                    "count": 2,
                    "samples": [{"person": f"registry/{key}", "rules": ["editors"]} for key in ("p2", "p3")],
                }
            },
        },
        "conflicts": [
            {"exclusion": "read-or-edit", "service": "wiki", "people": 2, "samples": ["registry/p2", "registry/p3"]}
        ],
    }
    console = Console(file=io.StringIO(), width=100)
    print_plan(console, total)
    assert isinstance(console.file, io.StringIO)
    assert "read-or-edit refuses 2 of them wiki: registry/p" in console.file.getvalue()
    assert (dict(bench.store.identities), dict(bench.store.accounts)) == before


async def test_a_careless_draft_is_shown_with_what_the_brake_would_hold_of_it() -> None:
    bench = Bench()
    braked = {"library": {"brake": {"removals": 5, "least": 5}}}
    await bench.publish(bundle(braked))
    await bench.arrive(*(says(f"p{number}", 1, "student") for number in range(12)))
    rules = [rule("readers", "library", 'affiliation.type == "studnet"')]
    current, draft = (compile_bundle(one, "hash", 1) for one in (bundle(braked), bundle(braked, rules=rules)))
    total = await plan_everyone(bench.store, bench.store, current, draft, START)
    brake, _ = grant(Brake(), draft.services["library"].brake, [(Share(Lane.SUDDEN), 1)] * 2, 8, 1, START)
    total.brake(draft.services["library"], brake, 8, 1, START)
    assert words(total)["brakes"] == {"library": {"removals": 12, "through": 3, "held": 9}}
    console = Console(file=io.StringIO(), width=100)
    print_plan(console, total)
    assert "the brake of library would hold 9 of 12 removals" in console.file.getvalue()  # type: ignore[attr-defined]

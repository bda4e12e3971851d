"""Safeguards, each of which can be switched off: a simulation that does not notice is worth nothing."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any, Final
from unittest.mock import patch

from provisioning.adapters.memory import bells, policies, store
from provisioning.core import completeness, decision, delivery
from provisioning.core.bell import Bell, write_bell
from provisioning.stages import brake, decide, poll


def _ring_what_changed_just_now() -> AbstractContextManager[Any]:
    """Ring when this evaluation changed something, instead of comparing what is wanted with what was answered."""
    real = decision.decide_identity

    def only_changes(policy: Any, stored: Any, *rest: Any) -> decision.Decision:
        found = real(policy, stored, *rest)
        rings = tuple(
            service
            for service in found.rings
            if found.identity.entitlements[service] != stored.entitlements.get(service)
        )
        return replace(found, rings=rings)

    return patch.object(decide, "decide_identity", only_changes)


def _no_intent() -> AbstractContextManager[Any]:
    """Create without writing down that a create may happen."""
    real = delivery.plan
    return patch.object(delivery, "plan", lambda *given, **more: replace(real(*given, **more), intent=False))


def _no_look() -> AbstractContextManager[Any]:
    """Repeat a call whose effect is not known, without looking first."""
    real = delivery.plan
    return patch.object(delivery, "plan", lambda *given, **more: replace(real(*given, **more), doubt=False))


def _content_of(bell: Bell) -> str:
    return write_bell(replace(bell, trace=""))


async def _nobody(*_: Any) -> None:
    """Put away nobody whom changes showed."""


@contextmanager
def _old_bundles() -> Iterator[None]:
    """Let a warm process decide by the bundle that it has, whatever has decided before."""
    real = policies.MemoryPolicies.current
    with (
        patch.object(store.MemoryStore, "check_sequence", lambda *_: None),
        patch.object(policies.MemoryPolicies, "current", lambda self, at_least=0: real(self)),
    ):
        yield


MUTANTS: Final[Mapping[str, Callable[[], AbstractContextManager[Any]]]] = {
    "revision condition": lambda: patch.object(store.MemoryStore, "check_revision", lambda *_: None),
    "bundle sequence": _old_bundles,
    "intent": _no_intent,
    "ring by turn": _ring_what_changed_just_now,
    # Ids made of the content: a queue then swallows a repetition for five minutes, also of what was handled.
    "unique deduplication id": lambda: patch.object(bells, "unique", _content_of),
    "look after unknown": _no_look,
    "evidence of completeness": lambda: patch.object(completeness, "_incomplete", lambda *_: ""),
    "brake": lambda: patch.object(brake, "grant", lambda now, _, asked, *__: (now, [True] * len(asked))),
    "whom changes showed": lambda: patch.object(poll, "note", _nobody),
}


def mutant(name: str | None) -> AbstractContextManager[Any]:
    """The world with one safeguard switched off; None: all are on."""
    return MUTANTS[name]() if name is not None else nullcontext()

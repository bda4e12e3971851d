"""Trust as the bundle states it → `Trust`, or what is wrong with it and where."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from provisioning.core.catalog import Bundle, Service
from provisioning.core.errors import InvalidError
from provisioning.core.policy import Policy
from provisioning.core.trust import ALL, ANYTHING, Circle, Trust, circles, may_tell


def compile_trust(bundle: Bundle) -> Trust | None:
    """The trust of a bundle; None if every source is believed in everything and every service may be told all."""
    sources = tuple(source.id for source in bundle.sources)
    domains = {source.id: source.domain or bundle.tenant.id for source in bundle.sources}
    asserts = {source.id: source.asserts for source in bundle.sources if source.asserts is not None}
    merge, federated = bundle.tenant.merge, _is_federated(bundle)
    released = {
        service.id: {source: frozenset(names) for source, names in (service.receives or {}).items()}
        for service in bundle.services
        if service.receives is not None or federated
    }
    demands = {service.id: service.support for service in bundle.services if service.support is not None}
    if not (asserts or merge or released or demands):
        return None
    precedence = {
        name: (*each.precedence, *(source for source in sources if source not in each.precedence))
        for name, each in merge.items()
        if each.precedence
    }
    unions = frozenset(name for name, each in merge.items() if each.union)
    return Trust(sources, domains, asserts, precedence, unions, bundle.tenant.limits.values, released, demands)


def circles_of(bundle: Bundle, trust: Trust | None) -> tuple[Circle, ...]:
    """The circles of sources that are heard for the bundle's services; none if all are, for all."""
    if trust is None:
        return ()
    given = {service.id: set[str]() for service in bundle.services}
    for rule in bundle.rules:
        given.get(rule.service, set()).update(rule.authorizations)
    return circles(trust, {service: frozenset(names) for service, names in given.items()})


def _is_federated(bundle: Bundle) -> bool:
    """Whether several domains share the services: then nothing is believed or told that the bundle does not name."""
    return len({source.domain for source in bundle.sources}) > 1


def trust_problems(bundle: Bundle) -> Iterator[InvalidError]:
    """Everything that is wrong with who is believed, merged, told and demanded."""
    sources, services = {source.id for source in bundle.sources}, {service.id for service in bundle.services}
    person, affiliation = bundle.tenant.person, bundle.tenant.affiliation
    for source in bundle.sources:
        where = f"sources/{source.id}.asserts"
        if source.asserts is None:
            if _is_federated(bundle):
                right = "what it may assert: the sources of this bundle are of several domains"
                yield InvalidError("`asserts` is missing", f"sources/{source.id}", right=right)
            continue
        yield from _patterns(source.asserts.attributes, person, f"{where}.attributes")
        yield from _patterns(source.asserts.affiliations or {}, affiliation, f"{where}.affiliations")
        yield from _unknown(source.asserts.supports or {}, services, "service", f"{where}.supports")
    for name, each in bundle.tenant.merge.items():
        where = f"tenant.merge.{name}"
        yield from _unknown([name], person, "attribute", where)
        yield from _unknown(each.precedence, sources, "source", f"{where}.precedence")
        if each.union and not person.get(name, "list(").startswith("list("):
            yield InvalidError(f"{name} is a {person[name]}", f"{where}.union", right="an attribute that is a list")
    for service in bundle.services:
        yield from _of_service(bundle, service)


def _of_service(bundle: Bundle, service: Service) -> Iterator[InvalidError]:
    where, sources = f"services/{service.id}", {source.id for source in bundle.sources}
    for source, names in (service.receives or {}).items():
        yield from _unknown([source], sources, "source", f"{where}.receives")
        yield from _unknown(set(names) - ALL, bundle.tenant.person, "attribute", f"{where}.receives.{source}")
    if service.support is not None:
        domains = {source.domain or bundle.tenant.id for source in bundle.sources}
        demanded = (*service.support.any, *service.support.all)
        yield from _unknown(demanded, domains, "domain", f"{where}.support")


def _patterns(limited: Mapping[str, Sequence[str]], declared: Mapping[str, str], where: str) -> Iterator[InvalidError]:
    yield from _unknown(limited, declared, "attribute", where)
    for name, patterns in limited.items():
        kind = declared.get(name, "string")
        if tuple(patterns) != ANYTHING and kind not in ("string", "list(string)"):
            yield InvalidError(f"{name} is a {kind}", f"{where}.{name}", right='["*"], since it is no text')


def _unknown(names: Iterable[str], known: Iterable[str], what: str, where: str) -> Iterator[InvalidError]:
    for name in sorted(set(names) - set(known)):
        yield InvalidError(f"there is no {what} {name!r}", where, right=f"one of {', '.join(sorted(known))}")


def untold(policy: Policy) -> Iterator[InvalidError]:
    """What accounts need of a person, and no source may say or their service may not be told: for who checks a bundle.

    Whether it is wrong only its operator knows: an attribute may have a default, or be of use elsewhere.
    """
    trust = policy.trust
    if trust is None:
        return
    for service, mapping in policy.mappings.items():
        for path, names in mapping.reads.items():
            lacking = sorted(name for name in names - ALL if not _may_be_told(trust, service, name))
            if not lacking:
                continue
            who = [source for source in trust.sources if any(_may_state(trust, source, name) for name in lacking)]
            right = f"`receives` with {', '.join(lacking)} of {' or '.join(who)}" if who else "a source that asserts it"
            what = f"{' and '.join(f'person.{name}' for name in lacking)} may not be told to {service}"
            yield InvalidError(what, f"services/{service}.account.{path}", right=right)


def _may_be_told(trust: Trust, service: str, name: str) -> bool:
    released = trust.released.get(service)
    return any(_may_state(trust, source, name) and may_tell(released, source, name) for source in trust.sources)


def _may_state(trust: Trust, source: str, name: str) -> bool:
    asserts = trust.asserts.get(source)
    return asserts is None or name in asserts.attributes

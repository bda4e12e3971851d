"""The bundle's folder → `Bundle` and `Policy`, with every error at its file, line and column.

tenant.yaml           the tenant
sources/*.yaml        one source a file
sources/*.py          adapters of sources that the operator wrote; deployed, not published
services/*.yaml       one service a file
rules/*.yaml          a list of rules a file, in the order of the files' names
exclusions/*.yaml     a list of exclusions a file, in the order of the files' names; may be missing
subscribers/*.yaml    one subscriber a file; may be missing
matchers/*.yaml       a list of matchers a file; may be missing
cases/*.yaml          a list of cases a file; may be missing; not part of what is published
"""

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from provisioning.command.own_sources import check_modules
from provisioning.command.read import Place, Reader, locate
from provisioning.core.cases import Case, case_problems
from provisioning.core.catalog import Bundle, Exclusion, Matcher, Rule, Service, Source, Subscriber, Tenant
from provisioning.core.errors import InvalidError
from provisioning.core.policy import Policy
from provisioning.core.publication import BundleError, compile_bundle
from provisioning.core.wire import canonical, digest_of
from provisioning.protocols.extract import check_places
from provisioning.protocols.registry import check_paths


@dataclass
class Folder:
    """A bundle as read, and where each of its entries stands."""

    bundle: Bundle
    places: dict[str, Place] = field(default_factory=dict)
    path: Path = field(default_factory=Path)

    @property
    def published(self) -> bytes:
        """The form that functions load."""
        return canonical(self.bundle.model_dump(mode="json", by_alias=True))

    @property
    def hash(self) -> str:
        """Stands for the bundle's content."""
        return digest_of(self.bundle.model_dump(mode="json", by_alias=True))

    def locate(self, error: InvalidError) -> InvalidError:
        """The same error, at its file, line and column."""
        return locate(self.places, error)


def load_folder(path: Path) -> Folder:
    """Read all files but the cases. Raises BundleError with every problem found."""
    reader = Reader(path)
    tenants = list(reader.one("tenant.yaml", Tenant, "tenant"))
    sources = tuple(reader.one("sources/*.yaml", Source, "sources"))
    services = tuple(reader.one("services/*.yaml", Service, "services"))
    rules = tuple(reader.many("rules/*.yaml", Rule, "rules"))
    exclusions = tuple(reader.many("exclusions/*.yaml", Exclusion, "exclusions", optional=True))
    subscribers = tuple(reader.one("subscribers/*.yaml", Subscriber, "subscribers", optional=True))
    matchers = tuple(reader.many("matchers/*.yaml", Matcher, "matchers", optional=True))
    if reader.problems:
        raise BundleError(reader.problems)
    try:
        bundle = Bundle(
            tenant=tenants[0],
            sources=sources,
            services=services,
            rules=rules,
            exclusions=exclusions,
            subscribers=subscribers,
            matchers=matchers,
        )
    except ValidationError as error:  # too many of something
        faults = error.errors(include_url=False, include_input=False)
        raise BundleError([InvalidError(fault["msg"], str(path / str(fault["loc"][0]))) for fault in faults]) from error
    return Folder(bundle, reader.places, path)


def check_folder(path: Path) -> tuple[Folder, Policy]:
    """Read and compile. Raises BundleError with every problem at its place."""
    folder = load_folder(path)
    problems = [problem for service in folder.bundle.services for problem in check_paths(service)]
    problems += check_places(folder.bundle.services)
    problems += check_modules(path, folder.bundle.sources)
    try:
        policy = compile_bundle(folder.bundle, folder.hash)
    except BundleError as error:
        problems = [*error.problems, *problems]
    if problems:
        raise BundleError([folder.locate(problem) for problem in problems])
    return folder, policy


def load_cases(folder: Folder, policy: Policy) -> tuple[Case, ...]:
    """The folder's cases. Raises BundleError with every problem at its place."""
    reader = Reader(folder.path, places=folder.places)
    cases = tuple(reader.many("cases/*.yaml", Case, "cases", optional=True))
    problems = [*reader.problems, *(folder.locate(problem) for problem in case_problems(cases, policy))]
    if problems:
        raise BundleError(problems)
    return cases


def load_bundle(path: Path) -> Bundle:
    """The bundle of a folder."""
    return load_folder(path).bundle

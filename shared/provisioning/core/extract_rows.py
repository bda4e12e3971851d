"""Accounts as rows: which are in a file, and in which columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from provisioning.core.account import Account, Desired, Json, Known, Phase
from provisioning.core.catalog import Service
from provisioning.core.extract_options import Extract
from provisioning.core.wire import canonical, digest_of

PUT: Final = "put"
DELETE: Final = "delete"
LDIF: Final = "ldif"


@dataclass(frozen=True, slots=True)
class Layout:
    """What a service's files look like. A column's name that is empty: the files do not have it.

    `columns`: names in their order. `paths`: those of `service.account`, a part of the columns. `key`: the path that
    names a row to the SP. `schema`: stands for all of this.
    """

    format: str
    paths: tuple[str, ...]
    key: str
    phases: frozenset[Phase]
    operation: str
    identity: str
    phase: str
    groups: str
    separator: str
    guard: bool
    base: str
    classes: tuple[str, ...]
    columns: tuple[str, ...]
    schema: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row to be put, or one to be deleted (phase `absent`), of which at most the key is known."""

    identity: str
    phase: Phase
    values: Mapping[str, Json] = field(default_factory=dict)
    groups: tuple[str, ...] = ()

    @property
    def operation(self) -> str:
        """What the SP is to do with it."""
        return DELETE if self.phase is Phase.ABSENT else PUT


def layout_of(service: Service) -> Layout:
    """The layout of a service's files; of one without options, by their defaults."""
    options = service.extract or Extract()
    operation = options.operation if options.full_every else ""
    first = (operation, options.identity or "")
    last = (options.phase or "", options.groups or "")
    columns = tuple(name for name in (*first, *service.account, *last) if name)
    chosen = [options.format, columns, sorted(options.phases), options.separator, options.guard, options.base]
    return Layout(
        format=options.format, paths=tuple(service.account), key=service.match,
        phases=frozenset(Phase(phase) for phase in options.phases), operation=operation,
        identity=options.identity or "", phase=options.phase or "", groups=options.groups or "",
        separator=options.separator, guard=options.guard, base=options.base or "", classes=options.classes,
        columns=columns, schema=digest_of([*chosen, options.classes, service.match, service.endpoint]),
    )  # fmt: skip


def stage(service: Service, wanted: Desired, known: Known) -> Known:
    """The row as it is staged: nothing leaves us now, so it is as wanted at once.

    A row that is gone keeps its key, by which the SP is told. Values that only a new account gets stay as they were. So
    does a key of this kind for who comes back: the SP may never hear that the row was gone in between.
    """
    if wanted.phase is Phase.ABSENT:
        key = known.values.get(service.match)
        return Known(Phase.ABSENT, values={} if key is None else {service.match: key}, staged=True)
    values = dict(wanted.values)
    if known.phase is not Phase.ABSENT:
        kept = {path: known.values[path] for path in wanted.once | wanted.fill if known.values.get(path) is not None}
        new_only = {path for path in wanted.once if path not in kept and path not in wanted.chosen}
        values = {path: value for path, value in {**values, **kept}.items() if path not in new_only}
    elif known.staged and service.match in known.values and service.match in wanted.once | wanted.chosen:
        values[service.match] = known.values[service.match]
    return Known(wanted.phase, None, values, wanted.groups, wanted.filled, staged=True)


def row_of(layout: Layout, account: Account, *, delta: bool) -> Row | None:
    """The row of an account in a file; a deletion, in a delta, if it is not of the population. None: not in it."""
    known = account.known
    key = known.values.get(layout.key)
    if layout.format == LDIF and not key:
        return None  # an entry without a name cannot be said; a row is not staged without one
    if known.phase in layout.phases:
        return Row(account.subject, known.phase, known.values, known.groups)
    if not delta:
        return None
    return Row(account.subject, Phase.ABSENT, {} if key is None else {layout.key: key})


def cells(layout: Layout, row: Row) -> list[Json]:
    """The values of a row in the order of the columns; None where there is none."""
    found: list[Json] = []
    if layout.operation:
        found.append(row.operation)
    if layout.identity:
        found.append(row.identity)
    found += [row.values.get(path) for path in layout.paths]
    if layout.phase:
        found.append(row.phase.value)
    if layout.groups:
        found.append(list(row.groups) if row.phase is not Phase.ABSENT else None)
    return found


def text_of(value: Any, separator: str) -> str:
    """A value as one text: several are joined, with a backslash before a separator or backslash within them."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return separator.join(_escaped(text_of(item, separator), separator) for item in value)
    return canonical(value).decode(errors="replace")


def _escaped(text: str, separator: str) -> str:
    return text.replace("\\", "\\\\").replace(separator, f"\\{separator}")


def texts_of(value: Json) -> Sequence[str]:
    """A value as several texts."""
    if value is None:
        return ()
    return [text_of(item, ",") for item in value] if isinstance(value, list | tuple) else [text_of(value, ",")]

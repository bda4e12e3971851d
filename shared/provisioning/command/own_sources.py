"""A bundle's own adapters of sources: where they are for commands, and whether they are there in the right form.

They are read and not run: who checks a bundle need not trust it.
"""

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from provisioning.core.catalog import Source
from provisioning.core.errors import InvalidError

FOLDER: Final = "sources"
OPEN: Final = "@asynccontextmanager async def open(options, read_secret), which yields the source"
_LARGEST: Final = 1_000_000  # bytes of a module
_GIVEN: Final = 2  # arguments of `open`


def on_path(bundle: Path) -> None:
    """Let this process import the modules of a bundle's folder `sources`."""
    folder = str(bundle.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)


def check_modules(bundle: Path, sources: Iterable[Source]) -> Iterator[InvalidError]:
    """What is wrong with the modules of sources that have one, by file and line."""
    for source in sources:
        if source.poll is not None and source.poll.custom is not None:
            yield from _check(bundle / FOLDER / f"{source.poll.custom.module}.py", source)


def _check(file: Path, source: Source) -> Iterator[InvalidError]:
    if not file.is_file():
        where = f"sources/{source.id}.poll.custom.module"
        yield InvalidError(f"there is no file {file}", where, right=f"provision new source {source.id} writes one")
        return
    if file.stat().st_size > _LARGEST:
        yield InvalidError("the module is too large", str(file), right=f"at most {_LARGEST} bytes")
        return
    try:
        tree = ast.parse(file.read_bytes())
    except SyntaxError as error:
        place = (error.lineno or 0, error.offset or 0)
        yield InvalidError(f"it is no Python: {error.msg}", str(file), *place, right="a module that can be imported")
        return
    except ValueError as error:
        yield InvalidError(f"it is no Python: {error}", str(file), right="a module that can be imported")
        return
    yield from _shape(file, tree)


def _shape(file: Path, tree: ast.Module) -> Iterator[InvalidError]:
    for node in reversed(tree.body):  # the last one counts
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "open":
            if not _takes_two(node.args):
                yield InvalidError("`open` does not take two arguments", str(file), node.lineno, right=OPEN)
            if isinstance(node, ast.AsyncFunctionDef) and not node.decorator_list:
                yield InvalidError("`open` gives no async context manager", str(file), node.lineno, right=OPEN)
            return
        if "open" in _names(node):
            return  # made elsewhere: that shows when it is opened
    yield InvalidError("it has no function `open`", str(file), right=OPEN)


def _takes_two(arguments: ast.arguments) -> bool:
    positional = len(arguments.posonlyargs) + len(arguments.args)
    enough = positional >= _GIVEN or arguments.vararg is not None
    return enough and positional - len(arguments.defaults) <= _GIVEN and None not in arguments.kw_defaults


def _names(node: ast.stmt) -> set[str]:
    """What a statement of a module binds, but functions."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name for alias in node.names}
    if isinstance(node, ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return {target.id for target in targets if isinstance(target, ast.Name)}
    return set()

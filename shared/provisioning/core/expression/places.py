"""Where compiled code finds variables and their attributes."""

import ast
from collections.abc import Sequence
from typing import Final

from provisioning.core.errors import InvalidError
from provisioning.core.expression import access
from provisioning.core.expression.emit import Places, Plain, path_of
from provisioning.core.expression.logic import FAULTS
from provisioning.core.expression.namespace import Namespace
from provisioning.core.expression.readers import reader
from provisioning.core.expression.sharing import Key, Sharing
from provisioning.core.expression.tree import Typed

_NONE: Final = ast.Constant(None)


class Direct(Places):
    """Everything is reached where it is needed, and what is missing is named. For the exact form."""

    def __init__(self, namespace: Namespace, variables: Sequence[str]) -> None:
        self.namespace, self.variables = namespace, list(variables)

    def variable(self, node: Typed) -> ast.expr:
        """The value of a variable, read as its type. Raises InvalidError if the function has no such argument."""
        value, read = load(argument(self.variables, node.value[1:])), reader(node.type)
        return value if read is None else self.namespace.call(read, value)

    def attribute(self, node: Typed, path: tuple[str, ...]) -> ast.expr:
        """An attribute that is reached from a variable through records alone."""
        name, words = ast.Constant(node.value), ast.Constant(".".join(path))
        value = self.namespace.call(access.required, self.target(node), name, words)
        read = reader(node.type)
        return value if read is None else self.namespace.call(read, value)

    def has(self, node: Typed, path: tuple[str, ...]) -> ast.expr:
        """Whether there is such an attribute."""
        del path
        return self.namespace.call(access.has_attribute, self.target(node), ast.Constant(node.value))

    def target(self, node: Typed) -> ast.expr:
        before = node.parts[0]
        path = path_of(before)
        return self.variable(before) if path is None or len(path) == 1 else self.attribute(before, path)

    def shared(self, node: Typed, form: Plain) -> ast.expr | None:
        """Nothing is shared."""
        del node, form
        return None


class _Slot:
    """The locals of one attribute: `b` and a number is what the data holds, `a` its value, `h` whether it is there."""

    def __init__(self, number: int, target: ast.expr, node: Typed) -> None:
        self.number, self.target, self.node = number, target, node
        self.value = self.asked = False


class Hoisted(Places):
    """Everything that expressions mention is looked up once, before the first of them. For the plain form.

    What is absent or cannot be read is left unbound: using it raises without a test in every expression.
    """

    def __init__(self, namespace: Namespace, variables: Sequence[str], sharing: Sharing) -> None:
        self.namespace, self.variables, self.sharing = namespace, list(variables), sharing
        self.slots: dict[tuple[str, ...], _Slot] = {}
        self.names: dict[Key, str] = {}

    def slot(self, node: Typed, path: tuple[str, ...]) -> _Slot:
        found = self.slots.get(path)
        if found is None:
            if len(path) == 1:
                target = load(argument(self.variables, node.value[1:]))
            else:
                before = node.parts[0]
                target = self.variable(before) if len(path) == 2 else self.attribute(before, path[:-1])
            found = self.slots[path] = _Slot(len(self.slots), target, node)
        return found

    def variable(self, node: Typed) -> ast.expr:
        """The value of a variable, read as its type. Raises InvalidError if the function has no such argument."""
        if reader(node.type) is None:
            return load(argument(self.variables, node.value[1:]))
        return self.attribute(node, (node.value[1:],))

    def attribute(self, node: Typed, path: tuple[str, ...]) -> ast.expr:
        """The local that holds an attribute."""
        slot = self.slot(node, path)
        if not slot.value:
            slot.value, slot.node = True, node  # of all mentions one that selects knows the attribute's type
        return load(f"a{slot.number}")

    def has(self, node: Typed, path: tuple[str, ...]) -> ast.expr:
        """The local that holds whether there is an attribute."""
        slot = self.slot(node, path)
        slot.asked = True
        return load(f"h{slot.number}")

    def shared(self, node: Typed, form: Plain) -> ast.expr | None:
        """The local of what is computed once; for what is computed when first reached, with its computation."""
        if node.kind not in ("call", "macro"):
            return None
        key = self.sharing.key(node)
        if key in self.sharing.first and key in self.names:
            return load(self.names[key])
        if key not in self.sharing.later:
            return None
        name = self.names.setdefault(key, f"s{len(self.names)}")
        known = ast.Compare(load(name), [ast.IsNot()], [_NONE])
        return ast.IfExp(known, load(name), ast.NamedExpr(ast.Name(name, ast.Store()), form.made(node)))

    def first(self, form: Plain) -> list[ast.stmt]:
        """Statements that compute what is shared for certain."""
        made = []
        for key, node in self.sharing.first.items():
            value = form.made(node)
            name = self.names[key] = f"s{len(self.names)}"
            made.append(self.attempt([assign(name, value)]))
        return made

    def prelude(self) -> list[ast.stmt]:
        """Statements that look up what has been asked for since."""
        made: list[ast.stmt] = [assign(self.names[key], _NONE) for key in self.sharing.later if key in self.names]
        groups: dict[str, list[ast.stmt]] = {}
        for path, slot in sorted(self.slots.items(), key=lambda item: len(item[0])):
            groups.setdefault(".".join(path[:-1]), []).extend(self.lookup(slot, path))
        made += [self.attempt(group) for group in groups.values()]
        return made

    def lookup(self, slot: _Slot, path: tuple[str, ...]) -> list[ast.stmt]:
        read, value, raw = reader(slot.node.type), f"a{slot.number}", f"b{slot.number}"
        found = slot.target
        if len(path) > 1:
            found = ast.Call(ast.Attribute(found, "get", ast.Load()), [ast.Constant(slot.node.value)], [])
        if not slot.value:
            return [assign(f"h{slot.number}", ast.Compare(found, [ast.IsNot()], [_NONE]))]
        name = value if read is None else raw
        made: list[ast.stmt] = [assign(name, found)]
        if slot.asked:
            made.append(assign(f"h{slot.number}", ast.Compare(load(name), [ast.IsNot()], [_NONE])))
        if read is None:
            absent = ast.Compare(load(name), [ast.Is()], [_NONE])
            return [*made, ast.If(absent, [ast.Delete([ast.Name(name, ast.Del())])], [])]
        there = ast.Compare(load(name), [ast.IsNot()], [_NONE])
        reading = self.attempt([assign(value, self.namespace.call(read, load(name)))])
        return [*made, ast.If(there, [reading], [])]

    def attempt(self, body: list[ast.stmt], otherwise: ast.stmt | None = None) -> ast.stmt:
        """Statements whose faults are no matter yet, or lead elsewhere."""
        handler = ast.ExceptHandler(self.namespace.reference(FAULTS), None, [otherwise or ast.Pass()])
        return ast.Try(body, [handler], [], [])


def argument(variables: Sequence[str], name: str) -> str:
    """The argument that holds a variable. Raises InvalidError if there is none."""
    if name not in variables:
        raise InvalidError(f"the expression mentions '{name}'", right=f"one of {', '.join(variables)}")
    return f"v{variables.index(name)}"


def load(name: str) -> ast.expr:
    """The value of a local."""
    return ast.Name(name, ast.Load())


def assign(name: str, value: ast.expr) -> ast.stmt:
    """A local gets a value."""
    return ast.Assign([ast.Name(name, ast.Store())], value, lineno=0)

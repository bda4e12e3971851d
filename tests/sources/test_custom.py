"""Adapters that an operator wrote: what the engine refuses of them, and what it never takes for an absence."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from provisioning.adapters.sources.registry import open_source
from provisioning.command.own_sources import on_path
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.source import Evidence, Item
from provisioning.core.source_options import Poll
from provisioning.ports import Extraction

OPENING = """
from contextlib import asynccontextmanager
from datetime import datetime
from provisioning.core.source import Evidence, Item, Page, Spoiled

class Source:
    async def begin(self): return "0"
    async def changes(self, position): return Page((), "0", more=False)
    async def fetch(self, keys): return [Item(key, None) for key in keys]
    async def snapshot(self, position): return Page((), None, more=False, evidence=Evidence())

@asynccontextmanager
async def open(options, read_secret):
    yield Source()
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Writes a module into a tenant's folder, and names it."""
    (tmp_path / "sources").mkdir()
    monkeypatch.setattr(sys, "path", list(sys.path))
    on_path(tmp_path)
    before = set(sys.modules)

    def write(text: str) -> str:
        (tmp_path / "sources" / "hr.py").write_text(text, encoding="utf-8")
        return "hr"

    yield write
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == "sources":
            del sys.modules[name]


async def no_secret(name: str) -> str:
    raise AssertionError(name)


def opened(module: str, timeout: int = 5, read: Any = no_secret, **custom: Any) -> Any:
    return open_source(Poll.model_validate({"timeout": timeout, "custom": {"module": module, **custom}}), read)


async def test_a_module_in_the_right_form_is_asked(module: Callable[[str], str]) -> None:
    async with opened(module(OPENING)) as source:
        assert await source.begin() == "0"
        assert await source.fetch(["a", "a"]) == [Item("a", None)]
        assert (await source.snapshot(None)).evidence == Evidence()


@pytest.mark.parametrize("name", ["os.path", "../os", "Os", "_hr", "test_hr", "hr.py", ""])
def test_a_bundle_names_a_module_of_its_own_folder_and_nothing_else(name: str) -> None:
    with pytest.raises(ValidationError, match="module"):
        Poll.model_validate({"custom": {"module": name}})


async def test_a_module_of_pythons_own_is_not_reached_by_its_name() -> None:
    with pytest.raises(InvalidError, match=r"^sources/os\.py: there is no such module"):
        async with opened("os"):
            pass


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import no_such_library\n", r"^sources/hr\.py: it imports no_such_library, which is not here"),
        ("x = 1\n", r"^sources/hr\.py: it has no function `open`"),
        ("def open(options): ...\n", r"^sources/hr\.py: `open` cannot be called with two arguments"),
        ("async def open(options, read_secret): ...\n", r"^sources/hr\.py: `open` gives no async context manager"),
        (OPENING.replace("async def fetch", "def fetch"), r"^sources/hr\.py: what `open` yields has no async fetch"),
    ],
)
async def test_a_module_of_the_wrong_form_is_named_with_what_would_be_right(
    module: Callable[[str], str], text: str, said: str
) -> None:
    with pytest.raises(InvalidError, match=said) as caught:
        async with opened(module(text)):
            pass
    assert caught.value.right


async def test_it_is_given_its_options_and_the_secret_that_is_named_and_no_other(module: Callable[[str], str]) -> None:
    text = OPENING.replace(
        "    yield", "    options['x'].append(await read_secret())\n    assert options['x'] == [1, 's']\n    yield"
    )

    async def read(name: str) -> str:
        assert name == "campus/hr"
        return "s"

    options = {"x": [1]}
    async with opened(module(text), read=read, options=options, secret="campus/hr"):
        pass
    poll = Poll.model_validate({"custom": {"module": "hr", "options": options}})
    with pytest.raises(InvalidError, match="no secret is named"):
        async with open_source(poll, read):
            pass
    assert options == {"x": [1]}, "what the module does with its options stays there"


@asynccontextmanager
async def answering(module: Callable[[str], str], call: str, answer: str) -> AsyncIterator[Extraction]:
    """A source whose call does this."""
    lines = OPENING.splitlines()
    (number,) = [number for number, line in enumerate(lines) if f"async def {call}(" in line]
    lines[number] = f"{lines[number].split(':')[0]}: {answer}"
    async with opened(module("\n".join(lines)), timeout=1) as source:
        yield source


WRONG = {
    "begin": ("begin", "return 7", "a place is int"),
    "no page": ("snapshot", "return []", "the answer is list"),
    "no evidence": ("snapshot", "return Page((), None, more=False)", "the last page has no evidence"),
    "no end": ("snapshot", "return Page((), None, more=True)", "more is to come, from where this page began"),
    "a circle": ("changes", "return Page((), position, more=True)", "more is to come, from where this page began"),
    "no place": ("changes", "return Page((), None, more=False)", "a page without position"),
    "a number": ("changes", "return Page((), 7, more=False)", "position is int"),
    "lost, and more": ("changes", "return Page((Item('a', {}),), '1', more=False, lost='x')", "a page that is lost"),
    "no items": ("changes", "return Page(({'key': 'a'},), '1', more=False)", "what it shows is something else"),
    "no text": ("changes", "return Page((Item(7, {}),), '1', more=False)", "a key is no text"),
    "spoiled": ("changes", "return Page((), '1', more=False, spoiled=('x',))", "spoiled holds something else"),
    "nobody": (
        "snapshot", "return Page((Item('a', None),), None, more=False, evidence=Evidence())", "without fields",
    ),
    "too many": ("changes", "return Page((Item('a', {}),) * 10_001, '1', more=False)", "10001 items"),
    "silence": ("fetch", "return []", "0 items for 1 keys"),
    "others": ("fetch", "return [Item('b', None)]", "1 items for 1 keys, or others"),
    "an instant": ("fetch", "return [Item('a', {'hired': datetime.max})]", "fields.hired is no JSON"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
async def test_an_answer_of_the_wrong_form_is_refused_with_the_file_the_call_and_what_would_be_right(
    module: Callable[[str], str], case: str
) -> None:
    call, answer, said = WRONG[case]
    asked: dict[str, Any] = {"begin": (), "changes": ("0",), "fetch": (["a"],), "snapshot": (None,)}
    async with answering(module, call, answer) as source:
        with pytest.raises(InvalidError) as caught:
            await getattr(source, call)(*asked[call])
    assert str(caught.value).startswith(f"sources/hr.py: {call}: ")
    assert said in caught.value.problem
    assert caught.value.right


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ("{'hired': datetime.max}", "fields.hired is no JSON (datetime)"),
        ("{'photo': b'x'}", "fields.photo is no JSON (bytes)"),
        ("{'share': float('nan')}", "fields.share is no JSON (float)"),
        ("{'name': '\\ud800'}", "fields.name is no JSON (str)"),
        ("{'photo': 'x' * 300_000}", "300013 bytes: at most 262144"),
        ("['x']", "fields are list: an object, or None"),
    ],
)
async def test_one_who_cannot_be_sent_on_is_set_aside_and_is_not_absent(
    module: Callable[[str], str], fields: str, reason: str
) -> None:
    answer = f"return Page((Item('a', {fields}), Item('b', {{}})), None, more=False, evidence=Evidence())"
    async with answering(module, "snapshot", answer) as source:
        page = await source.snapshot(None)
    assert [item.key for item in page.items] == ["b"]
    (spoiled,) = page.spoiled
    assert spoiled.key == "a"
    assert spoiled.reason.startswith(reason)
    assert len(spoiled.body) <= 2000


async def test_an_answer_that_does_not_come_in_time_comes_later(module: Callable[[str], str]) -> None:
    async with answering(module, "begin", "import asyncio; await asyncio.Event().wait()") as source:
        with pytest.raises(TransientError, match=r"sources/hr\.py: begin: no answer in 1 s"):
            await source.begin()

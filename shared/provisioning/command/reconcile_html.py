"""A reconciliation as one page without anything from elsewhere: what accounts are, what drifted, and how it went."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from provisioning.command.reconcile import MEANS, completeness

_WIDTH: Final = 800  # pixels of a bar
_HEIGHT: Final = 120  # pixels of a column
_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;color:#222;background:#fff}
h1{font-size:1.3rem}h2{font-size:1.05rem;margin-top:2rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.25rem .75rem .25rem 0;vertical-align:top;border-bottom:1px solid #ddd}
svg{width:100%;height:auto}text{font:12px sans-serif}td.id{overflow-wrap:anywhere;font-family:monospace}
.settled{fill:#2a7d46}.drifted{fill:#d9a521}.missing{fill:#b3261e}.duplicate{fill:#8e4ec6}.orphan{fill:#c2571a}
.foreign{fill:#4573a8}.open{fill:#bbb}.partial{stroke:#b3261e;stroke-width:2;fill:none}svg.key{width:12px}
"""


def page(told: Mapping[str, Any]) -> str:
    """The page. Whatever stands in it is escaped: ids and reasons come from SPs."""
    title = escape(f"Accounts of {told['service']}, comparison {told['number']}")
    when = f"{told['begun']} to {told['ended']}: {completeness(told)}. Attributes are named; no values are told."
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>",
            f"<p>{escape(when)}</p>",
            *_classes(told),
            *_attributes(told),
            *_runs(told),
            *_done(told),
            *_accounts(told),
            "</body></html>",
        ]
    )


def _classes(told: Mapping[str, Any]) -> Iterator[str]:
    """One bar for all accounts, and a line for each class."""
    counts = {kind: told["counts"][kind] for kind in MEANS if told["counts"].get(kind)}
    total = max(sum(counts.values()), 1)
    yield f'<h2>What the accounts are</h2><svg viewBox="0 0 {_WIDTH} 28" role="img">'
    left = 0.0
    for kind, count in counts.items():
        width = _WIDTH * count / total
        yield f'<rect class="{kind}" x="{left:.1f}" y="2" width="{width:.1f}" height="24">'
        yield f"<title>{kind}: {count}</title></rect>"
        left += width
    yield "</svg><table><tr><th>accounts</th><th></th><th>what they are</th></tr>"
    for kind, count in counts.items():
        key = f'<svg class="key" viewBox="0 0 12 12"><rect class="{kind}" width="12" height="12"/></svg>'
        yield f"<tr><td>{key} {kind}</td><td>{count}</td><td>{escape(MEANS[kind])}</td></tr>"
    yield "</table>"


def _attributes(told: Mapping[str, Any]) -> Iterator[str]:
    """A bar for each attribute that drifted, the most frequent first."""
    drifts = sorted(told["attributes"].items(), key=lambda item: (-item[1], item[0]))
    if drifts:
        most = drifts[0][1]
        yield f'<h2>What drifted</h2><svg viewBox="0 0 {_WIDTH} {len(drifts) * 24}" role="img">'
        for number, (name, count) in enumerate(drifts):
            width = (_WIDTH - 360) * count / most
            yield f'<text x="0" y="{number * 24 + 16}">{escape(name[-48:])}</text>'
            yield f'<rect class="drifted" x="300" y="{number * 24 + 4}" width="{max(width, 1):.1f}" height="16"/>'
            yield f'<text x="{306 + width:.1f}" y="{number * 24 + 16}">{count}</text>'
        yield "</svg>"
    if told["unkept"]:
        names = ", ".join(map(escape, told["unkept"]))
        yield f"<p>The SP shows nobody's {names}: what it does not keep is not compared.</p>"


def _runs(told: Mapping[str, Any]) -> Iterator[str]:
    """A column for each of the last comparisons. One that was not complete has a frame."""
    runs = told.get("runs", ())
    if len(runs) < 2:
        return
    most = max(max(sum(each["counts"].values()) for each in runs), 1)
    step = _WIDTH / len(runs)
    yield f'<h2>The last comparisons</h2><svg viewBox="0 0 {_WIDTH} {_HEIGHT + 20}" role="img">'
    for number, each in enumerate(runs):
        left, top = number * step, float(_HEIGHT)
        for kind in MEANS:
            if count := each["counts"].get(kind, 0):
                height = _HEIGHT * count / most
                top -= height
                yield (
                    f'<rect class="{kind}" x="{left:.1f}" y="{top:.1f}" width="{step * 0.8:.1f}" '
                    f'height="{height:.1f}"><title>{escape(each["ended"])} {kind}: {count}</title></rect>'
                )
        if not each["complete"]:
            yield f'<rect class="partial" x="{left:.1f}" y="1" width="{step * 0.8:.1f}" height="{_HEIGHT - 2}"/>'
        yield f'<text x="{left:.1f}" y="{_HEIGHT + 14}">{each["number"]}</text>'
    yield "</svg>"


def _done(told: Mapping[str, Any]) -> Iterator[str]:
    if told["done"]:
        text = ", ".join(f"{escape(name)} {count}" for name, count in told["done"].items())
        yield f"<h2>What was done</h2><p>{text}. Repairs are deliver's: they go through its gate, after a look.</p>"


def _accounts(told: Mapping[str, Any]) -> Iterator[str]:
    if not told["accounts"]:
        return
    yield "<h2>Accounts</h2><table><tr><th>what</th><th>at the SP</th><th>identity</th><th>attributes</th></tr>"
    for each in told["accounts"]:
        names = ", ".join(each.get("attributes", ()))
        cells = (each["remote_id"], each.get("identity", ""), names)
        shown = "".join(f'<td class="id">{escape(cell)}</td>' for cell in cells)
        yield f"<tr><td>{escape(each['class'])}</td>{shown}</tr>"
    yield "</table>"
    if told["unlisted"]:
        yield f"<p>And {told['unlisted']} more.</p>"

"""A person's history as one page without anything from elsewhere: a bar for each account, and everything by time."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final, NamedTuple

from provisioning.command.history_deployed import Told
from provisioning.command.history_words import rows, summary
from provisioning.core.occurrence import Type
from provisioning.core.period import Instant
from provisioning.core.wording import starting

_WIDTH: Final = 800  # pixels of a bar
_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;color:#222;background:#fff}
h1{font-size:1.3rem}h2{font-size:1.05rem;margin-top:2rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.25rem .75rem .25rem 0;vertical-align:top;border-bottom:1px solid #ddd}
svg{width:100%;height:auto}.active{fill:#2a7d46}.suspended{fill:#d9a521}.absent{fill:#eee}text{font:12px sans-serif}
ol{list-style:none;border-left:2px solid #bbb;padding-left:1rem}li{margin:.4rem 0}li:before{content:"";display:block}
.sent{color:#555}
"""
_PHASES: Final = {
    Type.ACCOUNT_CREATED: "active",
    Type.ACCOUNT_SUSPENDED: "suspended",
    Type.ACCOUNT_RESUMED: "active",
    Type.ACCOUNT_REMOVED: "absent",
}


class Span(NamedTuple):
    """A time in which an account was so."""

    start: Instant
    end: Instant
    phase: str


def page(told: Told, now: Instant) -> str:
    """The page. Whatever stands in it is escaped: names come from bundles, reasons from SPs."""
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>History of {escape(told.identity)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>History of {escape(told.identity)}</h1>",
            f"<p>As of {escape(starting(now, told.zone))}, {escape(told.zone.key)}. No values are remembered.</p>",
            *_bars(told, now),
            "<h2>By time</h2><ol>",
            *_entries(told),
            "</ol><h2>What services received</h2><pre>",
            *(escape(line) for line in summary(told)),
            "</pre></body></html>",
        ]
    )


def _bars(told: Told, now: Instant) -> Iterator[str]:
    services = sorted({entry.service for entry in told.entries if entry.service})
    if not services:
        return
    first = min(entry.at for entry in told.entries)
    yield f'<h2>Accounts</h2><svg viewBox="0 0 {_WIDTH + 160} {len(services) * 26}" role="img">'
    for number, service in enumerate(services):
        y = number * 26
        yield f'<text x="0" y="{y + 15}">{escape(service)}</text>'
        for span in spans(told, service, now):
            left, right = (_WIDTH * (at - first) / max(now - first, 1) for at in (span.start, span.end))
            title = f"{span.phase} {starting(span.start, told.zone)} to {starting(span.end, told.zone)}"
            yield (
                f'<rect class="{span.phase}" x="{150 + left:.1f}" y="{y + 3}" width="{max(right - left, 1):.1f}" '
                f'height="16"><title>{escape(title)}</title></rect>'
            )
    yield "</svg>"


def spans(told: Told, service: str, now: Instant) -> Sequence[Span]:
    """The times in which an account was active or suspended, as far as the history tells.

    One that was suspended when it was made or taken over is drawn as active until its next change.
    """
    found: list[Span] = []
    start, phase = 0, "absent"
    for entry in told.entries:
        for each in entry.said:
            if each.service == service and each.type in _PHASES:
                if phase != "absent":
                    found.append(Span(start, entry.at, phase))
                start, phase = entry.at, _PHASES[each.type]
    return [*found, Span(start, max(now, start), phase)] if phase != "absent" else found


def _entries(told: Told) -> Iterator[str]:
    for entry in told.entries:
        for when, service, what, names, because, bundle in rows(entry, told.zone):
            details = "; ".join(
                text
                for text in (names, f"because of {because}" if because else "", f"bundle {bundle}" if bundle else "")
                if text
            )
            where = f" at <b>{escape(service)}</b>" if service else ""
            kind = ' class="sent"' if what == "sent" else ""
            yield f"<li{kind}><time>{escape(when)}</time> {escape(what)}{where}: {escape(details)}</li>"

"""An account of which the SP's list shows something else than we know: doubted, so that deliver looks, or parked."""

from typing import Final

from provisioning.core.account import Account, Event, Intent, move
from provisioning.core.difference import Class, Finding
from provisioning.core.period import Instant
from provisioning.core.reconcile_options import Reconcile

_WORD: Final = "reconcile"  # with which the attempts begin that are not a delivery's


def attempt_of(number: int) -> str:
    """The attempt that stands for what a run found."""
    return f"{_WORD}-{number}"


def seen_by_list(intent: Intent) -> bool:
    """Whether a doubt was left by a reconciliation, which calls nothing that could have had an effect."""
    return intent.attempt.startswith(f"{_WORD}-")


def action_of(options: Reconcile, finding: Finding) -> str:
    """What the service's policy says of a finding: repair, adopt, park, or report, which is nothing."""
    if not finding.identity:
        return "report"
    match finding.kind:
        case Class.DRIFTED:
            return options.drifted
        case Class.MISSING:
            return options.missing
        case Class.ORPHAN:
            return options.orphan
        case Class.DUPLICATE:
            return options.duplicate
        case _:
            return "report"


def doubted(account: Account, number: int, finding: Finding, now: Instant) -> Account:
    """The account that deliver must look at before it trusts what is known of it.

    Nothing is under way, so what a look does not find is not there: the deadline is past.
    """
    intent = Intent(attempt_of(number), now)
    return move(account, Event.DIFFERS, intent=intent, error=reason_of(number, finding), due_at=now)


def parked(account: Account, number: int, finding: Finding, now: Instant) -> Account:
    """The account that waits for a person. Whatever is tried next looks first."""
    intent = account.intent or Intent(attempt_of(number), now)
    return move(account, Event.PERMANENT, intent=intent, error=reason_of(number, finding), due_at=None)


def is_from(account: Account, number: int) -> bool:
    """Whether this run has doubted or parked the account already, and nobody has dealt with it since."""
    return account.intent is not None and account.intent.attempt == attempt_of(number)


def reason_of(number: int, finding: Finding) -> str:
    """The finding in words, without a value."""
    match finding.kind:
        case Class.DRIFTED:
            text = f"the SP shows other values: {', '.join(finding.attributes)}"
        case Class.MISSING:
            text = "the SP's list does not show the account"
        case Class.DUPLICATE:
            text = "the SP's list shows another account beside this one"
        case _:
            text = "the SP's list shows an account that we do not know"
    return f"reconciliation {number}: {text}"

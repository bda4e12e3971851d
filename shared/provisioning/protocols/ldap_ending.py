"""What a directory's result code means for the account: one table (RFC 4511 appendix A)."""

from collections.abc import Mapping
from typing import Final

from provisioning.core.account import Known
from provisioning.protocols.dialogue import Answer, Ending, Outcome, Unanswered
from provisioning.protocols.ldap_message import LdapRequest, LdapResult, LdapSearch

SUCCESS: Final = 0
SIZE_LIMIT: Final = 4
NO_SUCH_ATTRIBUTE: Final = 16
CONSTRAINT: Final = 19
VALUE_EXISTS: Final = 20
NO_SUCH_OBJECT: Final = 32
CLASS_VIOLATION: Final = 65
ENTRY_EXISTS: Final = 68

_D, _T, _P, _U = Outcome.DONE, Outcome.TRANSIENT, Outcome.PERMANENT, Outcome.UNKNOWN
# Code: (name, meaning). What is refused for our own rights or credential is tried again later, because every account
# of the service would need a person otherwise; so is a base that is not there. A referral is never followed: it would
# take people's data and our credential to a place that nobody configured. A code that is not here is not understood.
CODES: Final[Mapping[int, tuple[str, Outcome]]] = {
    SUCCESS: ("success", _D),
    1: ("operationsError", _T),
    2: ("protocolError", _P),
    3: ("timeLimitExceeded", _U),
    SIZE_LIMIT: ("sizeLimitExceeded", _P),
    5: ("compareFalse", _P),
    6: ("compareTrue", _P),
    7: ("authMethodNotSupported", _T),
    8: ("strongerAuthRequired", _T),
    10: ("referral", _P),
    11: ("adminLimitExceeded", _T),
    12: ("unavailableCriticalExtension", _P),
    13: ("confidentialityRequired", _T),
    14: ("saslBindInProgress", _P),
    NO_SUCH_ATTRIBUTE: ("noSuchAttribute", _P),
    17: ("undefinedAttributeType", _P),
    18: ("inappropriateMatching", _P),
    CONSTRAINT: ("constraintViolation", _P),
    VALUE_EXISTS: ("attributeOrValueExists", _P),
    21: ("invalidAttributeSyntax", _P),
    NO_SUCH_OBJECT: ("noSuchObject", _T),
    33: ("aliasProblem", _P),
    34: ("invalidDNSyntax", _P),
    36: ("aliasDereferencingProblem", _P),
    48: ("inappropriateAuthentication", _T),
    49: ("invalidCredentials", _T),
    50: ("insufficientAccessRights", _T),
    51: ("busy", _T),
    52: ("unavailable", _T),
    53: ("unwillingToPerform", _P),
    54: ("loopDetect", _P),
    64: ("namingViolation", _P),
    CLASS_VIOLATION: ("objectClassViolation", _P),
    66: ("notAllowedOnNonLeaf", _P),
    67: ("notAllowedOnRDN", _P),
    ENTRY_EXISTS: ("entryAlreadyExists", _P),
    69: ("objectClassModsProhibited", _P),
    71: ("affectsMultipleDSAs", _P),
    80: ("other", _U),
}


def name_of(code: int) -> str:
    """A code as people know it."""
    return CODES.get(code, (f"result code {code}", _U))[0]


def code_of(answer: Answer) -> int | None:
    """The result code, or None where there is none."""
    return answer.code if isinstance(answer, LdapResult) else None


def classify(request: LdapRequest, answer: Answer, known: Known) -> Ending:
    """How a dialogue ends with an answer that it has no better use for. A search leaves nothing in doubt."""
    what = type(request).__name__.removeprefix("Ldap").lower()
    if isinstance(answer, LdapResult):
        outcome = CODES.get(answer.code, ("", _U))[1]
        said = f": {answer.message}" if answer.message else ""
        reason = "" if outcome is _D else f"{what} answered {name_of(answer.code)}{said}"
    elif isinstance(answer, Unanswered):
        outcome, reason = _U if answer.sent else _T, answer.reason
    else:
        outcome, reason = _U, f"{what} answered with something that is no directory's word"
    if outcome is _U and isinstance(request, LdapSearch):
        outcome = _T
    return Ending(outcome, known, reason)

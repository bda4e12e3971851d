"""Requests that never were: nothing of them reached whoever they were for, so nothing is in doubt."""

import ssl
from typing import Final

# What a server's alert says when it does not like our certificate, or the want of one (RFC 8446 6.2). In TLS 1.2 the
# want of one is a plain handshake failure.
_ALERT: Final = "ALERT"
_REFUSALS: Final = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED", "HANDSHAKE_FAILURE")


class NotSentError(Exception):
    """The request cannot be made. `retry_after`: seconds, the word of whoever was asked on the way to it."""

    def __init__(self, reason: str, retry_after: int | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class RefusedCertificateError(NotSentError):
    """The server did not take our certificate. Until it takes one it reads nothing that we send."""


def certificate_alert(error: BaseException | None) -> str | None:
    """The server's word, in an alert of TLS, that our certificate will not do; None if it said nothing of the kind.

    Only who has read the alert knows. With TLS 1.3 the request may have left by then, and a server that closes before
    it has read that resets the connection (RFC 1122 4.2.2.13), which can overtake the alert: then all is in doubt.
    """
    cause = None if error is None else error.__cause__  # aiohttp's errors are made of the one that says it
    reason = str(cause.reason or "") if isinstance(cause, ssl.SSLError) else ""
    return reason if _ALERT in reason and any(word in reason for word in _REFUSALS) else None

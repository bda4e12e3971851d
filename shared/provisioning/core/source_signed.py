"""What the bundle says of a source whose events are signed tokens (RFC 8417, RFC 9967)."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from provisioning.core.model import Model

Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA", "Ed25519"]
Claim = Annotated[str, StringConstraints(min_length=1, max_length=2048)]


class Signed(Model):
    """Whose tokens are believed, and by which keys. Algorithms with shared secrets, and none, cannot be named."""

    issuer: Claim = Field(description="what `iss` says, to the letter")
    audience: tuple[Claim, ...] = Field(min_length=1, max_length=20, description="`aud` names one of these")
    jwks_url: Annotated[str, StringConstraints(pattern=r"^https://[^\s@]+$", max_length=2048)] | None = Field(
        default=None, description="where the issuer publishes its public keys (RFC 7517)"
    )
    secret: Annotated[str, StringConstraints(min_length=1, max_length=512)] | None = Field(
        default=None, description="name of a secret that holds such a key set, where the issuer publishes none"
    )
    algorithms: tuple[Algorithm, ...] = Field(default=("RS256", "PS256", "ES256", "EdDSA", "Ed25519"), min_length=1)
    endpoint: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}$")] = Field(
        default="Users", description="of the resources that are persons; events about others are passed over"
    )
    removed: Literal["gone", "stays"] = Field(
        default="gone", description="who leaves the feed, where nobody can be asked: gone from this source, or not"
    )
    tolerance: int = Field(default=300, ge=0, le=3600, description="seconds that the issuer's clock may be ahead")
    days: int = Field(
        default=30, ge=1, le=90, description="for which a token is remembered; an older one is not believed any more"
    )
    private: bool = Field(default=False, description="`jwks_url` may lead to a private or loopback address")
    authorities: Annotated[str, StringConstraints(min_length=1, max_length=65536)] | None = Field(
        default=None, description="certificates in PEM, by which `jwks_url` is verified; none: the public ones"
    )

    @model_validator(mode="after")
    def _one_place(self) -> "Signed":
        if (self.jwks_url is None) == (self.secret is None):
            raise ValueError("exactly one of jwks_url and secret: where the issuer's keys are")
        return self


def fault_of_signed(signed: Signed | None, *, tokens: bool, read: bool, asked: bool, thin: bool, version: bool) -> str:
    """Why a source cannot be so; nothing if it can. `asked`: it has `poll`; `read`: `record`; `version`: and that."""
    if (signed is not None) != tokens:
        return "`signed` and `format: scim-events` belong together"
    if tokens and not read:
        return "the resources that tokens show must be read: `record` is missing"
    if tokens and asked and not thin and not version:
        # A token knows the second of a change, a look its microsecond: one of the two would be taken for the older.
        return "what tokens show and what `poll` shows cannot be ordered: `record.version`, or `thin: true`, is missing"
    return ""

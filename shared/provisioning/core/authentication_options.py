"""How a service knows us, and how we know it: what a service that is called over HTTP says of itself."""

from typing import Literal

from pydantic import Field

from provisioning.core.model import Model


class Authentication(Model):
    """How calls of the service are authenticated. Secrets are named here and in `secret`, and never written.

    What `secret` holds: `bearer`, the token; `basic`, `{"user": …, "password": …}`; `oauth2`, `{"client_id": …,
    "client_secret": …}`. A certificate goes with each of these, and with none: then `secret` is left out.
    """

    kind: Literal["bearer", "basic", "oauth2"] = "bearer"
    token_endpoint: str | None = Field(
        default=None, min_length=1, max_length=2048, description="where `oauth2` is given its tokens; https"
    )
    scope: str | None = Field(
        default=None, pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$", max_length=1024
    )  # as RFC 6749 3.3 writes it
    audience: str | None = Field(
        default=None, min_length=1, max_length=2048, description="for whom the token is, where the endpoint asks"
    )
    client: Literal["basic", "body"] = Field(
        default="basic", description="where the token endpoint wants client_id and client_secret: header or body"
    )
    certificate: str | None = Field(
        default=None, min_length=1, description="name of a secret: our certificate, {certificate, key}, each as PEM"
    )
    authorities: str | None = Field(
        default=None,
        max_length=65536,
        description="certificates (PEM) of those who vouch for the endpoint, instead of the public ones",
    )

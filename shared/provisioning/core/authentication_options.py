"""How an HTTP service knows us: a bearer token, a name and password, OAuth 2, a certificate."""

from typing import Literal

from pydantic import Field, model_validator

from provisioning.core.model import Model


class Authentication(Model):
    """What is sent with each call, made of the service's `secret`.

    bearer: the secret is the token. basic (RFC 7617): it is {user, password} as JSON. oauth2 (client credentials, RFC
    6749 4.4): it is {client_id, client_secret} as JSON, and the token is asked for where `token_endpoint` says.
    """

    kind: Literal["bearer", "basic", "oauth2"] = "bearer"
    token_endpoint: str | None = Field(default=None, max_length=2048, description="URL that gives tokens, for oauth2")
    scope: str | None = Field(default=None, max_length=1000, description="what the token is to be good for")
    audience: str | None = Field(default=None, max_length=1000, description="for whom, where the endpoint asks for it")
    client: Literal["header", "body"] = Field(
        default="header", description="where the endpoint is told who we are; body only if it does not take a header"
    )

    @model_validator(mode="after")
    def _endpoint_for_tokens(self) -> "Authentication":
        if (self.kind == "oauth2") != (self.token_endpoint is not None):
            raise ValueError("`token_endpoint` goes with `kind: oauth2`, and only with it")
        if self.kind != "oauth2" and (self.scope is not None or self.audience is not None):
            raise ValueError("`scope` and `audience` are for `kind: oauth2`")
        return self

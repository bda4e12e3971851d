"""By what an operator lets records of several sources be recognized as one person's."""

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from provisioning.core.model import Model

STRONGEST: Final = 1
WEAKEST: Final = 9
_Source = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}[a-z0-9]$")]
_Attribute = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]

Normalizer = Literal["none", "trim", "lower", "email", "digits", "orcid"]


class Matcher(Model):
    """An attribute whose value says who it is: two records with one value are one person's.

    It is strong between every two of its sources, and nobody else. A stronger tier that says otherwise overrules it.
    """

    id: _Source
    attribute: _Attribute = Field(description="of the person; a string or list(string)")
    normalize: tuple[Normalizer, ...] = Field(
        default=(), max_length=6, description="what is done with a value before it is compared, in this order"
    )
    between: tuple[_Source, ...] = Field(
        min_length=2, max_length=50, description="the sources that are believed about it; each two of them match"
    )
    tier: int = Field(default=STRONGEST, ge=STRONGEST, le=WEAKEST, description="1 is the strongest")
    agree: tuple[_Attribute, ...] = Field(
        default=(), max_length=20, description="attributes that must be equal where both records state them"
    )
    because: Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class Reassigned(Model):
    """When a key of a source was given to another person.

    A record that is new under a known key, and states one of these attributes otherwise than the stored one does, is
    another person's. An attribute that one of the two does not state says nothing.
    """

    when: tuple[_Attribute, ...] = Field(
        min_length=1, max_length=20, description="attributes that never change for one person, such as a birth date"
    )

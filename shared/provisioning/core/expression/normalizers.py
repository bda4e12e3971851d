r"""Functions that bring what people typed into one form. They are ours, not CEL's.

| function | gives | example |
|---|---|---|
| `x.nfc()` | Unicode NFC: an accented letter is one character | `"e\u0301".nfc() == "é"` |
| `x.ascii()` | ASCII letters for those of any script | `"Ørsted Łódź".ascii() == "Orsted Lodz"` |
| `x.phone("NL")` | E.164 | `"020 525 9111".phone("NL") == "+31205259111"` |
| `x.lower()` | lower case in every script | `"ÅSE".lower() == "åse"` |
| `x.upper()` | upper case in every script | `"straße".upper() == "STRASSE"` |
| `x.capitalized()` | every word with one capital | `"O'BRIEN-ÅS".capitalized() == "O'Brien-Ås"` |

The region of `phone` (ISO 3166) is for numbers without `+`. What has no letters in ASCII, `ascii` leaves out. User
names are `(person.given_name.ascii() + "." + person.family_name.ascii()).lower().replace(" ", "")`.

The libraries are imported by whoever needs them first: importing the evaluator stays cheap.
"""

from typing import Final

from provisioning.core.expression.errors import EvaluationError
from provisioning.core.expression.texts import fits

MOST_ASCII: Final = 42  # characters that stand for one character
MOST_FOLDED: Final = 3  # characters that one becomes in another case, or composed


def nfc(text: str) -> str:
    """Unicode normalization form C."""
    from unicodedata import normalize

    made = normalize("NFC", text)
    fits(len(made))
    return made


def to_ascii(text: str) -> str:
    """ASCII for text of any script, letter by letter and without regard to language."""
    if text.isascii():
        return text
    from anyascii import anyascii

    made = anyascii(text)
    fits(len(made))
    return made


def phone(text: str, region: str) -> str:
    """A telephone number as E.164 has it. Raises EvaluationError if it is no number that could be called."""
    import phonenumbers  # takes most of 0.1 s, once

    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise EvaluationError("no region of two capital letters, such as NL, that has telephone numbers")
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise EvaluationError("the text is no telephone number") from None
    if not phonenumbers.is_valid_number(number):
        raise EvaluationError("nobody can have this telephone number")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def lower(text: str) -> str:
    """Lower case."""
    made = text.lower()
    fits(len(made))
    return made


def upper(text: str) -> str:
    """Upper case."""
    made = text.upper()
    fits(len(made))
    return made


def capitalized(text: str) -> str:
    """Each run of letters with a capital first, the rest in lower case."""
    made = text.title()
    fits(len(made))
    return made

"""Normalizers: what people typed, in one form."""

import subprocess
import sys
import unicodedata
from collections.abc import Callable

import pytest
from anyascii import anyascii
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.expression import EvaluationError, ExpressionError
from provisioning.core.expression.normalizers import (
    MOST_ASCII,
    MOST_FOLDED,
    capitalized,
    lower,
    nfc,
    phone,
    to_ascii,
    upper,
)
from provisioning.core.expression.texts import MOST_TEXT
from tests.core.expression.samples import value


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (r'"e\u0301".nfc() == "\u00e9"', True),
        ('"Ørsted Łódź".ascii()', "Orsted Lodz"),
        ('"Ζωή 李小龍 Дмитрий".ascii()', "Zoi LiXiaoLong Dmitriy"),
        ('"plain".ascii()', "plain"),
        ('"020 525 9111".phone("NL")', "+31205259111"),
        ('"+31 (0)20-525 91 11".phone("DE")', "+31205259111"),
        ('"ÅSE".lower()', "åse"),
        ('"ÅSE".lowerAscii()', "Åse"),
        ('"straße".upper()', "STRASSE"),
        ('"O\'BRIEN-ÅS van".capitalized()', "O'Brien-Ås Van"),
        ('("Ægir".ascii() + "." + "Þór".ascii()).lower()', "aegir.thor"),
    ],
)
def test_what_they_give(text: str, result: object) -> None:
    assert value(text) == result


@pytest.mark.parametrize("text", ['"x".phone("NL")', '"1".phone("NL")', '"020 525 9111".phone("Q")', '"".phone("NL")'])
def test_what_is_no_telephone_number_has_no_value_and_no_word_of_it_is_told(text: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        value(text)
    assert "525" not in str(caught.value)


@pytest.mark.parametrize("text", ["1.lower()", '"x".phone()', '"x".phone(31)', '["x"].ascii()', "person.name.asci()"])
def test_what_does_not_fit_is_refused_when_it_is_checked(text: str) -> None:
    with pytest.raises(ExpressionError):
        value(text)


@given(st.text())
def test_one_form_is_the_same_form_again(text: str) -> None:
    assert nfc(nfc(text)) == nfc(text) == unicodedata.normalize("NFC", text)
    assert lower(lower(text)) == lower(text)
    assert to_ascii(text).isascii()


def test_no_character_becomes_more_than_costs_are_counted_for() -> None:
    every = [chr(code) for code in range(sys.maxunicode + 1)]
    assert max(len(anyascii(one)) for one in every) == MOST_ASCII
    for function in (nfc, lower, upper, capitalized):
        assert max(len(function(one)) for one in every) <= MOST_FOLDED


@pytest.mark.parametrize(("function", "character"), [(to_ascii, "\U0001faf0"), (upper, "ΐ"), (lower, "İ")])
def test_no_text_grows_without_end(function: Callable[[str], str], character: str) -> None:
    with pytest.raises(EvaluationError, match="characters"):
        function(character * MOST_TEXT)


@pytest.mark.parametrize("text", ["+" + "1" * 100_000, "1" * 100_000, "٣" * 100_000, "1-" * 50_000])
def test_a_long_text_is_no_telephone_number(text: str) -> None:
    with pytest.raises(EvaluationError):
        phone(text, "NL")


def test_texts_that_grow_in_loops_are_refused_when_they_are_checked() -> None:
    with pytest.raises(ExpressionError, match="steps"):
        value("person.roles.map(r, person.roles.map(s, (person.name + s).ascii()))")


def test_the_evaluator_does_not_import_the_libraries() -> None:
    code = "import sys, provisioning.core.expression; print({'anyascii', 'phonenumbers'} & sys.modules.keys())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  ours
    assert found.stdout.strip() == "set()"

"""Where messages go, and what a service may say of them."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from provisioning.core.errors import InvalidError
from provisioning.core.queue_options import Place, Queue, read_place

SQS = "https://sqs.eu-west-1.amazonaws.com/111122223333/badges"


@pytest.mark.parametrize(
    ("endpoint", "place"),
    [
        (SQS, Place("sqs", "eu-west-1", "111122223333", "badges", url=SQS)),
        ("arn:aws:sqs:eu-west-1:111122223333:badges", Place("sqs", "eu-west-1", "111122223333", "badges", url=SQS)),
        (
            "arn:aws-cn:sqs:cn-north-1:111122223333:a_b-c.fifo",
            Place(
                "sqs", "cn-north-1", "111122223333", "a_b-c.fifo",
                url="https://sqs.cn-north-1.amazonaws.com.cn/111122223333/a_b-c.fifo",
            ),
        ),
        (
            "arn:aws-us-gov:sns:us-gov-west-1:111122223333:badges.fifo",
            Place(
                "sns", "us-gov-west-1", "111122223333", "badges.fifo",
                arn="arn:aws-us-gov:sns:us-gov-west-1:111122223333:badges.fifo",
            ),
        ),
        ("http://127.0.0.1:4566/000000000000/q", Place("sqs", None, "000000000000", "q", url="http://127.0.0.1:4566/000000000000/q")),
    ],
)  # fmt: skip
def test_an_endpoint_names_its_kind_its_region_and_its_account(endpoint: str, place: Place) -> None:
    assert read_place(endpoint) == place
    assert place.fifo == endpoint.endswith(".fifo")


@pytest.mark.parametrize(
    "endpoint",
    [
        "", "badges", "https://sqs.eu-west-1.amazonaws.com/", "https://sqs.eu-west-1.amazonaws.com/111122223333",
        "ftp://host/1/q", "arn:aws:s3:::bucket", "arn:aws:sqs:eu-west-1:1111:badges", "http://[::1/1/q",
        "arn:aws:sns:eu-west-1:111122223333:badges:subscription", "arn:aws:sqs:eu-west-1:111122223333:a b",
        "arn:aws:sqs:eu-west-1:111122223333:*",
    ],
)  # fmt: skip
def test_what_is_neither_a_queue_nor_a_topic_is_refused_with_what_would_be_right(endpoint: str) -> None:
    with pytest.raises(InvalidError, match="ARN of an SNS topic"):
        read_place(endpoint)


@given(st.text())
def test_any_text_is_a_place_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidError):
        assert read_place(text).name


@pytest.mark.parametrize(
    "options",
    [
        {"confirm": "PT59S"}, {"confirm": "P1DT1S"}, {"reference": "PT10S"}, {"reference": "PT13H"}, {"account": "123"},
        {"largest": 1023}, {"largest": 1_048_577}, {"sends": 0}, {"payload": "half"}, {"colour": "red"},
    ],
)  # fmt: skip
def test_options_out_of_bounds_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Queue.model_validate(options)

"""Events as Lambda hands them to functions."""

from typing import Any

from tests.contracts.boxes import Taken

ACCOUNT = "123456789012"


def record(body: str, message: str = "m1", queue: str = "campus-changes-registry", receives: int = 1) -> dict[str, Any]:
    """One record of an SQS event, with everything that AWS puts into it."""
    return {
        "messageId": message,
        "receiptHandle": f"receipt-{message}",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": str(receives),
            "SentTimestamp": "1800000000000",
            "SenderId": ACCOUNT,
            "ApproximateFirstReceiveTimestamp": "1800000000010",
        },
        "messageAttributes": {},
        "md5OfBody": "0" * 32,
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{queue}",
        "awsRegion": "eu-west-1",
    }


def batch(*records: dict[str, Any]) -> dict[str, Any]:
    """An SQS event."""
    return {"Records": list(records)}


def handed(queue: str, *taken: Taken) -> dict[str, Any]:
    """An event of what was received from a queue."""
    return batch(*(record(item.body, f"{queue}-{n}", queue, item.receives) for n, item in enumerate(taken)))

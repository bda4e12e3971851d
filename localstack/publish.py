"""`python -m localstack.publish FILE` publishes a file's text to the registry's topic, as an IDMS would.

The environment names the topic and the endpoint: `source build/campus.env` while `make run` is up.
"""

import asyncio
import os
import sys
from pathlib import Path

from localstack.clients import open_clients


async def publish(endpoint: str, topic: str, body: str) -> str:
    """Publish one message; returns its id."""
    async with open_clients(endpoint) as clients:
        return (await clients.sns.publish(TopicArn=topic, Message=body))["MessageId"]


def main(arguments: list[str]) -> int:
    """Publish; 2 if the arguments or the environment are wrong."""
    endpoint, topic = os.environ.get("AWS_ENDPOINT_URL"), os.environ.get("TOPIC")
    if len(arguments) != 1 or not endpoint or not topic:
        sys.stderr.write("usage: source build/campus.env && python -m localstack.publish FILE\n")
        return 2
    body = Path(arguments[0]).read_text(encoding="utf-8")
    sys.stdout.write(asyncio.run(publish(endpoint, topic, body)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

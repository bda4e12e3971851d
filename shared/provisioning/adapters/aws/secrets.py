"""Secrets by name, from Secrets Manager. Whoever uses them keeps them until they are refused."""

from collections import Counter

from provisioning.adapters.aws.clients import Clients, asking
from provisioning.core.errors import TransientError


class StoredSecrets:
    """Reads secrets; keeps none."""

    def __init__(self, clients: Clients) -> None:
        self.requests: Counter[str] = Counter()
        self._clients = clients

    async def read(self, name: str) -> str:
        """The secret's text. Raises TransientError if there is none: its operator can still supply it."""
        client = await self._clients.secretsmanager()
        self.requests["GetSecretValue"] += 1
        with asking(f"secret {name!r}"):
            answer = await client.get_secret_value(SecretId=name)
        if "SecretString" not in answer:
            raise TransientError(f"secret {name!r} holds no text")
        return answer["SecretString"]

"""The template under construction: typed pieces of CloudFormation, in the order in which they were added."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from provisioning.core.errors import InvalidError

Value = Any  # JSON with intrinsic functions
Properties = Mapping[str, Value]

NO_VALUE: Final[Value] = {"Ref": "AWS::NoValue"}


def ref(logical: str) -> Value:
    """What a resource or parameter calls itself: a queue its URL, a topic its ARN, a table its name."""
    return {"Ref": logical}


def arn(logical: str) -> Value:
    """The ARN of a resource."""
    return {"Fn::GetAtt": [logical, "Arn"]}


def sub(text: str, **values: Value) -> Value:
    """Text with `${Name}` in it."""
    return {"Fn::Sub": [text, values] if values else text}


def when(condition: str, value: Value, otherwise: Value = NO_VALUE) -> Value:
    """A value that depends on a condition of the template."""
    return {"Fn::If": [condition, value, otherwise]}


@dataclass
class Stack:
    """Parameters, conditions, resources and outputs; rendered by `template`."""

    parameters: dict[str, Properties] = field(default_factory=dict)
    conditions: dict[str, Value] = field(default_factory=dict)
    resources: dict[str, Value] = field(default_factory=dict)
    outputs: dict[str, Value] = field(default_factory=dict)

    def add(self, logical: str, kind: str, properties: Properties, **attributes: Value) -> str:
        """Add a resource and return its logical id. Raises InvalidError if two ids of the bundle make the same one."""
        if logical in self.resources:
            raise InvalidError(f"two resources are called {logical}", right="ids that differ in more than their dashes")
        self.resources[logical] = {"Type": kind, **attributes, "Properties": dict(properties)}
        return logical

    def output(self, name: str, description: str, value: Value) -> None:
        """Add an output."""
        self.outputs[name] = {"Description": description, "Value": value}


def statement(actions: Sequence[str], resources: Value, conditions: Value = None) -> Value:
    """A statement of a role's policy that allows actions on resources."""
    allowed = {"Effect": "Allow", "Action": list(actions), "Resource": resources}
    return {**allowed, "Condition": conditions} if conditions else allowed


def only_tls(actions: str, resources: Value) -> Value:
    """A statement of a resource's own policy: nobody without TLS."""
    return {
        "Sid": "OnlyTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": actions,
        "Resource": resources,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def document(*statements: Value) -> Value:
    """A policy."""
    return {"Version": "2012-10-17", "Statement": list(statements)}

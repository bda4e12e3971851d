"""The sample campus, and its template."""

from typing import Any

import pytest

from infra.template import render
from localstack.setup import CAMPUS
from provisioning.command.bundle import load_bundle
from provisioning.core.catalog import Bundle

Template = dict[str, Any]


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    return load_bundle(CAMPUS)


@pytest.fixture(scope="session")
def template(bundle: Bundle) -> Template:
    return render(bundle)


def of_type(template: Template, kind: str) -> dict[str, Any]:
    """Properties of all resources of a type, by logical id."""
    resources = template["Resources"].items()
    return {name: resource["Properties"] for name, resource in resources if resource["Type"] == kind}

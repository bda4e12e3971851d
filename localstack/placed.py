"""The bundle as it is in force on the local stack, as a folder: to edit a rule of it, and publish it again."""

import shutil
from pathlib import Path

import yaml

from provisioning.core.catalog import Bundle, Model


def write_folder(bundle: Bundle, folder: Path) -> None:
    """Write a bundle in the layout that `provision` reads. What is there already is replaced."""
    shutil.rmtree(folder, ignore_errors=True)
    _write(folder / "tenant.yaml", _plain(bundle.tenant))
    for source in bundle.sources:
        _write(folder / "sources" / f"{source.id}.yaml", _plain(source))
    for service in bundle.services:
        _write(folder / "services" / f"{service.id}.yaml", _plain(service))
    _write(folder / "rules" / "rules.yaml", [_plain(rule) for rule in bundle.rules])
    if bundle.exclusions:
        _write(folder / "exclusions" / "exclusions.yaml", [_plain(exclusion) for exclusion in bundle.exclusions])
    for subscriber in bundle.subscribers:
        _write(folder / "subscribers" / f"{subscriber.id}.yaml", _plain(subscriber))


def _plain(model: Model) -> dict[str, object]:
    return model.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _write(file: Path, value: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")

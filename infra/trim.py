"""What a bundle does not need of the packages that it installs. A smaller bundle is a faster cold start."""

import shutil
from pathlib import Path
from typing import Final

# The services that the engine calls; their descriptions are most of the SDK's bytes.
SERVICES: Final = frozenset({"dynamodb", "s3", "secretsmanager", "sns", "sqs", "sts"})
_FOLDERS: Final = frozenset({"tests", "examples", "__pycache__", "bin"})
_SUFFIXES: Final = frozenset({".pyi", ".pyx", ".pxd", ".c", ".h", ".typed", ".pyc"})
# Of a package's own papers, its version and licences stay.
_PAPERS: Final = frozenset({"RECORD", "INSTALLER", "REQUESTED", "WHEEL", "direct_url.json", "top_level.txt"})


def trim(folder: Path) -> None:
    """Remove from a folder of installed packages what no function reads."""
    for data in (folder / "botocore" / "data", folder / "boto3" / "data"):
        for service in data.iterdir():
            if service.is_dir() and service.name not in SERVICES:
                shutil.rmtree(service)
    for path in sorted(folder.rglob("*"), reverse=True):
        papers = path.parent.suffix == ".dist-info" and path.name in _PAPERS
        if path.is_dir():
            if path.name in _FOLDERS:
                shutil.rmtree(path)
        elif papers or path.suffix in _SUFFIXES:
            path.unlink()

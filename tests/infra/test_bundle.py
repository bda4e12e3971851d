"""The zip of the functions: equal inputs make equal bytes, and nothing is in it that no function reads."""

import tomllib
import zipfile
from pathlib import Path

from infra import trim
from infra.bundle import EXTRAS, ROOT, extras_of, sources, write_zip
from provisioning.core.catalog import Bundle, Service, Source


def write(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name, encoding="utf-8")


def test_equal_files_make_equal_bytes_whenever_they_were_written(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    write(first, "b.py", "a/c.py")
    write(second, "a/c.py", "b.py")
    (second / "b.py").touch()
    write_zip(tmp_path / "1.zip", [first])
    write_zip(tmp_path / "2.zip", [second])
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "1.zip") as archive:
        assert archive.namelist() == ["a/c.py", "b.py"]


def test_the_engine_is_in_it_and_the_command_line_is_not() -> None:
    names = {name for name, _ in sources()}
    assert {"functions/receive.py", "functions/deliver.py", "provisioning/core/policy.py"} <= names
    assert not any(name.startswith(("provisioning/command", "tests", "localstack", "infra")) for name in names)


def test_only_the_services_that_are_called_are_described(tmp_path: Path) -> None:
    kept = ("botocore/data/endpoints.json", "botocore/data/sqs/2012/service-2.json.gz", "boto3/data/sqs/r.json")
    gone = ("botocore/data/ec2/2016/service-2.json.gz", "boto3/data/ec2/r.json")
    write(tmp_path, *kept, *gone)
    trim.trim(tmp_path)
    assert {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()} == set(kept)


def test_code_licences_and_versions_stay_and_tests_stubs_and_records_go(tmp_path: Path) -> None:
    (tmp_path / "botocore" / "data").mkdir(parents=True)
    (tmp_path / "boto3" / "data").mkdir(parents=True)
    kept = ("a/__init__.py", "a/speed.so", "a-1.dist-info/METADATA", "a-1.dist-info/licenses/LICENSE", "a/docs/x.py")
    gone = ("a/py.typed", "a/x.pyi", "a/tests/test_a.py", "a-1.dist-info/RECORD", "a/__pycache__/x.pyc")
    write(tmp_path, *kept, *gone)
    trim.trim(tmp_path)
    assert {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()} == set(kept)


def test_only_tenants_that_need_a_library_carry_it(bundle: Bundle) -> None:
    def extras(**fields: object) -> frozenset[str]:
        service = bundle.services[0].model_dump(by_alias=True) | {"protocol": "ldap"} | fields
        return extras_of(bundle.model_copy(update={"services": (Service.model_validate(service),)}))

    assert extras(protocol="scim") == frozenset()
    assert extras(ldap={"base": "dc=x"}) == {"ldap"}
    assert extras(protocol="extract", extract={"format": "parquet"}) == {"parquet"}
    assert extras(protocol="extract", extract={"format": "csv"}) == frozenset()
    polled = Source.model_validate(
        {"id": "hr", "record": {}, "poll": {"sql": {"secret": "database", "select": "people", "key": "id"}}}
    )
    assert extras_of(bundle.model_copy(update={"sources": (polled,)})) == {"sql"}
    directory = {"urls": ["ldaps://directory.example"], "base": "dc=x"}
    polled = Source.model_validate({"id": "hr", "record": {}, "poll": {"ldap": directory}})
    assert extras_of(bundle.model_copy(update={"sources": (polled,)})) == {"ldap"}
    signed = {"issuer": "i", "audience": ["a"], "secret": "s"}
    tokens = Source.model_validate({"id": "hr", "format": "scim-events", "record": {}, "signed": signed})
    assert extras_of(bundle.model_copy(update={"sources": (tokens,)})) == {"signed"}
    known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert known.keys() - {"command"} == EXTRAS, "an extra of the functions that is not carried when all are"

"""`provision`: check a bundle, publish it, explain a person, show the state of the services."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from provisioning.command import cases, schemas, show
from provisioning.command.bundle import check_folder, load_cases
from provisioning.command.erase import erase
from provisioning.command.events import events
from provisioning.command.explained import print_explanation
from provisioning.command.explained_json import words
from provisioning.command.extract import extracts
from provisioning.command.held import held, release, withdraw
from provisioning.command.history import history
from provisioning.command.match import match
from provisioning.command.new import new
from provisioning.command.now import now as now_command
from provisioning.command.options import Json, Stack
from provisioning.command.options import print_json as _print_json
from provisioning.command.password import password
from provisioning.command.preview import preview
from provisioning.command.reconcile import reconcile
from provisioning.command.records import records
from provisioning.command.source import sources
from provisioning.core.account import Account
from provisioning.core.errors import InvalidError, ProvisioningError
from provisioning.core.explanation import explain as explain_identity
from provisioning.core.period import Instant, parse_start
from provisioning.core.publication import BundleError
from provisioning.core.trial import try_case
from provisioning.core.trust_check import untold
from provisioning.runtime.entry import clock, run

application = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
application.add_typer(extracts, name="extract")
application.add_typer(sources, name="source")
application.add_typer(new, name="new")
application.command()(records)
application.command()(history)
application.command()(events)
application.command()(reconcile)
application.command()(password)
application.command()(match)
application.command()(erase)
application.command()(held)
application.command()(release)
application.command()(withdraw)
application.command("now")(now_command)
BundlePath = Annotated[Path, typer.Argument(help="Folder of the bundle.", exists=True, file_okay=False)]


@application.command()
def check(bundle: BundlePath, as_json: Json = False) -> None:
    """Check a bundle and run its cases: every error with its file, line, column, and what would be right."""
    try:
        folder, policy = check_folder(bundle)
        verdicts = [try_case(policy, case) for case in load_cases(folder, policy)]
    except BundleError as error:
        if as_json:
            _print_json({"ok": False, "problems": [show.problem(problem) for problem in error.problems]})
        else:
            show.problems(Console(stderr=True), error.problems)
        raise typer.Exit(1) from error
    failed = [verdict for verdict in verdicts if verdict.differences]
    notes = [folder.locate(note) for note in untold(policy)]
    if as_json:
        counts = {"sources": len(policy.sources), "services": len(policy.services), "rules": len(folder.bundle.rules)}
        told = [cases.words(folder, policy.zone, verdict) for verdict in failed]
        words = {"cases": len(verdicts), "failed": told, "notes": [show.problem(note) for note in notes]}
        _print_json({"ok": not failed, "hash": folder.hash, **counts, **words})
    elif failed:
        cases.differences(Console(stderr=True), folder, policy.zone, failed)
    else:
        counted = f"{len(policy.services)} services, {len(folder.bundle.rules)} rules, {len(verdicts)} cases"
        show.problems(Console(), notes)
        Console().print(f"{bundle}: {counted}, no errors")
    if failed:
        raise typer.Exit(1)


@application.command()
def explain(
    person: Annotated[str, typer.Argument(help="SOURCE/KEY, an identity's id, or with --bundle a record's file.")],
    service: Annotated[str | None, typer.Argument(help="One service; without it all.")] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Preview: this bundle and a record's file, nothing stored.")
    ] = None,
    at: Annotated[str, typer.Option(help="Another instant: a day such as 2026-09-01, or 2026-09-01T08:00:00Z.")] = "",
    stack: Stack = "",
    as_json: Json = False,
) -> None:
    """Explain who has which service, until when, with which authorizations, and because of what."""
    now = clock()
    if bundle is not None:
        policy, identity = preview(bundle, Path(person), now)
        accounts: Mapping[str, Account] = {}
    else:
        from provisioning.command.deployed import person_of

        policy, identity, accounts = run(person_of(stack, person))
    if service is not None and service not in policy.services:
        raise InvalidError(f"there is no service {service!r}", right=f"one of {', '.join(policy.services)}")
    instant = instant_of(at, policy.zone) if at else now
    explanation = explain_identity(policy, identity, accounts, now, service, instant)
    if as_json:
        _print_json(words(explanation))
    else:
        print_explanation(Console(), explanation, policy.zone, failed=service is not None)


@application.command()
def status(
    domain: Annotated[str, typer.Option(help="Only what concerns the sources of one domain.")] = "",
    stack: Stack = "",
    as_json: Json = False,
) -> None:
    """Show accounts by service, phase and condition, what is parked, and what was rejected."""
    from provisioning.command.deployed import state_of

    state = run(state_of(stack, domain))
    if as_json:
        _print_json(state)
    else:
        show.status(Console(), state)


@application.command()
def pause(
    service: Annotated[str, typer.Argument(help="The service that nobody calls any more.")],
    because: Annotated[str, typer.Option(help="Why, for those who read `status`.")] = "paused by an operator",
    stack: Stack = "",
) -> None:
    """Stop all calls to one service. Nothing is lost: decisions go on, and `resume` delivers what they led to."""
    from provisioning.command.deployed import pause_service

    run(pause_service(stack, service, because or "paused by an operator"))
    Console().print(f"{service} is paused: {because}", markup=False, highlight=False)


@application.command()
def resume(service: Annotated[str, typer.Argument(help="The service to be called again.")], stack: Stack = "") -> None:
    """Call a paused service again, and ring everyone for it."""
    from provisioning.command.deployed import resume_service

    run(resume_service(stack, service))
    Console().print(f"{service} is resumed; everyone is being rung", markup=False, highlight=False)


@application.command()
def plan(bundle: BundlePath, stack: Stack = "", as_json: Json = False) -> None:
    """Compare a draft with the bundle in force, over everyone: what would be created, changed, suspended, removed."""
    from provisioning.command.deployed import plan_folder
    from provisioning.command.plan import print_plan
    from provisioning.command.plan import words as plan_words

    folder, draft = check_folder(bundle)
    total = run(plan_folder(stack, folder, draft))
    if as_json:
        _print_json(plan_words(total))
    else:
        print_plan(Console(), total)


@application.command()
def publish(bundle: BundlePath, stack: Stack = "", as_json: Json = False) -> None:
    """Check a bundle, put it in force, and start the campaign that applies it to everyone."""
    from provisioning.command.deployed import publish_folder

    folder, _ = check_folder(bundle)
    published = run(publish_folder(stack, folder))
    if as_json:
        _print_json({"hash": published.hash, "sequence": published.sequence})
    else:
        Console().print(f"bundle {published.hash} is in force as number {published.sequence}; everyone is being rung")


@application.command()
def probe(
    service: Annotated[str, typer.Argument(help="The service whose SP is asked.")],
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of a bundle with the service; without it the bundle in force.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File for the findings; without it SERVICE.probe.yaml here.")] = None,
    secret_env: Annotated[str, typer.Option(help="Variable of the environment that holds the credential.")] = "",
    secret_file: Annotated[Path | None, typer.Option(help="File that holds the credential.")] = None,
    stack: Stack = "",
    as_json: Json = False,
) -> None:
    """Ask an SP what it supports, changing nothing there, and write the findings and settings for review."""
    from provisioning.command import probed
    from provisioning.command.probe import Credential, drafted, find_out, in_force

    held = drafted(bundle, service) if bundle is not None else run(in_force(stack, service))
    findings = run(find_out(held, Credential(secret_env, secret_file)))
    file = out or Path(f"{held.id}.probe.yaml")
    probed.write(file, probed.report(held, findings), bundle)
    if as_json:
        _print_json(probed.words(held, findings))
    else:
        probed.print_findings(Console(), held, findings)
        Console().print(f"{file}: for review; nothing of it is in force", markup=False, highlight=False, soft_wrap=True)


def instant_of(text: str, zone: ZoneInfo) -> Instant:
    """An instant as somebody types it. Raises InvalidError."""
    try:
        return parse_start(text, zone)[0]
    except InvalidError as error:
        raise InvalidError(error.problem, "--at", right=error.right) from error


@application.command(name="schemas")
def write_schemas(bundle: BundlePath) -> None:
    """Write the JSON Schemas of a bundle's files into its folder, for editors that complete and check."""
    written = schemas.write(bundle / schemas.FOLDER)
    Console().print(f"{bundle / schemas.FOLDER}: {', '.join(file.name for file in written)}", soft_wrap=True)
    Console().print(
        f"The first line of a file of rules: # yaml-language-server: $schema=../{schemas.FOLDER}/rules.json",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip


def main() -> None:
    """The program: errors of ours are one line each and exit status 1."""
    try:
        application()
    except BundleError as error:
        show.problems(Console(stderr=True), error.problems)
        raise SystemExit(1) from error
    except ProvisioningError as error:
        Console(stderr=True).print(f"provision: {error}", markup=False, highlight=False)
        raise SystemExit(1) from error

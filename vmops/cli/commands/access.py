"""The commands that log in to a VM: ssh, exec, cp, ssh-config."""

from typing import Annotated

import typer

from vmops.cli.commands.runner import OptionalRunner, Runner, other_command
from vmops.cli.commands.vm import Json, Name, Names, Pairs, app, examples, session

Timeout = Annotated[
    str | None, typer.Option("--timeout", metavar="S", help="End the command after this time: seconds, or with a unit.")
]
Recursive = Annotated[bool, typer.Option("-r", metavar="", help="Copy directories with their contents.")]
Install = Annotated[bool, typer.Option("--install", metavar="", help="Include it in ~/.ssh/config.")]
Uninstall = Annotated[bool, typer.Option("--uninstall", metavar="", help="Remove it from ~/.ssh/config.")]


@app.command(cls=OptionalRunner, epilog=examples("ssh exp1", "ssh exp1 -- tail -f /var/log/syslog"))
def ssh(context: typer.Context, name: Name = None, pairs: Pairs = None) -> None:
    """Log in to a VM by OpenSSH; words after -- are a command that runs there, as with ssh.

    It waits for the VM's SSH to answer, at most pollTimeout seconds. The exit code is ssh's.
    """
    from vmops.cli import access

    access.ssh(session(name, None, pairs, False), other_command(context))


@app.command(
    "exec",
    cls=Runner,
    epilog=examples(
        "exec exp1 -- nproc", "exec exp1 --timeout 10m --json -- ./benchmark.sh", "exec exp1 -- sh < it.sh"
    ),
)
def execute(
    context: typer.Context,
    name: Name = None,
    pairs: Pairs = None,
    timeout: Timeout = None,
    as_json: Json = False,
) -> None:
    """Run a command in a VM with this call's stdin, each word unchanged, and exit with its code.

    The exit code is 125 if the VM could not be reached, and 124 after a timeout, which ends the command and its whole
    session. It is 128 plus the signal if a signal ended the command.
    """
    from vmops.cli import access

    command = other_command(context)
    if not command:
        raise typer.BadParameter("it is needed, after --", param_hint="COMMAND")
    access.run(session(name, None, pairs, as_json), command, _seconds(timeout))


@app.command(epilog=examples("cp ./benchmark.sh exp1:", "cp -r exp1:results .", "cp a b exp1:/tmp"))
def cp(
    paths: Annotated[list[str], typer.Argument(metavar="SRC... DST", help="Paths; those in a VM are NAME:PATH.")],
    recursive: Recursive = False,
    pairs: Pairs = None,
) -> None:
    """Copy files into a VM, or out of it, by scp, and exit with its code; 125 if the VM could not be reached."""
    from vmops.cli import access

    if len(paths) < 2:
        raise typer.BadParameter("it is needed", param_hint="DST")
    access.copy(paths[:-1], paths[-1], pairs or [], recursive=recursive)


@app.command("ssh-config", epilog=examples("ssh-config", "ssh-config exp1 --json", "ssh-config --install"))
def ssh_config(
    names: Names = None,
    pairs: Pairs = None,
    as_json: Json = False,
    install: Install = False,
    uninstall: Uninstall = False,
) -> None:
    """Show OpenSSH's configuration for your VMs; once installed, ssh, scp, rsync, ansible and VS Code use it."""
    from vmops.cli import access
    from vmops.cli.several import sessions

    if install and uninstall:
        raise typer.BadParameter("--install and --uninstall exclude each other", param_hint="--install")
    access.config(sessions(names, None, pairs, as_json=as_json), install=install, uninstall=uninstall)


def _seconds(timeout: str | None) -> float | None:
    from vmops.core import durations
    from vmops.core.errors import SpecError

    try:
        return None if timeout is None else durations.positive_seconds(timeout)
    except ValueError as error:
        raise SpecError(f"--timeout: {error}") from None

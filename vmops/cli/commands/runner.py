"""A command line in which another one follows."""

from typing import Any

from typer.core import TyperCommand

_OTHER = "vmops.command"


class Runner(TyperCommand):
    """A command whose own arguments end with ``--``; what follows is another command."""

    follows = "-- COMMAND..."

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Set the other command apart."""
        end = args.index("--") if "--" in args else len(args)
        ctx.meta[_OTHER] = args[end + 1 :]
        return super().parse_args(ctx, args[:end])

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Show where the other command goes."""
        return [*super().collect_usage_pieces(ctx), self.follows]


class PerhapsRunner(Runner):
    """One that does something without another command, too."""

    follows = "[-- COMMAND...]"


def other_command(context: Any) -> list[str]:
    """Give the words of the command that follows; none if there is none."""
    words: list[str] = context.meta[_OTHER]
    return words

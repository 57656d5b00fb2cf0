"""A command line that contains another command after ``--``."""

from typing import Any

from typer.core import TyperCommand

_OTHER = "vmops.command"


class Runner(TyperCommand):
    """A command whose own arguments end with ``--``, which another command follows."""

    follows = "-- COMMAND..."

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Separate the other command."""
        end = args.index("--") if "--" in args else len(args)
        ctx.meta[_OTHER] = args[end + 1 :]
        return super().parse_args(ctx, args[:end])

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Show the place of the other command in the usage line."""
        return [*super().collect_usage_pieces(ctx), self.follows]


class OptionalRunner(Runner):
    """A runner whose other command is optional."""

    follows = "[-- COMMAND...]"


def other_command(context: Any) -> list[str]:
    """Give the words of the other command; none if there is none."""
    words: list[str] = context.meta[_OTHER]
    return words

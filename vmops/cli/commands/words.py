"""The words of other tools for our verbs: understood where nothing can be lost by it, else only explained."""

from typing import Any

from typer.core import TyperGroup

_SAME = {"ls": "list", "create": "provision", "up": "provision"}
_MEANT = dict.fromkeys(("rm", "delete", "down", "destroy", "remove"), "deprovision")
"""Nobody guesses a removal."""


class Words(TyperGroup):
    """Commands that some other tool's word finds, too."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Give the command of that name, or of the one that is meant."""
        return super().get_command(ctx, _SAME.get(cmd_name, cmd_name))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command of a call; a word for a removal is refused with the verb that is meant."""
        if args and args[0] in _MEANT:
            ctx.fail(f"No such command '{args[0]}'. Did you mean '{_MEANT[args[0]]}'?")
        return super().resolve_command(ctx, args)

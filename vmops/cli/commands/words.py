"""Other tools' names for our verbs: accepted where nothing can be lost, else only explained."""

from typing import Any

from typer.core import TyperGroup

_SAME = {"ls": "list", "create": "provision", "up": "provision"}
_MEANT = dict.fromkeys(("rm", "delete", "down", "destroy", "remove"), "deprovision")
"""Never accepted: nobody should delete by a guess."""


class Words(TyperGroup):
    """Commands that are also found by other tools' names."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Give the command with that name, or the one that is meant by it."""
        return super().get_command(ctx, _SAME.get(cmd_name, cmd_name))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command of a call; another tool's name for a removal is refused, naming our verb."""
        if args and args[0] in _MEANT:
            ctx.fail(f"No such command '{args[0]}'. Did you mean '{_MEANT[args[0]]}'?")
        return super().resolve_command(ctx, args)

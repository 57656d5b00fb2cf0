"""Aliases: other tools' names for our verbs. They are accepted if nothing can be lost, else refused with our name."""

from typing import Any

from typer.core import TyperGroup

_SAME = {"ls": "list", "create": "provision", "up": "provision"}
_SUGGESTED = dict.fromkeys(("rm", "delete", "down", "destroy", "remove"), "deprovision")
"""Names that are never accepted, because they delete: the error names our verb."""


class WithAliases(TyperGroup):
    """Commands that are also found by other tools' names."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Give the command with that name or alias."""
        return super().get_command(ctx, _SAME.get(cmd_name, cmd_name))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command of a call; another tool's name for a removal is refused, and the error names our verb."""
        if args and args[0] in _SUGGESTED:
            ctx.fail(f"No such command '{args[0]}'. Did you mean '{_SUGGESTED[args[0]]}'?")
        return super().resolve_command(ctx, args)

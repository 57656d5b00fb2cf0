"""What a fault does to a call: to refuse it, to let it fail later, or to spoil its answer."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from vmops.local.arm.faults.words import find


class Part(BaseModel):
    """A part of a rule, as JSON has it: camel case, and nothing that is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Refuse(Part):
    """Refuse the call; nothing happens.

    Status and message may be left out for a code that the tables of refusals have. ``retry_after`` is in Azure's
    seconds; a ``bare`` answer comes without the outer ``error`` object.
    """

    do: Literal["refuse"] = "refuse"
    code: str
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    message: str = ""
    details: tuple[dict[str, str], ...] = ()
    headers: dict[str, str] = {}
    retry_after: Annotated[float, Field(ge=0)] | None = None
    bare: bool = False

    @model_validator(mode="after")
    def _known_or_whole(self) -> Self:
        known = find(self.code)
        if (known is None or known.status < 400) and not (self.status and self.message):
            raise ValueError(f"{self.code!r} is no refusal of a request that is known here: say status and message too")
        return self


class Fail(Part):
    """Accept the call and let its operation end as Failed; a machine is left ``running`` or where it was."""

    do: Literal["fail"] = "fail"
    code: str
    message: str = ""
    running: bool = False

    @model_validator(mode="after")
    def _known_or_whole(self) -> Self:
        if find(self.code) is None and not self.message:
            raise ValueError(f"{self.code!r} is no refusal that is known here: say the message too")
        return self


class Stick(Part):
    """Accept the call and let its operation go on for ever: until the faults are cleared."""

    do: Literal["stick"] = "stick"


class Lose(Part):
    """Carry the call out and lose its answer: to a gateway's time-out, or with the connection."""

    do: Literal["lose"] = "lose"
    answer: Literal["timeout", "none"] = "timeout"


class Drop(Part):
    """Close the connection before anything happens."""

    do: Literal["drop"] = "drop"


class Delay(Part):
    """Carry the call out later, or with ``answer`` at once and answer it later.

    ``seconds`` are Azure's; without them, when other faults are put, or none.
    """

    do: Literal["delay"] = "delay"
    seconds: Annotated[float, Field(gt=0)] | None = None
    answer: bool = False


class Lag(Part):
    """Answer a read from a replica that has not heard of what was made in the last ``seconds``, of Azure's.

    What was changed since is shown as it is; a call that is no read is let through.
    """

    do: Literal["lag"] = "lag"
    seconds: Annotated[float, Field(gt=0)]


class InGuest(Part):
    """Have something go wrong inside a machine; no call is struck, but its create if that ends as ``create`` says.

    ``after`` is the bytes that a connection lives for.
    """

    do: Literal["guest"] = "guest"
    after: Annotated[int, Field(ge=1)] | None = None
    create: Fail | None = None

    def on(self, verb: str) -> Fail | None:
        """Give what becomes of a call to its machine."""
        return self.create if verb == "create" else None


Effect = Annotated[Refuse | Fail | Stick | Lose | Drop | Delay | Lag | InGuest, Field(discriminator="do")]

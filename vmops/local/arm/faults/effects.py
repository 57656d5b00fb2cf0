"""The effects of faults on a call: to refuse it, to let it fail later, or to lose or delay its answer."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from vmops.local.arm.faults.refusal_texts import find


class Part(BaseModel):
    """A part of a rule, as in JSON: camel case, and no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Refuse(Part):
    """Refuse the call; nothing else happens.

    Status and message may be left out for a code in the tables of refusals. ``retry_after`` is in Azure's seconds; a
    ``bare`` answer lacks the outer ``error`` object.
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
    """Accept the call and let its operation end as Failed; a machine is left ``running``, or in its previous state."""

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
    """Accept the call and let its operation run until the faults are cleared."""

    do: Literal["stick"] = "stick"


class Lose(Part):
    """Carry the call out and lose its answer: by a gateway's timeout, or with the connection."""

    do: Literal["lose"] = "lose"
    answer: Literal["timeout", "none"] = "timeout"


class Drop(Part):
    """Close the connection before anything happens."""

    do: Literal["drop"] = "drop"


class Delay(Part):
    """Delay the call, or with ``answer`` carry it out at once and delay its answer.

    ``seconds`` are Azure's; without them, it is delayed until other faults are set, or none.
    """

    do: Literal["delay"] = "delay"
    seconds: Annotated[float, Field(gt=0)] | None = None
    answer: bool = False


class Lag(Part):
    """Answer a read from a replica that does not know what was made in the last ``seconds``, of Azure's.

    Changes since then are shown; calls that are not reads are passed on.
    """

    do: Literal["lag"] = "lag"
    seconds: Annotated[float, Field(gt=0)]


class InGuest(Part):
    """Let something go wrong inside a machine. No call is struck, except its create if that ends as ``create`` says.

    ``after`` is the number of bytes after which a connection is cut.
    """

    do: Literal["guest"] = "guest"
    after: Annotated[int, Field(ge=1)] | None = None
    create: Fail | None = None

    def on(self, verb: str) -> Fail | None:
        """Give the effect on a call to its machine."""
        return self.create if verb == "create" else None


Effect = Annotated[Refuse | Fail | Stick | Lose | Drop | Delay | Lag | InGuest, Field(discriminator="do")]

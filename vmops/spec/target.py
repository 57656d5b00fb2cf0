"""The parameters that every verb needs: which VM is meant, and how to wait."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from vmops.core import durations
from vmops.core.errors import SpecError
from vmops.core.settings import CloudName, PositiveSeconds, Seconds
from vmops.spec import names
from vmops.spec.rules import fleets, naming, related, values

StopMode = Literal["powerOff", "deallocate"]


def choice(kind: object) -> BeforeValidator:
    """Accept the words of a Literal, in any case."""
    return BeforeValidator(values.one_of(*get_args(kind)))


def derived_default() -> Any:
    """Declare a parameter whose default is derived from other parameters by its validation rule."""
    return Field(default=None, validate_default=True)


def merge_params(params: Mapping[str, object], defaults: Mapping[str, object]) -> dict[str, object]:
    """Merge two mappings: ``params`` take precedence over ``defaults``, and None counts as not given."""
    return {name: value for source in (defaults, params) for name, value in source.items() if value is not None}


def time_to_live(value: object) -> float:
    """Convert a time to live to seconds. Raises: SpecError."""
    try:
        return durations.positive_seconds(value)
    except ValueError as error:
        raise SpecError(f"ttl: {error}") from None


class WaitOptions(BaseModel):
    """The cloud, and how to wait: all that is needed to poll a handle. Durations are in seconds."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, hide_input_in_errors=True)

    cloud: Annotated[CloudName, choice(CloudName)] = "local"
    poll_interval: Seconds = 1.0
    poll_timeout: Seconds = 300.0
    deploy_timeout: PositiveSeconds = 3600.0
    request_timeout: PositiveSeconds = 30.0
    async_results_url: Annotated[str | None, BeforeValidator(values.text)] = None

    @classmethod
    def from_params(cls, params: Mapping[str, object], defaults: Mapping[str, object] = {}) -> Self:
        """Read the parameters of this model. ``params`` take precedence over ``defaults``; None counts as not given.

        Raises: SpecError, with one sentence for every parameter that breaks a rule.
        """
        return cls.checked(merge_params(params, defaults))

    @classmethod
    def checked(
        cls, parameters: Mapping[str, object], problems: Sequence[str] = (), context: Mapping[str, Any] = {}
    ) -> Self:
        """Validate merged parameters. ``problems`` are raised together with those found; rules read the ``context``.

        Raises: SpecError.
        """
        try:
            spec = cls.model_validate(parameters, context=dict(context))
        except ValidationError as refusal:
            problems = [*problems, *map(_sentence, refusal.errors(include_url=False, include_input=False))]
        if problems:  # raised outside of `except`, so that no exception with a secret is chained to it
            raise SpecError(problems)
        return spec

    def to_wire(self) -> dict[str, Any]:
        """Return the parameters as JSON values, secrets included, for a pipe to a process that needs them."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @classmethod
    def from_wire(cls, wire: Mapping[str, object]) -> Self:
        """Reverse ``to_wire``."""
        return cls.checked(wire)


class Target(WaitOptions):
    """Identifies a VM, a fleet, or one ``member`` of a fleet; ``vm_name`` is then the fleet's name."""

    vm_name: Annotated[str, BeforeValidator(naming.vm_name)]
    subscription: Annotated[str, BeforeValidator(related.subscription)] = derived_default()
    resource_group: Annotated[str, BeforeValidator(related.resource_group)] = derived_default()
    member: Annotated[int | None, BeforeValidator(fleets.member)] = None
    stop_mode: Annotated[StopMode, choice(StopMode)] = "powerOff"
    keep_group: Annotated[bool, BeforeValidator(values.boolean)] = False

    @property
    def identity(self) -> names.Identity:
        """The identity of this VM or this fleet; all members of a fleet share one."""
        return names.Identity(self.cloud, self.subscription, self.resource_group, self.vm_name)

    @property
    def stack(self) -> str:
        """The name of this VM's Pulumi stack."""
        return self.identity.stack

    @property
    def named_group(self) -> bool:
        """Whether the resource group was named by the user, so that it may contain resources that are not ours."""
        return self.resource_group.lower() != names.default_group(self.vm_name).lower()

    @property
    def machine_name(self) -> str:
        """The name of the VM itself: a member's is its fleet's name and its number."""
        return self.vm_name if self.member is None else names.member_name(self.vm_name, self.member)

    @property
    def vm_id(self) -> str:
        """The ARM id of the VM; for a fleet, the id that a single VM of its name would have."""
        return self.identity.resource_id("vm", self.machine_name)

    @property
    def group_id(self) -> str:
        """The ARM id of the resource group."""
        return self.identity.group_id


def _sentence(error: Any) -> str:
    rule = "is required" if error["type"] == "missing" else error["msg"].removeprefix("Value error, ")
    return f"{to_camel(error['loc'][0])}: {rule}"

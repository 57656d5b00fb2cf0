"""Checks for everything that a VM needs: the state directory, the engine, the login, the subscription, the clock."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from vmops.azure.client import Arm
from vmops.azure.error_codes import failure_from_cloud_error
from vmops.core.errors import CloudError, EngineMissing, SpecError
from vmops.core.settings import Settings
from vmops.engine.install import locate
from vmops.jobs.store import Store
from vmops.spec.target import Target, WaitOptions

_PROVIDERS = ("Microsoft.Compute", "Microsoft.Network")
"""The resource providers of a VM's resources. Microsoft.Resources is always registered."""

_SKEW = 300.0
"""Seconds by which this clock may differ from Azure's. A token is valid for an hour, and a ttl may be minutes."""

Found = dict[str, Any]


@dataclass(frozen=True)
class Check:
    """The checks of one call. Nothing changes, except that the local Azure is started."""

    settings: Settings
    store: Store
    arm: Callable[[WaitOptions], Arm]

    def take(self) -> list[Found]:
        """Check everything in order. What depends on a failed check is skipped."""
        return [*self._here(), *self._there()]

    def _here(self) -> Iterator[Found]:
        unusable = self.store.unusable()
        yield _found("state directory", unusable is None, str(unusable or self.settings.state_dir))
        try:
            engine = locate.path(self.settings.engine)
            yield _found("engine", True, f"{locate.version(engine)} at {engine}")
        except EngineMissing as missing:
            yield _found("engine", False, str(missing))

    def _there(self) -> Iterator[Found]:
        try:
            here = Target.from_params({"vmName": "any"}, self.settings.defaults())
        except SpecError as error:
            yield _found("cloud", False, str(error))
            return
        try:
            yield from self._of_cloud(here, self.arm(here))
        except CloudError as error:
            yield _found(f"login to the cloud {here.cloud}", False, str(failure_from_cloud_error(error)))

    def _of_cloud(self, here: Target, arm: Arm) -> Iterator[Found]:
        subscription, date = arm.subscription(here.subscription)
        yield _found("login", True, f"the cloud {here.cloud} answers")
        state = subscription.get("state", "")
        says = f"{here.subscription} ({subscription.get('displayName', 'without a name')}): {state or 'state unknown'}"
        yield _found("subscription", state in ("Enabled", ""), says)
        for namespace in _PROVIDERS:
            registered = arm.registration(here.subscription, namespace)
            step = "" if registered == "Registered" else f": az provider register -n {namespace}"
            yield _found(namespace, registered == "Registered", f"{registered}{step}")
        yield from _clock(date)
        if here.cloud == "local":
            says = "none: nothing runs inside the VMs of the local Azure, so none of their ports answers"
            yield _found("guests", None, says)


def _clock(date: str) -> Iterator[Found]:
    """Compare the clock with Azure's. Source: RFC 9110, Date."""
    try:
        away = time.time() - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return
    yield _found("clock", abs(away) <= _SKEW, f"{abs(away):.0f} s {'ahead of' if away > 0 else 'behind'} Azure's")


def _found(what: str, ok: bool | None, says: str) -> Found:
    return {"what": what, "ok": ok, "says": says}

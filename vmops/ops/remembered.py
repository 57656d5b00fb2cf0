"""The earlier requests for a VM, and what of them is repeated."""

import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self

from vmops.core import keys
from vmops.core.errors import OperationFailed, SpecError
from vmops.core.failures import Failure, FailureKind
from vmops.core.settings import Settings
from vmops.jobs.ledger import noted
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.store import Store
from vmops.protocol import Params
from vmops.spec import custom_data, lock_file
from vmops.spec.target import Target, merge_params
from vmops.spec.vm_spec import EITHER, VmSpec


@dataclass(frozen=True)
class Asked:
    """A VM that is asked for: its spec, what of that was given, an HMAC of each secret that it has, and its digest.

    The digest is '' if it is not known yet. ``changed`` gives the parameters that are asked for otherwise than they
    were made last, secrets aside; None if nobody knows how that was. Only who begins something needs to know. ``unset``
    are those that somebody has taken back.
    """

    spec: VmSpec
    given: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""
    changed: Callable[[], tuple[str, ...] | None] = lambda: None
    unset: frozenset[str] = frozenset()

    def keyed(self, spec: VmSpec, key: bytes) -> Self:
        """Give the same with the spec as it is sent, with a key to log in with, and with its digest by ``key``."""
        return replace(self, spec=spec, digest=self.digest or spec.digest(key))


@dataclass(frozen=True)
class Remembered:
    """What the records of a state directory say about earlier requests."""

    settings: Settings
    store: Store

    def asked(self, params: Params) -> Asked:
        """Read a request. Raises: SpecError."""
        pinned, sealed = lock_file.applied(params)
        wanted = merge_params(pinned, self.settings.defaults())
        spec = VmSpec.from_params(wanted, kept=sealed)
        last = _provision_of(self.store.life(spec.stack))
        return Asked(spec, spec.clear(wanted), self._secrets(spec, last), changed=partial(self._changes, spec, last))

    def last(self, target: Target) -> Operation:
        """Give the newest provision of a VM. Raises: OperationFailed (not_found) if there is no record of it."""
        last = _provision_of(self.store.history(target.stack))
        if last is None or not last.given:
            message = f"nothing is remembered on this host of what was asked for {target.vm_name}"
            step = "give its parameters"
            raise OperationFailed(Failure(FailureKind.NOT_FOUND, message, resource=target.vm_id, step=step))
        return last

    def asked_again(self, params: Params, unset: Collection[str] = ()) -> Asked:
        """Read what was asked for last, of which ``params`` change something, without what is ``unset``.

        A secret that they do not repeat stays as it is; custom data in a file is given again if that says the same.

        Raises: SpecError; OperationFailed (not_found) if this host remembers nothing of the VM.
        """
        last = self.last(Target.from_params(params, self.settings.defaults()))
        before, now = self._changed(last, {}), self._changed(last, params, unset)
        same = (before.spec.canonical(), before.spec.kept) == (now.spec.canonical(), now.spec.kept)
        changes = partial(self._changes, now.spec, last)
        return replace(now, digest=last.digest if same else "", changed=changes, unset=frozenset(unset))

    def here(self, spec: VmSpec) -> VmSpec:
        """Give a spec in the one of its places where the VM is, or was tried last; in the first if nobody knows."""
        where = noted(self.store.life(spec.stack), spec.vm_name)
        return where.within(spec).of(spec) if where and spec.location else spec

    def _changes(self, spec: VmSpec, last: Operation | None) -> tuple[str, ...] | None:
        """Name the parameters that differ from those with which the VM was made."""
        if last is None or last.state is not State.SUCCEEDED or not last.given:
            return None
        try:
            before = self._changed(last, {}).spec.comparable()
        except SpecError:  # made by rules of an earlier version
            return None
        now = spec.comparable()
        return tuple(sorted(name for name in {*before, *now} if before.get(name) != now.get(name)))

    def _changed(self, last: Operation, params: Params, unset: Collection[str] = ()) -> Asked:
        """Read what was asked for before, with ``params`` in its place, and without what is ``unset``."""
        pinned, sealed = lock_file.applied(params)
        changed = merge_params(pinned, {})
        replaced = {
            *changed,
            *unset,
            *(name for pair in EITHER if not changed.keys().isdisjoint(pair) for name in pair),
        }
        if "authenticationType" in changed and changed["authenticationType"] != _authentication(last.given):
            replaced.add("adminPasswordOrKey")
        stay = {name: value for name, value in last.given.items() if name not in replaced}
        kept, file = last.secrets.keys() - replaced, {}
        if self._reads_the_same(stay.get("customDataFile"), last):
            kept -= {"customData"}
        elif "customData" in kept:
            file = {name: stay.pop(name) for name in ("customDataFile",) if name in stay}
        wanted = merge_params({**stay, **changed}, self.settings.defaults())
        spec = VmSpec.from_params(wanted, kept={*kept, *sealed})
        return Asked(spec, spec.clear(wanted | file), self._secrets(spec, last))

    def _reads_the_same(self, path: object, last: Operation) -> bool:
        try:
            text = custom_data.read(path)
        except ValueError:
            return False
        return hmac.compare_digest(self._seal("customData", text), last.secrets.get("customData", ""))

    def _secrets(self, spec: VmSpec, last: Operation | None) -> dict[str, str]:
        """Seal the secrets that are given; of those that nobody speaks of, the VM has what it had."""
        silent = spec.kept | ({"customData"} if spec.custom_data is None else set())
        had = {name: seal for name, seal in (last.secrets if last else {}).items() if name in silent}
        return had | {name: self._seal(name, secret.get_secret_value()) for name, secret in spec.secrets.items()}

    def _seal(self, name: str, secret: str) -> str:
        """Give the HMAC of a secret, which tells it from another and gives nothing of it away without the key."""
        return hmac.new(
            keys.digest_key(self.settings.state_dir), f"{name}={secret}".encode(), hashlib.sha256
        ).hexdigest()


def _provision_of(operations: list[Operation]) -> Operation | None:
    """Give the newest provision among operations, of which the newest is the first."""
    return next((each for each in operations if each.verb is Verb.PROVISION), None)


def _authentication(given: Mapping[str, Any]) -> object:
    return given.get("authenticationType", VmSpec.model_fields["authentication_type"].default)

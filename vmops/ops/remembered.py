"""The earlier requests for a VM, and which of their parameters are repeated."""

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
from vmops.spec.vm_spec import EXCLUSIVE, VmSpec


@dataclass(frozen=True)
class Asked:
    """A request for a VM: its spec, its given parameters, an HMAC of each of its secrets, and its digest.

    The digest is '' while it is unknown. ``changed`` computes the parameters that differ from the last provision,
    without secrets; None if that is unknown. ``unset`` are the parameters that return to their defaults.
    """

    spec: VmSpec
    given: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""
    changed: Callable[[], tuple[str, ...] | None] = lambda: None
    unset: frozenset[str] = frozenset()

    def keyed(self, spec: VmSpec, key: bytes) -> Self:
        """Give the same request with another spec, which has a login key, and with a digest made with ``key``."""
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
            message = f"this host has no record of a request for {target.vm_name}"
            step = "give its parameters"
            raise OperationFailed(Failure(FailureKind.NOT_FOUND, message, resource=target.vm_id, step=step))
        return last

    def asked_again(self, params: Params, unset: Collection[str] = ()) -> Asked:
        """Read the last request, with the changes in ``params``, without the parameters in ``unset``.

        A secret that they do not repeat stays as it is. Custom data stays as it is even if its file has changed.

        Raises: SpecError; OperationFailed (not_found) if this host has no record of the VM.
        """
        last = self.last(Target.from_params(params, self.settings.defaults()))
        before, now = self._changed(last, {}), self._changed(last, params, unset)
        same = (before.spec.canonical(), before.spec.kept) == (now.spec.canonical(), now.spec.kept)
        changes = partial(self._changes, now.spec, last)
        return replace(now, digest=last.digest if same else "", changed=changes, unset=frozenset(unset))

    def here(self, spec: VmSpec) -> VmSpec:
        """Give a spec for the place where the VM is, or was tried last; if unknown, the spec as it is."""
        where = noted(self.store.life(spec.stack), spec.vm_name)
        return where.within(spec).of(spec) if where and spec.location else spec

    def asked_last(self, target: Target) -> VmSpec:
        """Give the last request, for the place where the VM is. Raises: as `asked_again`."""
        return self.here(self.asked_again(target.identity.params).spec)

    def _changes(self, spec: VmSpec, last: Operation | None) -> tuple[str, ...] | None:
        """Name the parameters that differ from those of the last provision."""
        if last is None or last.state is not State.SUCCEEDED or not last.given:
            return None
        try:
            before = self._changed(last, {}).spec.comparable()
        except SpecError:  # a request that an earlier version accepted
            return None
        now = spec.comparable()
        return tuple(sorted(name for name in {*before, *now} if before.get(name) != now.get(name)))

    def _changed(self, last: Operation, params: Params, unset: Collection[str] = ()) -> Asked:
        """Read the earlier request with the changes in ``params``, without the parameters in ``unset``."""
        pinned, sealed = lock_file.applied(params)
        changed = merge_params(pinned, {})
        replaced = {
            *changed,
            *unset,
            *(name for pair in EXCLUSIVE if not changed.keys().isdisjoint(pair) for name in pair),
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
        """Give the HMACs of the given secrets; secrets that are not given keep theirs."""
        silent = spec.kept | ({"customData"} if spec.custom_data is None else set())
        had = {name: seal for name, seal in (last.secrets if last else {}).items() if name in silent}
        return had | {name: self._seal(name, secret.get_secret_value()) for name, secret in spec.secrets.items()}

    def _seal(self, name: str, secret: str) -> str:
        """Give the HMAC of a secret, which allows comparison but reveals nothing without the key."""
        return hmac.new(
            keys.digest_key(self.settings.state_dir), f"{name}={secret}".encode(), hashlib.sha256
        ).hexdigest()


def _provision_of(operations: list[Operation]) -> Operation | None:
    """Give the newest provision among operations that are sorted from the newest."""
    return next((each for each in operations if each.verb is Verb.PROVISION), None)


def _authentication(given: Mapping[str, Any]) -> object:
    return given.get("authenticationType", VmSpec.model_fields["authentication_type"].default)

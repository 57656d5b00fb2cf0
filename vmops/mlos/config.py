"""The config of a service: the settings of vmops, and the parameters for all trials."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from mlos_bench.dict_templater import DictTemplater
from mlos_bench.services.base_service import Service
from mlos_bench.services.types.config_loader_type import SupportsConfigLoading

from vmops.core.settings import Settings
from vmops.mlos import schema
from vmops.protocol import Params
from vmops.spec.described import SECRETS
from vmops.spec.target import merge_params
from vmops.spec.unknown import is_harmless
from vmops.spec.vm_spec import VmSpec

_FILES = frozenset({"customDataFile", "lockFile"})


@dataclass(frozen=True)
class Config:
    """A config with its variables expanded."""

    settings: Settings
    parameters: Params

    @classmethod
    def read(cls, config: Mapping[str, Any], variables: dict[str, Any], parent: Service | None) -> Self:
        """Expand the ``$variables``, and resolve file names in the directories where ``parent`` searches configs."""
        values = _expanded(config, variables)
        if isinstance(parent, SupportsConfigLoading):
            values |= {name: parent.resolve_path(values[name]) for name in values.keys() & _FILES}
        fields = schema.settings()
        settings = {fields[name]: value for name, value in values.items() if name in fields}
        return cls(Settings(**settings), {name: value for name, value in values.items() if name not in fields})

    def merged_with(self, params: Mapping[str, Any]) -> Params:
        """Merge the parameters of a call over those of the config, into a new dict; None counts as not given.

        Names unlike any parameter are dropped: mlos_bench passes the tunables of all environments.
        """
        known = VmSpec.parameters()
        ours = {name: value for name, value in params.items() if not is_harmless(name, known)}
        return merge_params(ours, self.parameters)


def _expanded(config: Mapping[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
    """Expand ``$variables``, but not in secrets: a password or a script may contain dollar signs."""
    kept = {name: value for name, value in config.items() if name in SECRETS}
    rest = {name: value for name, value in config.items() if name not in SECRETS}
    return {**DictTemplater(rest).expand_vars(extra_source_dict=variables), **kept}

"""The properties of a resource by API version: some appear with one version, and a few vanish with another.

Source: recorded traffic of 2019 to 2023, and the versions of azure-rest-api-specs. A property that a recorded version
lacks came after it; if it came between two recorded versions, it counts from the later one.
"""

from vmops.local.arm.state.resource import Json

# type in lower case → property → (first version that shows it, first that does not any more)
_SHOWN: dict[str, dict[str, tuple[str, str]]] = {
    "microsoft.network/virtualnetworks": {"properties.enableVmProtection": ("", "2022-07-01")},
    "microsoft.network/publicipaddresses": {"sku.tier": ("2020-07-01", "")},
    "microsoft.network/networkinterfaces": {
        "properties.nicType": ("2020-04-01", ""),
        "properties.vnetEncryptionSupported": ("2021-05-01", ""),
        "properties.kind": ("2022-01-01", ""),
        "properties.allowPort25Out": ("2022-01-01", ""),
        "properties.auxiliaryMode": ("2023-02-01", ""),
        "properties.auxiliarySku": ("2023-02-01", ""),
        "properties.disableTcpStateTracking": ("2023-02-01", ""),
    },
    "microsoft.compute/virtualmachines": {
        "properties.osProfile.linuxConfiguration.patchSettings": ("2020-06-01", ""),
        "properties.timeCreated": ("2021-11-01", ""),
        "properties.storageProfile.diskControllerType": ("2022-08-01", ""),
    },
}


def as_of(api_version: str, kind: str, body: Json) -> Json:
    """Return a resource in the form of an API version; the given body may be modified."""
    for path, (since, until) in _SHOWN.get(kind.lower(), {}).items():
        if api_version < since or (until and api_version >= until):
            _drop(body, path.split("."))
    return body


def _drop(body: Json, steps: list[str]) -> None:
    for step in steps[:-1]:
        if not isinstance(body.get(step), dict):
            return
        body = body[step]
    body.pop(steps[-1], None)

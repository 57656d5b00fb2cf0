"""Unknown parameter names: which parameter was probably meant, and which names must never be ignored."""

from collections.abc import Iterable

from pydantic.alias_generators import to_camel

_MEANT = {
    "location": "region",
    "vmSize": "size instanceType",
    "priority=Spot": "spot",
    "evictionPolicy": "evictionType",
    "vmPorts": "ports",
    "osDiskSizeGB": "disk diskSizeGB",
    "image": "vmImage imageReference",
    "publicIp": "usePublicIp assignPublicIp",
    "adminPasswordOrKey": "sshPublicKey sshKeyFile adminPassword",
    "managedIdentity": "userAssignedIdentity identityType managedIdentityName",
    "acceleratedNetworking": "enableAcceleratedNetworking",
    "ephemeralOsDisk": "diffDiskPlacement",
    "customData (userData is another thing on Azure)": "userData",
}
"""Names that people and other tools use for our parameters. Source: configurations of SkyPilot, Terraform, packer,
azure-cli.
"""

_CRITICAL = {
    "who can reach the VM": "subnetId virtualNetworkResourceGroup ipVersion natGateway privateIPAddress",
    "what the VM may do": "userAssignedIdentity identityType managedIdentityName",
    "what the VM is made from": "imageId plan osType licenseType",
    "how the VM is protected": "securityType encryptionAtHost secureBoot vTpm patchMode",
    "what the VM can do, and costs": "enableAcceleratedNetworking diskControllerType ephemeralOsDisk diffDiskPlacement "
    "osDiskCaching dataDiskCaching dataDiskType availabilitySet proximityPlacementGroup dedicatedHost",
}
"""By topic, names of other tools' parameters that change the VM: if one were ignored, the VM would not be the requested
one. Source: parameters of ARM's templates, and of the same tools.
"""

_PUBLIC = "publicip"


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


_MEANS = {_plain(word): meant for meant, words in _MEANT.items() for word in words.split()}
_ABOUT = {_plain(word): topic_of for topic_of, words in _CRITICAL.items() for word in words.split()}


def topic_of(name: str) -> str:
    """Give the topic of an unknown name that must never be ignored; '' for any other."""
    plain = _plain(name)
    return _ABOUT.get(plain, "who can reach the VM" if _PUBLIC in plain else "")


def meant(name: str, known: Iterable[str]) -> str:
    """Give the parameter that an unknown name probably means; '' if nothing is similar."""
    return _MEANS.get(_plain(name)) or near_miss(name, known) or ""


def unknown(name: str, known: Iterable[str], settings: Iterable[str] = ()) -> str:
    """Format the error for an unknown parameter, with a suggestion; ``settings`` are the names of settings."""
    if name in map(to_camel, settings):
        return f"{name}: a setting, not a parameter: VMOPS_{_in_capitals(name)}"
    found, topic = meant(name, known), topic_of(name)
    hint = f"did you mean {found}?" if found else f"it would say {topic}, so it is not ignored" if topic else ""
    return f"{name}: no such parameter" + (f"; {hint}" if hint else "")


def near_miss(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is closest to an unknown one: another case, or one or two letters different."""
    import difflib

    in_lower_case = {word.lower(): word for word in known}
    near = difflib.get_close_matches(name.lower(), in_lower_case, n=1, cutoff=0.85)
    return in_lower_case[near[0]] if near else None


def _in_capitals(name: str) -> str:
    return "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in name)

"""Platform images.

Source: the image lists of azure-cli (``az vm image list``) and the publishers' pages; versions are examples.
"""

import re
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Image:
    """One image: ``size`` in GB, ``generation`` of the hypervisor it boots on, ``nvme`` if it boots from NVMe too.

    A sold image has a ``plan``, publisher:product:name; ``terms`` tells whether the subscription has accepted its
    terms.

    Images of the first generation never boot from NVMe. Source: Microsoft's page on the images that support NVMe.
    """

    version: str
    system: str = "Linux"
    size: int = 30
    generation: str = "V2"
    architecture: str = "x64"
    name: str = "ubuntu"
    release: str = ""
    nvme: bool = True
    plan: str = ""
    terms: bool = True


def _ubuntu(version: str, release: str, generation: str = "V2", architecture: str = "x64") -> Image:
    return Image(version, generation=generation, architecture=architecture, release=release)


def _debian(version: str, release: str, generation: str = "V2", architecture: str = "x64") -> Image:
    return Image(version, generation=generation, architecture=architecture, name="debian", release=release)


def _sold(plan: str, *, terms: bool = True) -> Image:
    return Image("9.4.2024050902", name="almalinux", release="9.4", plan=plan, terms=terms)


def _windows(version: str, release: str, generation: str = "V1") -> Image:
    name = f"Windows Server {release} Datacenter"
    return Image(version, "Windows", 127, generation, name=name, release=f"Microsoft Windows NT {version}")


_JAMMY, _FOCAL, _NOBLE, _BIONIC = "22.04.202410020", "20.04.202410020", "24.04.202410020", "18.04.202401161"
_TABLE = {
    "Canonical:ubuntu-24_04-lts:server": _ubuntu(_NOBLE, "24.04"),
    "Canonical:ubuntu-24_04-lts:server-gen1": _ubuntu(_NOBLE, "24.04", "V1"),
    "Canonical:ubuntu-24_04-lts:server-arm64": _ubuntu(_NOBLE, "24.04", architecture="Arm64"),
    "Canonical:ubuntu-24_04-lts:minimal": _ubuntu(_NOBLE, "24.04"),
    "Canonical:0001-com-ubuntu-server-jammy:22_04-lts": _ubuntu(_JAMMY, "22.04", "V1"),
    "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2": _ubuntu(_JAMMY, "22.04"),
    "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-arm64": _ubuntu(_JAMMY, "22.04", architecture="Arm64"),
    "Canonical:0001-com-ubuntu-server-focal:20_04-lts": _ubuntu(_FOCAL, "20.04", "V1"),
    "Canonical:0001-com-ubuntu-server-focal:20_04-lts-gen2": _ubuntu(_FOCAL, "20.04"),
    "Canonical:0001-com-ubuntu-server-focal:20_04-lts-arm64": _ubuntu(_FOCAL, "20.04", architecture="Arm64"),
    "Canonical:UbuntuServer:18.04-LTS": _ubuntu(_BIONIC, "18.04", "V1"),
    "Canonical:UbuntuServer:18_04-lts-gen2": _ubuntu(_BIONIC, "18.04"),
    "Canonical:UbuntuServer:18_04-lts-arm64": _ubuntu(_BIONIC, "18.04", architecture="Arm64"),
    "Canonical:UbuntuServer:16.04-LTS": _ubuntu("16.04.202109281", "16.04", "V1"),
    "Canonical:UbuntuServer:16.04.0-LTS": _ubuntu("16.04.202003170", "16.04", "V1"),
    "Debian:debian-12:12": _debian("0.20241004.1890", "12", "V1"),
    "Debian:debian-12:12-gen2": _debian("0.20241004.1890", "12"),
    "Debian:debian-12:12-arm64": _debian("0.20241004.1890", "12", architecture="Arm64"),
    "Debian:debian-11:11": _debian("0.20240904.1860", "11", "V1"),
    "Debian:debian-11:11-gen2": _debian("0.20240904.1860", "11"),
    "almalinux:almalinux-x86_64:9-gen2": _sold("almalinux:almalinux-x86_64:9-gen2"),
    "tunnelbiz1446646016501:almalinux:plan_almalinux_9": _sold(
        "tunnelbiz1446646016501:almalinux:plan_almalinux_9", terms=False
    ),
    "MicrosoftWindowsServer:WindowsServer:2016-Datacenter": _windows("14393.7336.241004", "2016"),
    "MicrosoftWindowsServer:WindowsServer:2016-datacenter-gensecond": replace(
        _windows("14393.7336.241004", "2016", "V2"), nvme=False
    ),
    "MicrosoftWindowsServer:WindowsServer:2019-Datacenter": _windows("17763.6414.241004", "2019"),
    "MicrosoftWindowsServer:WindowsServer:2019-datacenter-gensecond": _windows("17763.6414.241004", "2019", "V2"),
    "MicrosoftWindowsServer:WindowsServer:2022-datacenter-g2": _windows("20348.2762.241006", "2022", "V2"),
    "MicrosoftWindowsServer:WindowsServer:2022-datacenter-azure-edition": _windows("20348.2762.241006", "2022", "V2"),
}
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_IMAGES = {urn.lower(): image for urn, image in _TABLE.items()}


def urns() -> list[list[str]]:
    """List publisher, offer and SKU of every image."""
    return [urn.split(":") for urn in _TABLE]


def find_image(publisher: str, offer: str, sku: str, version: str) -> Image | None:
    """Return the image of that name; every well-formed version exists, and ``latest`` is the one in the table."""
    image = _IMAGES.get(f"{publisher}:{offer}:{sku}".lower())
    if image is None or version.lower() == "latest":
        return image
    return replace(image, version=version) if _VERSION.fullmatch(version) else None

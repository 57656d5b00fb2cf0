"""Virtual machine sizes, and how many cores of each family a subscription may use.

Source: Microsoft's pages on virtual machine sizes and on their names.
"""

import re
from dataclasses import dataclass

SCSI, NVME = "SCSI", "NVMe"
"""The disk controllers that a machine may boot from. Source: azure-rest-api-specs, DiskControllerTypes."""

_NAME = re.compile(r"Standard_(?P<letters>[A-Z]+)\d+(?P<features>[a-z]*)(?:_[A-Z]\w*?)?(?:_v(?P<version>\d+))?")
_BURSTABLE = 2
"""The first version of burstable sizes with accelerated networking."""
_NVME_VERSION = 6
"""The first version of sizes without a SCSI controller, which boot the second generation of images only."""


@dataclass(frozen=True, slots=True)
class Size:
    """One size: memory and local disks in MiB; ``disks`` is the maximum number of data disks.

    ``local_disk`` is a temporary disk; ``nvme_disk``, a local one behind NVMe, does not count as such.
    """

    name: str
    family: str
    cores: int
    memory: int
    disks: int
    local_disk: int = 0
    architecture: str = "x64"
    restricted: bool = False
    nvme_disk: int = 0

    @property
    def premium(self) -> bool:
        """Tell whether it supports Premium disks, as an ``s`` in its name indicates."""
        return "s" in self._part("features") or self._part("letters") == "DS"

    @property
    def spot(self) -> bool:
        """Tell whether it is available as Spot: burstable sizes are not. Source: Microsoft's page on Spot machines."""
        return self._part("letters") != "B"

    @property
    def accelerated(self) -> bool:
        """Tell whether its interfaces can be accelerated.

        Source: Microsoft's page on accelerated networking, whose examples include a machine with one core.
        """
        burstable = self._part("letters") == "B" and self._version < _BURSTABLE
        return self._part("letters") != "A" and not burstable

    def ephemeral(self, placement: str) -> int:
        """Give the largest ephemeral system disk, in GiB; 0 if it supports none.

        Source: Microsoft's page on ephemeral disks; a cache of 25 GiB a core is that of version 3.
        """
        cached = 25 * self.cores if self.local_disk and self.premium and self._part("letters") != "B" else 0
        return {"CacheDisk": cached, "ResourceDisk": self.local_disk // 1024}.get(placement, self.nvme_disk // 1024)

    @property
    def controllers(self) -> tuple[str, ...]:
        """The disk controllers that it boots from, its default first."""
        return (NVME,) if self._version >= _NVME_VERSION else (SCSI,)

    @property
    def generations(self) -> tuple[str, ...]:
        """The generations of images that it boots."""
        second_only = self._version >= _NVME_VERSION or self.architecture == "Arm64"
        return ("V2",) if second_only else ("V1", "V2")

    @property
    def cluster(self) -> str:
        """The hardware cluster that it runs on: a running machine can be resized only within its cluster.

        Azure does not publish its clusters. This is an estimate: one for each maker's processors up to version 5, one
        for each later version, and one for each special purpose.
        """
        letters, features = self._part("letters"), self._part("features")
        purpose = letters if letters in ("M", "NC") else ""
        maker = "AMD" if "a" in features else self.architecture
        return f"{purpose}/{maker}/{max(self._version, _NVME_VERSION - 1)}"

    @property
    def _version(self) -> int:
        return int(self._part("version") or 1)

    def _part(self, name: str) -> str:
        found = _NAME.fullmatch(self.name)
        return (found[name] or "") if found else ""


def _series(
    family: str, memory_per_core: float, pattern: str, cores: str, architecture: str = "x64", local: int = 0
) -> list[Size]:
    """List the sizes of a regular series: memory, disks and the temporary disk (MiB a core) grow with the cores."""
    numbers = [int(number) for number in cores.split()]
    return [
        Size(pattern.format(n), family, n, int(n * memory_per_core * 1024), min(2 * n, 32), n * local, architecture)
        for n in numbers
    ]


def _nvme_series(family: str, memory_per_core: int, pattern: str, cores: str, local: int = 0) -> list[Size]:
    """List the sizes of a series of version 6 or later; its local disk, in MiB a core, is behind NVMe."""
    numbers = [int(number) for number in cores.split()]
    return [
        Size(pattern.format(n), family, n, n * memory_per_core * 1024, min(max(8, 3 * n), 64), nvme_disk=n * local)
        for n in numbers
    ]


# Real subscriptions have sizes that are restricted, and families whose quota is 0. So has this one:
# Standard_M128ms is restricted everywhere, and the quota of standardNCADSA100v4Family is 0.
_TABLE = [
    Size("Standard_A0", "standardA0_A7Family", 1, 768, 1, 20480),
    Size("Standard_A1_v2", "standardAv2Family", 1, 2048, 2, 10240),
    Size("Standard_A2_v2", "standardAv2Family", 2, 4096, 4, 20480),
    Size("Standard_B1ls", "standardBSFamily", 1, 512, 2, 4096),
    Size("Standard_B1s", "standardBSFamily", 1, 1024, 2, 4096),
    Size("Standard_B1ms", "standardBSFamily", 1, 2048, 2, 4096),
    Size("Standard_B2s", "standardBSFamily", 2, 4096, 4, 8192),
    Size("Standard_B2ms", "standardBSFamily", 2, 8192, 4, 16384),
    Size("Standard_B4ms", "standardBSFamily", 4, 16384, 8, 32768),
    Size("Standard_B8ms", "standardBSFamily", 8, 32768, 16, 65536),
    Size("Standard_D1_v2", "standardDv2Family", 1, 3584, 4, 51200),
    Size("Standard_D2_v2", "standardDv2Family", 2, 7168, 8, 102400),
    Size("Standard_DS1_v2", "standardDSv2Family", 1, 3584, 4, 7168),
    Size("Standard_DS2_v2", "standardDSv2Family", 2, 7168, 8, 14336),
    *_series("standardBsv2Family", 4, "Standard_B{}s_v2", "2 4 8 16 32"),
    *_series("standardBasv2Family", 4, "Standard_B{}as_v2", "2 4 8 16 32"),
    *_series("standardBpsv2Family", 4, "Standard_B{}ps_v2", "2 4 8 16", "Arm64"),
    *_series("standardDSv3Family", 4, "Standard_D{}s_v3", "2 4 8 16 32 48 64", local=8192),
    *_series("standardDSv4Family", 4, "Standard_D{}s_v4", "2 4 8 16 32 48 64"),
    *_series("standardDv5Family", 4, "Standard_D{}_v5", "2 4 8 16 32 48 64 96"),
    *_series("standardDSv5Family", 4, "Standard_D{}s_v5", "2 4 8 16 32 48 64 96"),
    *_series("standardDDSv5Family", 4, "Standard_D{}ds_v5", "2 4 8 16 32 48 64 96", local=38400),
    *_series("standardDASv5Family", 4, "Standard_D{}as_v5", "2 4 8 16 32 48 64 96"),
    *_series("standardDPSv5Family", 4, "Standard_D{}ps_v5", "2 4 8 16 32 48 64", "Arm64"),
    *_series("standardDPLSv5Family", 2, "Standard_D{}pls_v5", "2 4 8 16 32 48 64", "Arm64"),
    *_series("standardESv5Family", 8, "Standard_E{}s_v5", "2 4 8 16 32 48 64 96"),
    *_series("standardEASv5Family", 8, "Standard_E{}as_v5", "2 4 8 16 32 48 64 96"),
    *_series("standardEPSv5Family", 8, "Standard_E{}ps_v5", "2 4 8 16 32", "Arm64"),
    *_series("standardFSv2Family", 2, "Standard_F{}s_v2", "2 4 8 16 32 48 64 72", local=8192),
    *_nvme_series("StandardDsv6Family", 4, "Standard_D{}s_v6", "2 4 8 16 32 48 64 96 128"),
    *_nvme_series("StandardDdsv6Family", 4, "Standard_D{}ds_v6", "2 4 8 16 32 48 64 96 128", local=56320),
    *_nvme_series("standardDav6Family", 4, "Standard_D{}as_v6", "2 4 8 16 32 48 64 96"),
    *_nvme_series("StandardEsv6Family", 8, "Standard_E{}s_v6", "2 4 8 16 32 48 64 96 128"),
    *_nvme_series("StandardDsv7Family", 4, "Standard_D{}s_v7", "2 4 8 16 32 48 64 96 128"),
    *_nvme_series("StandardDasv7Family", 4, "Standard_D{}as_v7", "2 4 8 16 32 48 64 96 128"),
    *_nvme_series("StandardEasv7Family", 8, "Standard_E{}as_v7", "2 4 8 16 32 48 64 96 128"),
    Size("Standard_NC24ads_A100_v4", "standardNCADSA100v4Family", 24, 225280, 8, 65536),
    Size("Standard_M128ms", "standardMSFamily", 128, 3981312, 64, 4194304, restricted=True),
]
SIZES = {size.name.lower(): size for size in _TABLE}

REGION, SPOT = "cores", "lowPriorityCores"
"""The quota that all machines of a location share, except Spot ones, and the quota of all Spot machines, of any family.

Source: Microsoft's pages on vCPU quotas and on spot quota; azure-rest-api-specs, Microsoft.Compute, Usage_List.
"""

_LIMIT = 20_000
_LIMITS = {"standardNCADSA100v4Family": 0, REGION: 5 * _LIMIT}
_SCARCE = {"brazilsouth": {REGION: 10, SPOT: 3}}
"""A location with limits as low as those of a new subscription."""


def cores_limit(quota: str, location: str = "") -> int:
    """Return a subscription's limit of cores in a location, for a family's quota, `REGION` or `SPOT`."""
    return _SCARCE.get(location, {}).get(quota, _LIMITS.get(quota, _LIMIT))

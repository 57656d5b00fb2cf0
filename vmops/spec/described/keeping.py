"""The descriptions of the parameters for disks, lifetime and waiting."""

from collections.abc import Mapping

from vmops.spec.described.entry import Described

KEEPING: Mapping[str, Described] = {
    "osDiskSizeGB": Described(
        "30 to 4095",
        "size of the system disk in GiB; without it the image's size",
        "in place if it grows, else refused",
    ),
    "osDiskType": Described(
        "Premium_LRS, StandardSSD_LRS or Standard_LRS",
        "type of the system disk, and of data disks without `dataDiskType`",
        "refused",
    ),
    "dataDisks": Described(
        "sizes in GiB",
        'empty data disks, a list or "64,64", in the order of their logical unit numbers',
        "in place; a disk only grows",
    ),
    "diskControllerType": Described(
        "SCSI or NVMe",
        "the controller of the disks; without it the first that the size supports. Sizes of version 6 and later "
        "support only NVMe",
        "refused",
    ),
    "ephemeralOsDisk": Described(
        "cache, resource or nvme",
        "the system disk is on the host (in its cache, on its temporary disk or on its NVMe disk): faster, and lost "
        "if the host fails. Its VM pays for no system disk, and is never deallocated, so its disks cannot grow; Azure "
        "refuses to stop it with `stopMode` deallocate",
        "refused",
    ),
    "osDiskCaching": Described(
        "None, ReadOnly or ReadWrite",
        "how the host caches the system disk; without it Azure decides",
        "in place",
    ),
    "dataDiskType": Described(
        "Premium_LRS, StandardSSD_LRS, Standard_LRS, PremiumV2_LRS or UltraSSD_LRS",
        "type of the data disks; without it `osDiskType`. Disks that are attached again keep theirs. The last two need "
        "a `zone` if the location has zones, are never cached, and stay when the VM is replaced",
        "refused",
    ),
    "dataDiskIops": Described(
        "100 to 400000",
        "I/O operations per second of each data disk of the type PremiumV2_LRS (at least 3000) or UltraSSD_LRS; "
        "without it the minimum for a new disk, and unchanged for an existing one",
        "in place",
    ),
    "dataDiskMbps": Described(
        "1 to 10000",
        "MB/s of each data disk of the type PremiumV2_LRS (at least 125) or UltraSSD_LRS; without it the minimum for a "
        "new disk, and unchanged for an existing one",
        "in place",
    ),
    "dataDiskCaching": Described(
        "None, ReadOnly or ReadWrite",
        "how the host caches the data disks",
        "in place",
    ),
    "ttl": Described(
        "duration",
        "how long the VM may live, counted from the last accepted provision; the VM's tag `vmops-expires` has the "
        "time of expiry",
        "no deployment",
    ),
    "maxHourlyPrice": Described(
        "US dollars above 0",
        "limit on the VM's compute price per hour, by Azure's price list: a VM that costs more, or has no known "
        "price, is refused before anything is made. Azure's own limit for Spot is `maxPrice`",
        "no deployment",
    ),
    "budget": Described(
        "US dollars above 0",
        "the VM expires when its compute has cost that much, by Azure's price list and as if it always ran since the "
        "first request, or by `ttl` if that is earlier; refused if the price is unknown, or the budget is spent",
        "no deployment",
    ),
    "stopMode": Described(
        "powerOff or deallocate",
        "what stop does: a powered-off VM is still billed, a deallocated one is not",
        "no deployment",
    ),
    "keepGroup": Described(
        "boolean",
        "a deprovision keeps the resource group, even if it is ours and empty",
        "no deployment",
    ),
    "waitFor": Described(
        "running or ssh",
        "when a provision succeeds: when Azure reports that the VM runs, or when its SSH answers too; refused if SSH "
        "can never answer",
        "no deployment",
    ),
    "deployTimeout": Described(
        "duration",
        "limit on a deployment, which is then stopped and FAILED",
        "no deployment",
    ),
    "pollTimeout": Described(
        "duration",
        "limit on a wait, which then returns TIMED_OUT while the work continues. 0 polls once",
        "no deployment",
    ),
    "pollInterval": Described(
        "duration",
        "minimum interval between two polls of Azure; longer if Azure requests it",
        "no deployment",
    ),
    "requestTimeout": Described(
        "duration",
        "limit on one request to Azure",
        "no deployment",
    ),
    "asyncResultsUrl": Described(
        "text",
        "the handle of a started operation: set by the verb, read by the waits",
        "no deployment",
    ),
}

"""The descriptions of the parameters for disks, lifetime and waiting."""

from collections.abc import Mapping

from vmops.spec.described.entry import Described

KEEPING: Mapping[str, Described] = {
    "osDiskSizeGB": Described(
        "30 to 4095",
        "GiB; without it the image's own size",
        "in place if it grows, else refused",
    ),
    "osDiskType": Described(
        "Premium_LRS, StandardSSD_LRS or Standard_LRS",
        "of the system disk, and of data disks without `dataDiskType`",
        "refused",
    ),
    "dataDisks": Described(
        "sizes in GiB",
        'empty disks, a list or "64,64"; their order is that of the logical unit numbers',
        "in place; a disk only grows",
    ),
    "diskControllerType": Described(
        "SCSI or NVMe",
        "what the disks are attached by; without it the first that the size has. Sizes of version 6 and later "
        "have NVMe alone",
        "refused",
    ),
    "ephemeralOsDisk": Described(
        "cache, resource or nvme",
        "the system disk lies on the host (in its cache, on its temporary disk or on its NVMe disk): faster, and "
        "lost with it. Such a VM has no system disk of its own to pay for, is never deallocated, so no disk of it "
        "grows, and Azure refuses to stop it with `stopMode` deallocate",
        "refused",
    ),
    "osDiskCaching": Described(
        "None, ReadOnly or ReadWrite",
        "how the host caches the system disk; without it Azure decides",
        "in place",
    ),
    "dataDiskType": Described(
        "Premium_LRS, StandardSSD_LRS, Standard_LRS, PremiumV2_LRS or UltraSSD_LRS",
        "of the data disks; without it `osDiskType`. Disks that are attached again keep theirs. The last two need a "
        "`zone` where the location has some, are never cached, and outlive a VM that is made anew",
        "refused",
    ),
    "dataDiskIops": Described(
        "100 to 400000",
        "reads and writes a second of each data disk of the type PremiumV2_LRS (at least 3000) or UltraSSD_LRS; "
        "without it the least, or what it is",
        "in place",
    ),
    "dataDiskMbps": Described(
        "1 to 10000",
        "MB/s of each data disk of the type PremiumV2_LRS (at least 125) or UltraSSD_LRS; without it the least, or "
        "what it is",
        "in place",
    ),
    "dataDiskCaching": Described(
        "None, ReadOnly or ReadWrite",
        "how the host caches the data disks",
        "in place",
    ),
    "ttl": Described(
        "duration",
        "how long the VM may live, from the provision on that was accepted last; the instant is on the VM, in the "
        "tag `vmops-expires`",
        "no deployment",
    ),
    "maxHourlyPrice": Described(
        "US dollars above 0",
        "the most that an hour of the VM may cost, by Azure's price list, compute alone: what is dearer, or has no "
        "known price, is refused before anything is made. Azure's own bid for Spot is `maxPrice`",
        "no deployment",
    ),
    "budget": Described(
        "US dollars above 0",
        "the VM expires when its compute has cost that much, by Azure's price list and as if it ran all the time since "
        "it was first asked for, or by `ttl` if that is earlier; refused if the price is not known, or it is spent",
        "no deployment",
    ),
    "stopMode": Described(
        "powerOff or deallocate",
        "what stop does: a VM that is powered off is still paid for, one that is deallocated is not",
        "no deployment",
    ),
    "keepGroup": Described(
        "boolean",
        "a deprovision leaves the resource group, though it is ours and empty",
        "no deployment",
    ),
    "waitFor": Described(
        "running or ssh",
        "what makes a provision a success: Azure says that the VM runs, or its SSH answers too; refused where nothing "
        "can answer",
        "no deployment",
    ),
    "deployTimeout": Described(
        "duration",
        "after which a deployment is ended, FAILED",
        "no deployment",
    ),
    "pollTimeout": Described(
        "duration",
        "how long a wait waits, at most; then it is TIMED_OUT and the work goes on. 0 is one look",
        "no deployment",
    ),
    "pollInterval": Described(
        "duration",
        "between two looks at Azure, at least; longer where Azure asks for it",
        "no deployment",
    ),
    "requestTimeout": Described(
        "duration",
        "of one request to Azure",
        "no deployment",
    ),
    "asyncResultsUrl": Described(
        "text",
        "the handle of what a verb has begun: set by the verb, read by the waits",
        "no deployment",
    ),
}

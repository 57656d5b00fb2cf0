"""Microsoft.Compute's refusals of disks that do not exist, or that a machine does not take: code → status and words."""

REFUSALS = {
    "InvalidParameter:speed": (400, "Parameter '{target}' cannot be set for a disk of the type {kind}."),
    "InvalidParameter:bounds": (
        400,
        "The value {asked} of parameter '{target}' is out of range for this {kind} disk: from {least} to {most}.",
    ),
    "InvalidParameter:ultra": (
        400,
        "StorageAccountType UltraSSD_LRS can be used only when additionalCapabilities.ultraSSDEnabled is set.",
    ),
    "InvalidParameter:zone": (400, "{feature} can be used only with Virtual Machine in an Availability Zone."),
    "InvalidParameter:cached": (400, "A disk of the type {kind} cannot be cached by the host of its VM."),
}

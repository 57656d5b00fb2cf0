"""The shape of proximity placement groups. Source: azure-rest-api-specs, ProximityPlacementGroups."""

from vmops.local.arm.shapes.shape import parts, resource, words

PROXIMITY = resource(
    parts(
        "",
        "virtualMachines virtualMachineScaleSets availabilitySets",
        proximityPlacementGroupType=words("Standard|Ultra"),
        colocationStatus=parts("code displayStatus message time", level=words("Info|Warning|Error")),
        intent=parts("vmSizes:texts"),
    ),
    "zones:texts",
)

"""Rules for places: sizes, locations, zones and priorities, each a word or a list in the order of preference."""

import math
from collections.abc import Callable, Mapping, Sequence

from vmops.spec import names
from vmops.spec.rules import hardware, naming
from vmops.spec.rules.values import items, one_of

MAX_PLACES = 64
"""The most places that one spec may have."""

ANY, SPREAD, BOTH = "any", "spread", "SpotThenRegular"
"""Words that stand for lists: any zone for a VM, all zones in turn for several, and Spot before Regular."""

_ZONES, _SPOT = ("1", "2", "3"), "Spot"
_NO_SPOT = "china"
"""The cloud without Spot. Source: Azure documentation, use Spot VMs: only the cloud that 21Vianet operates has none."""

_PINS = ("subnetId", "privateIpAddress", "proximityPlacementGroup")
_NAMED = {"virtualNetworkName": "network", "subnetName": "subnet", "networkSecurityGroupName": "security_group"}
"""Parameters that tie a VM to one location: the first always, the others unless they give the default name."""

_IMAGES = ("image", "ubuntuOSVersion", "imageId")

Lists = Mapping[str, tuple[str, ...]]
"""Words by the name of their parameter, if that has more than one."""


def sizes(value: object) -> tuple[str, ...]:
    """Return sizes without duplicates."""
    return _once(value, hardware.vm_size)


def locations(value: object) -> tuple[str, ...]:
    """Return locations without duplicates."""
    return _once(value, naming.location)


def zones(value: object) -> tuple[str, ...]:
    """Return zones without duplicates; all of them for ``any`` and ``spread``."""
    return _ZONES if _is_word(value, ANY, SPREAD) else _once(value, hardware.zone)


def priorities(value: object) -> tuple[str, ...]:
    """Return priorities without duplicates; ``SpotThenRegular`` is both."""
    return (_SPOT, "Regular") if _is_word(value, BOTH) else _once(value, one_of("Regular", _SPOT))


_RULES: Mapping[str, Callable[[object], tuple[str, ...]]] = {
    "vmSize": sizes,
    "location": locations,
    "zone": zones,
    "priority": priorities,
}


def spreads(given: Mapping[str, object]) -> bool:
    """Tell whether parameters ask for all zones in turn."""
    return _is_word(given.get("zone"), SPREAD)


def read(given: Mapping[str, object]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Read the lists among parameters; give them by name, with a sentence for each that breaks a rule."""
    found: dict[str, tuple[str, ...]] = {}
    problems = []
    for name, rule in _RULES.items():
        if _is_list(value := given.get(name)):
            try:
                found[name] = rule(value)
            except ValueError as error:
                problems.append(f"{name}: {error}")
                found[name] = ()
    return found, problems


def together(lists: Lists, given: Mapping[str, object]) -> list[str]:
    """Give a sentence for each list that conflicts with another parameter."""
    found = (_pinned(lists, given), _processors(lists, given), _spot(lists, given), _too_many(lists))
    return [each for those in found for each in those]


def _pinned(lists: Lists, given: Mapping[str, object]) -> list[str]:
    if len(lists.get("location", ())) < 2:
        return []
    own = {name: names.default_name(role, str(given.get("vmName"))).lower() for name, role in _NAMED.items()}
    pins = [name for name in _PINS if name in given]
    pins += [name for name in _NAMED if name in given and str(given[name]).lower() != own[name]]
    return [f"location: {', '.join(lists['location'])}: {name} is in one location" for name in pins]


def _processors(lists: Lists, given: Mapping[str, object]) -> list[str]:
    kinds = {hardware.is_arm64(size) for size in lists.get("vmSize", ())}
    if len(kinds) < 2 or any(name in given for name in _IMAGES):
        return []
    return [f"vmSize: {', '.join(lists['vmSize'])}: some have an Arm processor and some not, so an image is required"]


def _spot(lists: Lists, given: Mapping[str, object]) -> list[str]:
    """Give a sentence if Spot is not available in the cloud, or the size is the default one, which has no Spot."""
    if _SPOT not in lists.get("priority", ()) and not _is_word(given.get("priority"), _SPOT):
        return []
    if given.get("cloud") == _NO_SPOT:
        return [f"priority: there is no Spot in the cloud {_NO_SPOT}"]
    step = "priority: Spot needs a vmSize, such as Standard_D2s_v5 or Standard_D2as_v5"
    return [] if "vmSize" in given else [step]


def _too_many(lists: Lists) -> list[str]:
    count = math.prod(len(each) or 1 for each in lists.values())
    return [f"{' x '.join(lists)}: {count} places, and {MAX_PLACES} is the most"] if count > MAX_PLACES else []


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple) or _is_word(value, ANY, SPREAD, BOTH) or "," in str(value)


def _is_word(value: object, *words: str) -> bool:
    return isinstance(value, str) and value.strip().lower() in {word.lower() for word in words}


def _once(value: object, rule: Callable[[object], str]) -> tuple[str, ...]:
    found: Sequence[str] = [rule(each) for each in items(value)]
    if not found:
        raise ValueError("is an empty list")
    return tuple(dict.fromkeys(found))

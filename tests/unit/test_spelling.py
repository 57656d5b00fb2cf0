"""Names in the case of the existing resources."""

from hypothesis import given
from hypothesis import strategies as st

from vmops.deploy import spelling
from vmops.spec import names
from vmops.spec.vm_spec import VmSpec

FIELDS = ("vm_name", "resource_group", "virtual_network_name", "subnet_name", "network_security_group_name")
NAMED = st.fixed_dictionaries(
    {},
    optional={
        "resourceGroup": st.sampled_from(["lab", "vmops-exp1"]),
        "virtualNetworkName": st.sampled_from(["net", "exp1-vnet"]),
        "subnetName": st.just("sub"),
        "networkSecurityGroupName": st.just("guard"),
    },
)
ROLES = ("group", "network", "subnet", "security_group", "nic", "address", "vm")


def spec_of(**params: object) -> VmSpec:
    return VmSpec.from_params({"vmName": "exp1", **params})


def known(spec: VmSpec, *roles: str) -> spelling.Known:
    """Give the names of a spec's resources, for some roles."""
    return {role: [arm_id.rpartition("/")[2]] for role, arm_id in spec.ids().items() if role in roles}


def cased(params: dict[str, str], upper: list[bool]) -> dict[str, object]:
    every = {"vmName": "exp1", **params}
    return {name: value.upper() if up else value for (name, value), up in zip(every.items(), upper, strict=False)}


@given(params=NAMED, upper=st.lists(st.booleans(), min_size=5, max_size=5))
def test_respelled_uses_the_existing_case(params: dict[str, str], upper: list[bool]) -> None:
    """For given and default names."""
    there, asked = spec_of(**params), spec_of(**cased(params, upper))
    places = known(there, *ROLES)
    assert spelling.are_all_known(asked, places)
    spelled = spelling.respelled(asked, places)
    assert [getattr(spelled, field) for field in FIELDS] == [getattr(there, field) for field in FIELDS]
    assert (spelled.ids(), spelled.stack) == (there.ids(), there.stack)


@given(params=NAMED, upper=st.lists(st.booleans(), min_size=5, max_size=5), roles=st.sets(st.sampled_from(ROLES)))
def test_respelled_changes_only_case(params: dict[str, str], upper: list[bool], roles: set[str]) -> None:
    """Doing it twice has no further effect."""
    there, asked = spec_of(**params), spec_of(**cased(params, upper))
    spelled = spelling.respelled(asked, known(there, *roles), known(asked, *ROLES))
    lower = lambda spec: {role: arm_id.lower() for role, arm_id in spec.ids().items()}  # noqa: E731
    assert lower(spelled) == lower(asked)
    assert spelled.named_roles == asked.named_roles
    assert spelling.respelled(spelled, known(there, *roles), known(asked, *ROLES)) == spelled


def test_derived_names_give_the_vms_case() -> None:
    """Of its interface, its address and its default group."""
    for role in ("nic", "address", "security_group", "group"):
        assert spelling.respelled(spec_of(vmName="EXP1"), known(spec_of(), role)).vm_name == "exp1"
    assert spelling.respelled(spec_of(vmName="EXP1"), known(spec_of(vmName="exp2"), *ROLES)).vm_name == "EXP1"
    assert spelling.respelled(spec_of(vmName="EXP1"), {}) == spec_of(vmName="EXP1")


def test_respelled_keeps_secrets() -> None:
    """They are no names."""
    spec = spec_of(vmName="EXP1", customData="x").with_key("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43)
    spelled = spelling.respelled(spec, known(spec_of(), *ROLES))
    assert (spelled.credential_is_given, spelled.custom_data) == (False, spec.custom_data)


def test_in_state_includes_interrupted_creates() -> None:
    """The state of an engine that died during the VM's create has it as a pending operation."""
    urn = "urn:pulumi:exp1-00000000::vmops::{}::{}"
    state = {
        "deployment": {
            "resources": [{"urn": urn.format(names.TOKENS["group"], "vmops-exp1")}],
            "pending_operations": [{"resource": {"urn": urn.format(names.TOKENS["vm"], "exp1")}}],
        }
    }
    told = spelling.in_state(state)
    assert (list(told["group"]), list(told["vm"]), list(told["nic"])) == (["vmops-exp1"], ["exp1"], [])
    assert not any(spelling.in_state(None).values())

"""A VM's network interface: its speed, its address, and where its security group is attached."""

from typing import Annotated

from pydantic import BeforeValidator

from vmops.spec.parts.machine import Machine
from vmops.spec.rules import interface


class Interface(Machine):
    """``accelerated_networking`` is true, false, or auto, for whatever the size supports."""

    accelerated_networking: Annotated[interface.Acceleration | None, BeforeValidator(interface.acceleration)] = None
    private_ip_address: Annotated[str | None, BeforeValidator(interface.private_address)] = None
    network_security_group_on: Annotated[interface.Guarded | None, BeforeValidator(interface.guarded)] = None

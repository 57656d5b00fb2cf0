"""The connections of one `VMOps` to the clouds of its targets."""

from typing import TYPE_CHECKING

from vmops.azure.clouds import Cloud, connect
from vmops.core.settings import Settings
from vmops.spec.target import WaitOptions

if TYPE_CHECKING:
    from vmops.azure.client import Arm


class Connections:
    """Connections to Azure Resource Manager, one for each cloud and request timeout."""

    def __init__(self, settings: Settings) -> None:
        self._state_dir = settings.state_dir
        self._open: dict[tuple[Cloud, float], Arm] = {}

    def __call__(self, target: WaitOptions) -> "Arm":
        """Connect to the target's cloud. Every call looks up the local Azure, and starts it if it does not run.

        Raises: CloudError if the local Azure does not start.
        """
        from vmops.azure.client import Arm

        cloud = connect(target.cloud, self._state_dir)
        return self._open.setdefault((cloud, target.request_timeout), Arm(cloud, target.request_timeout))

"""What a contract test imports. Of the behaviours' assertions pytest then shows the values."""

import pytest

pytest.register_assert_rewrite("provisioning.contract.source")  # before it is imported

from provisioning.contract.source import BEHAVIOURS as BEHAVIOURS  # noqa: E402  after the line above
from provisioning.contract.world import Fields as Fields  # noqa: E402  as above
from provisioning.contract.world import World as World  # noqa: E402  as above

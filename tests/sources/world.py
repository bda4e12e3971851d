"""What the contract of sources needs of each technology: see `provisioning.contract.world`."""

from provisioning.contract.world import Fields as Fields
from provisioning.contract.world import World as World
from provisioning.contract.world import everything as everything
from provisioning.contract.world import since as since

"""The examination of a gate over positions: for spatial attention, and for CBAM's spatial part."""

from collections.abc import Callable

from . import kernel, spatial
from .instances import Probe
from .ranges import examine_range


def examine_spatial_gate(probe: Probe, make: Callable[[int], Probe], find, any_channels: bool = True):
    """Yield the findings on pools and convolution; ``make(kernel_size)`` makes further instances."""
    yield from spatial.examine_pools(probe, find, any_channels)
    if (yield from kernel.examine_everywhere(probe, find)):
        yield from kernel.examine_kernel(make, find)


def examine_spatial_range(probe: Probe, find):
    """Factors for moderate inputs, and for inputs strong enough to open and close a gate entirely."""
    x = spatial.images(*spatial.fields(9, 10, count=4))
    moderate, strong = spatial.gate_maps(probe, x), spatial.gate_maps(probe, x * 40)
    return (yield from examine_range(moderate, strong, find, (1, 2)))

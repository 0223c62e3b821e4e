"""The examination of a gate over channels, from its factors to its hidden width: for SE, for CBAM's channel part."""

from collections.abc import Callable

from . import channel, mlp
from .instances import Probe
from .ranges import examine_range

CHANNELS, RATIO = 32, 8


def examine_channel_gate(probe: Probe, make: Callable[[int, int], Probe], find, both_pools: bool):
    """Yield the findings on pools, MLP and hidden width; ``make(channels, ratio)`` makes further instances."""
    if not (yield from channel.examine_pools(probe, CHANNELS, find, both_pools)):
        return
    yield from channel.examine_sizes(probe, CHANNELS, find)
    if both_pools and not (yield from channel.examine_shared(probe, CHANNELS, find)):
        return
    if (yield from mlp.examine_mlp(probe, CHANNELS, find)):
        yield from mlp.examine_width(make, find)


def examine_channel_range(probe: Probe, find):
    """Factors for moderate inputs, and for inputs strong enough to open and close a gate entirely."""
    mean, up = channel.draw(CHANNELS), channel.draw(CHANNELS, seed=6).abs() + 0.5
    x = channel.images(mean, mean + up, mean - up)
    return (yield from examine_range(channel.gates(probe, x), channel.gates(probe, x * 40), find, (1,)))

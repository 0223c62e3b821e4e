"""How an answer to the task cbam is examined; the words stand in cbam.toml beside it."""

from ..probes.basics import examine_basics, examine_gradients
from ..probes.channel_gate import CHANNELS, RATIO, examine_channel_gate
from ..probes.composition import examine_both_gates, examine_factors_range, examine_order
from ..probes.failures import first_failure
from ..probes.instances import Probe, build
from ..probes.parts import take_apart
from ..probes.spatial_gate import examine_spatial_gate

SHAPE = (2, CHANNELS, 9, 10)


def examine(cls, find):
    """Two gates, one after the other; each is then examined with the other one held still."""
    arguments = (CHANNELS, RATIO, 7)
    if (yield from first_failure(cls, arguments, SHAPE, find)):
        return
    masks = (SHAPE[:2], (SHAPE[0], *SHAPE[2:]))
    probe = yield from examine_basics(cls, arguments, SHAPE, find, masks)
    if probe is None or not (yield from examine_factors_range(probe, SHAPE, find)):
        return
    if not (yield from examine_both_gates(probe, SHAPE, find)):
        return
    parts = yield from examine_order(probe, SHAPE, find)
    if parts:
        yield from _examine_parts(cls, parts, find)
    yield from examine_gradients(probe, SHAPE, find)


def _examine_parts(cls, parts, find):
    def make_channel(channels: int, ratio: int) -> Probe:
        shape = (2, channels, 9, 10)
        return take_apart(build(cls, channels, ratio, 7, shape=shape), shape).channel

    def make_spatial(kernel_size: int) -> Probe:
        shape = (2, 4, 9, 10)
        return take_apart(build(cls, 4, 2, kernel_size, shape=shape), shape).spatial

    yield from examine_channel_gate(parts.channel, make_channel, find, both_pools=True)
    yield from examine_spatial_gate(make_spatial(7), make_spatial, find, any_channels=False)

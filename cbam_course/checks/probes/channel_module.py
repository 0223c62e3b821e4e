"""The examination of a module with a gate over channels and nothing else."""

from .basics import examine_basics, examine_gradients
from .channel import examine_factor
from .channel_gate import CHANNELS, RATIO, examine_channel_gate, examine_channel_range
from .failures import first_failure
from .instances import Probe, build

SHAPE = (3, CHANNELS, 5, 6)


def examine_channel_module(cls: type, find, both_pools: bool):
    """Yield the findings in the order in which one mistake hides another."""
    failure = yield from first_failure(cls, (CHANNELS, RATIO), SHAPE, find)
    if failure:
        return
    probe = yield from examine_basics(cls, (CHANNELS, RATIO), SHAPE, find, masks=(SHAPE[:2],))
    if probe is None or not (yield from examine_factor(probe, SHAPE, find)):
        return
    if (yield from examine_channel_range(probe, find)):

        def make(channels: int, ratio: int) -> Probe:
            return build(cls, channels, ratio, shape=(2, channels, 3, 4))

        yield from examine_channel_gate(probe, make, find, both_pools)
    yield from examine_gradients(probe, SHAPE, find)

"""How an answer to the task spatial-attention is examined; the words stand in spatial_attention.toml beside it."""

from ..probes.basics import examine_basics, examine_gradients
from ..probes.failures import first_failure
from ..probes.instances import Probe, build
from ..probes.spatial import examine_factor
from ..probes.spatial_gate import examine_spatial_gate, examine_spatial_range

SHAPE = (3, 4, 9, 10)


def examine(cls, find):
    """One gate for each position, from average and maximum over channels."""
    if (yield from first_failure(cls, (7,), SHAPE, find)):
        return
    masks = ((SHAPE[0], *SHAPE[2:]),)
    probe = yield from examine_basics(cls, (7,), SHAPE, find, masks)
    if probe is None or not (yield from examine_factor(probe, SHAPE, find)):
        return
    if (yield from examine_spatial_range(probe, find)):

        def make(kernel_size: int) -> Probe:
            return build(cls, kernel_size, shape=SHAPE)

        yield from examine_spatial_gate(probe, make, find)
    yield from examine_gradients(probe, SHAPE, find)

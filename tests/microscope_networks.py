"""Networks for the tests of the microscope: every module in every convention, no parameter where it starts."""

from functools import partial

import torch
from torch import nn

from cbam_course import CBAM, ChannelAttention, SpatialAttention, SqueezeExcitation
from cbam_course.inspection.microscope import gate_steps, record_steps
from cbam_course.inspection.mirror import find_mirror
from cbam_course.networks.baselines import OnePool, Parallel, SpatialFirst
from cbam_course.networks.small_cnn import HEADS, DenseCNN, SmallCNN

CLASSES = ("disc", "square", "triangle", "cross", "ring")


def shuffled(model, seed=0):
    """Give every parameter and statistic a value away from where it starts, and return the model."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.3, generator=generator)
                module.running_var.uniform_(0.3, 1.5, generator=generator)
                if module.affine:
                    module.weight.uniform_(0.5, 1.5, generator=generator)
                    module.bias.normal_(0, 0.3, generator=generator)
            for parameter in module.parameters(recurse=False):
                if parameter.ndim > 1:
                    parameter.mul_(1.5)
                elif not isinstance(module, nn.BatchNorm2d):
                    parameter.normal_(0, 0.3, generator=generator)
    return model


def _attentions():
    yield "plain", None
    for convention in ("lesson", "paper", "timm"):
        for name, build in {"SE": SqueezeExcitation, "channel": ChannelAttention, "CBAM": CBAM}.items():
            yield (
                f"{name}, {convention}",
                partial(lambda c, build, how: build(c, 4, convention=how), build=build, how=convention),
            )
        yield (
            f"spatial, {convention}",
            partial(lambda c, how: SpatialAttention(7, convention=how), how=convention),
        )
    yield "maximum alone", lambda c: OnePool(c, 4)
    yield "spatial first", lambda c: SpatialFirst(c, 4, 3)
    yield "parallel", lambda c: Parallel(c, 4, 5)
    yield "reflected", Reflected


class Reflected(SpatialAttention):
    """A border that repeats the map, as a learner may choose it."""

    def __init__(self, channels):
        super().__init__(5)
        self.conv = nn.Conv2d(2, 1, 5, padding=2, padding_mode="reflect")


class EarlySigmoid(ChannelAttention):
    """Another structure than the page knows: the sigmoid comes before the sum."""

    def __init__(self, channels):
        super().__init__(channels, 4)

    def gate(self, x):
        branches = self.mlp(x.mean((2, 3))), self.mlp(x.amax((2, 3)))
        return (sum(branch.sigmoid() for branch in branches) / 2)[:, :, None, None]


def all_networks():
    """Return a name and a network for every module in every convention, on both kinds of network, and every head."""
    torch.manual_seed(0)
    found = {}
    for name, attention in _attentions():
        found[f"small, {name}"] = shuffled(SmallCNN(5, widths=(8, 12), attention=attention))
        found[f"dense, {name}"] = shuffled(DenseCNN(widths=(8, 8, 12), attention=attention))
    for head in HEADS:
        found[f"head {head}"] = shuffled(SmallCNN(5, head=head, attention=lambda c: CBAM(c, 4)))
    return found


def full_steps(model, images):
    """Return every intermediate of a network by the name that the page has for it."""
    steps = record_steps(model, images)
    mirrors = [find_mirror(block.attention, [steps[f"{n}.pool"]]) for n, block in enumerate(model.blocks)]
    return steps | gate_steps(mirrors, steps)

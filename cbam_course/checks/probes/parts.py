"""Take a module of two gates apart: set the parameters of one gate to 0, which leaves it at sigmoid(0) = 0.5."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from .instances import Probe, noise

_HALF = 0.5


@dataclass(frozen=True)
class Parts:
    """The two gates of one module, each as a module of its own: x times its gate."""

    channel: Probe
    spatial: Probe


def take_apart(probe: Probe, shape: tuple[int, ...]) -> Parts:
    """Return the two parts of a module in which the channel gate comes first.

    Raises:
        ValueError: the parameters do not fall into two groups, so one of the gates does nothing.
    """
    channel, spatial = parameters_of(probe, shape)
    if not channel or not spatial:
        raise ValueError("one of the two gates does not depend on any parameter")
    return Parts(without(probe, spatial), without(probe, channel, before=True))


def parameters_of(probe: Probe, shape: tuple[int, ...]) -> tuple[set[str], set[str]]:
    """Tell the parameters of the two gates apart by what changes with each of them.

    The gate that comes first changes the second one's input. So a parameter of the second gate changes that gate's
    pattern alone: between positions, or between channels.
    """
    x = noise(shape, 2)
    before = _patterns(probe, x)
    changed = {name: _changed(probe, name, x, before) for name, _ in probe.module.named_parameters()}
    channel = {name for name, pattern in changed.items() if pattern == (True, False)}
    spatial = {name for name, pattern in changed.items() if pattern == (False, True)}
    both = {name for name, pattern in changed.items() if pattern == (True, True)}
    if both and not channel:
        channel = both
    elif both and not spatial:
        spatial = both
    return channel, spatial


def _patterns(probe: Probe, x: Tensor) -> tuple[Tensor, Tensor]:
    """Ratios between channels, and between positions; a common factor leaves both as they are."""
    factor = probe.factor(x)
    return (factor / factor[:, :1]).mean((2, 3)), (factor / factor[:, :, :1, :1]).mean(1)


def _changed(probe: Probe, name: str, x: Tensor, before: tuple[Tensor, Tensor]) -> tuple[bool, bool]:
    parameter = dict(probe.module.named_parameters())[name]
    kept = parameter.detach().clone()
    with torch.no_grad():
        parameter.mul_(1.5)
    after = _patterns(probe, x)
    with torch.no_grad():
        parameter.copy_(kept)
    channels, positions = ((b - a).abs().max() > 1e-5 for b, a in zip(before, after, strict=True))
    return bool(channels), bool(positions)


def without(probe: Probe, names: set[str], before: bool = False) -> Probe:
    """What is left when some parameters are 0; doubling undoes the gate that stands at a half, before or after."""
    module = copy.deepcopy(probe.module)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name in names:
                parameter.zero_()

    def alone(x: Tensor) -> Tensor:
        return module(x / _HALF) if before else module(x) / _HALF

    return Probe(alone, probe.dtype, module)

"""Two gates in one module: whether both are there, how they are put together, and each of them alone."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from .channel_probes import CHANNELS, RATIO, examine_channel_gate
from .channel_probes import examine_line as channel_line
from .module_probes import (
    Line,
    Probe,
    build,
    examine_basics,
    examine_gradients,
    examine_range,
    first_failure,
    noise,
)
from .report import Find
from .spatial_probes import examine_spatial_gate

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
    x = noise((6, *shape[1:]), 2)
    x = torch.cat([x, -x])  # a hidden unit that is off for one of them is on for the other
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


def examine_factors_range(probe: Probe, shape: tuple, find: Find):
    """The product of two gates lies between 0 and 1; return whether it does."""
    x = noise(shape, 4)
    out = probe(x).double()
    if bool((out >= 0).all() and (out <= 2).all()):  # x has both signs, and gates have one
        find("range", False, "mask-returned", low=float(out.min()), high=float(out.max()))
        return False
    if _sum_of_two(probe.factor(x)):
        find(
            "range", False, "gates-added", low=float(probe.factor(x).min()), high=float(probe.factor(x).max())
        )
        return False
    factor = probe.factor(x)
    if float(factor.min()) >= 1 and _product(factor - 1) and _missing(factor) is None:
        find("range", False, "extra-residual", low=float(factor.min()), high=float(factor.max()))
        return False
    strong = probe.factor(x * 40)
    if float(strong.min()) < 0 and _unbounded(probe, x):
        find("range", False, "no-sigmoid", low=float(strong.min()), high=float(strong.max()))
        return False
    return examine_range(factor, strong, find, (1,), lambda: _line(probe, shape))


def _unbounded(probe: Probe, x: Tensor) -> bool:
    """Whether the factor grows as x does, or as its cube where both gates are open, once sigmoids are at an end."""
    once, twice = probe.factor(x * 1e4).double(), probe.factor(x * 2e4).double()
    far = once.abs() > 100
    growth = (twice / once)[far].median() if bool(far.any()) else torch.tensor(1.0)
    return any(abs(float(growth) - times) < 0.02 for times in (2, 8))


def _line(probe: Probe, shape: tuple) -> Line:
    """Along a short line both gates change; two gates added show in the channel part alone, where it can be had."""
    step = 1e-2 if probe.dtype is torch.float64 else 0.1
    x = noise(shape, 5)
    places = tuple(probe.factor(torch.where(x.abs() < 0.2, 0.2, x) + s).flatten() for s in (-step, 0.0, step))
    try:
        part = channel_line(take_apart(probe, shape).channel, shape[1])
    except ValueError:
        return Line(places, precise=probe.dtype is torch.float64)
    return Line(places, part.branches, part.precise)


def examine_both_gates(probe: Probe, shape: tuple, find: Find):
    """The factor is a channel's factor times a position's; return whether both vary."""
    factor = probe.factor(noise(shape, 1))
    holds = _product(factor)
    mistake = _missing(factor) if holds else None
    find("both-gates", mistake is None and holds, mistake)
    return mistake is None and holds


def _product(factor: Tensor) -> bool:
    """A number of the channel times a number of the position."""
    apart = factor * factor[:, :1, :1, :1] - factor[:, :1] * factor[:, :, :1, :1]
    return bool(apart.abs().max() < 1e-4)


def _missing(factor: Tensor) -> str | None:
    channels = bool((factor - factor[:, :1]).abs().max() > 1e-5)
    positions = bool((factor - factor[:, :, :1, :1]).abs().max() > 1e-5)
    if channels and positions:
        return None
    return (
        "constant-gate"
        if not channels and not positions
        else "no-spatial-part"
        if channels
        else "no-channel-part"
    )


def _sum_of_two(factor: Tensor) -> bool:
    """A channel's gate plus a position's gate: no interaction between the two, though both are there."""
    mixed = factor - factor[:, :1] - factor[:, :, :1, :1] + factor[:, :1, :1, :1]
    return bool(mixed.abs().max() < 1e-4) and _missing(factor) is None


def examine_order(probe: Probe, shape: tuple, find: Find):
    """Put the two parts together again and compare; return them where they fit."""
    try:
        parts = take_apart(probe, shape)
    except ValueError:
        channel, _ = parameters_of(probe, shape)
        find("order", False, None if channel else "no-mlp")  # a channel gate without parameters
        return None
    x = noise(shape, 3)
    got = probe(x).double()
    holds = _near(probe, got, parts.spatial(parts.channel(x)))
    find("order", holds, None if holds else _other_order(probe, got, x))
    return parts if holds else None


def _other_order(probe: Probe, got: Tensor, x: Tensor) -> str | None:
    """In another order the gate that stands at a half stands on the other side of the part that is left."""
    channel, spatial = parameters_of(probe, x.shape)
    position = without(probe, channel)
    if _near(probe, got, without(probe, spatial, before=True)(position(x))):
        return "order-swapped"
    together = without(probe, spatial)(x).double() * position(x).double() / x
    return "spatial-gate-from-x" if _near(probe, got, together) else None


def _near(probe: Probe, one: Tensor, other: Tensor) -> bool:
    return bool((one - other.double()).abs().max() < 10 * probe.tolerance * (1 + one.abs().max()))


SHAPE = (2, CHANNELS, 9, 10)


def examine_composed_module(cls: type, find: Find) -> None:
    """Find out about two gates, one after the other; each is then examined with the other one held still."""
    arguments = (CHANNELS, RATIO, 7)
    if first_failure(cls, arguments, SHAPE, find):
        return
    masks = (SHAPE[:2], (SHAPE[0], *SHAPE[2:]))
    probe = examine_basics(cls, arguments, SHAPE, find, masks)
    if probe is None or not examine_factors_range(probe, SHAPE, find):
        return
    if not examine_both_gates(probe, SHAPE, find):
        return
    parts = examine_order(probe, SHAPE, find)
    if parts:
        _examine_parts(cls, parts, find)
    examine_gradients(probe, SHAPE, find)


def _examine_parts(cls: type, parts: Parts, find: Find) -> None:
    def make_channel(channels: int, ratio: int) -> Probe:
        shape = (2, channels, 9, 10)
        return take_apart(build(cls, channels, ratio, 7, shape=shape), shape).channel

    def make_spatial(kernel_size: int) -> Probe:
        shape = (2, 4, 9, 10)
        return take_apart(build(cls, 4, 2, kernel_size, shape=shape), shape).spatial

    examine_channel_gate(parts.channel, make_channel, find, both_pools=True)
    examine_spatial_gate(make_spatial(7), make_spatial, find, any_channels=False)

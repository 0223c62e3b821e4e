"""Experiments on two gates in one module: whether both are there, and how they are put together."""

from torch import Tensor

from .instances import Probe, noise
from .parts import parameters_of, take_apart, without
from .ranges import examine_range


def examine_factors_range(probe: Probe, shape: tuple, find):
    """The product of two gates lies between 0 and 1; return whether it does."""
    x = noise(shape, 4)
    out = probe(x).double()
    if bool((out >= 0).all() and (out <= 2).all()):  # x has both signs, and gates have one
        yield find("range", False, "mask-returned", low=float(out.min()), high=float(out.max()))
        return False
    if _sum_of_two(probe.factor(x)):
        yield find(
            "range", False, "gates-added", low=float(probe.factor(x).min()), high=float(probe.factor(x).max())
        )
        return False
    return (yield from examine_range(probe.factor(x), probe.factor(x * 40), find, (1,)))


def examine_both_gates(probe: Probe, shape: tuple, find):
    """The factor is a channel's factor times a position's; return whether both vary."""
    factor = probe.factor(noise(shape, 1))
    first = factor[:, :1], factor[:, :, :1, :1]
    product = factor * factor[:, :1, :1, :1] - first[0] * first[1]
    holds = bool(product.abs().max() < 1e-4)
    mistake = _missing(factor) if holds else None
    yield find("both-gates", mistake is None and holds, mistake)
    return mistake is None and holds


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


def examine_order(probe: Probe, shape: tuple, find):
    """Put the two parts together again and compare; return them where they fit."""
    try:
        parts = take_apart(probe, shape)
    except ValueError:
        channel, _ = parameters_of(probe, shape)
        yield find("order", False, None if channel else "no-mlp")  # a channel gate without parameters
        return None
    x = noise(shape, 3)
    got = probe(x).double()
    holds = _near(probe, got, parts.spatial(parts.channel(x)))
    yield find("order", holds, None if holds else _other_order(probe, got, x))
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

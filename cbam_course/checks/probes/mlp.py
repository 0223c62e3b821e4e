"""Experiments on what stands between the pools and the sigmoid: layers, ReLU, hidden width.

With a ReLU the logits are piecewise linear in the pooled values z. Where h hidden units are active, the Jacobian
has the rank h; opposite places have opposite units active, so the two ranks add up to the hidden width.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .channel import draw, gates, images, logits
from .instances import Probe

Maker = Callable[[int, int], Probe]


@dataclass(frozen=True)
class Slopes:
    """Jacobians (N, C, C) of the logits at places ``z`` and at ``-z``."""

    z: Tensor
    at: Tensor
    opposite: Tensor
    curved: float  # share of places where the logit is not a straight line
    precise: bool

    def rank(self, matrices: Tensor) -> Tensor:
        values = torch.linalg.svdvals(matrices)
        # Measured against the largest of all, so that a matrix of rounding errors counts as 0.
        return (values > (1e-4 if self.precise else 2e-2) * values.max()).sum(-1)

    @property
    def width(self) -> int:
        """All logits move in a space of so many dimensions: the hidden width, if it is below C."""
        both = torch.cat([self.at, self.opposite])
        return int(self.rank(both.permute(1, 0, 2).flatten(1))) if both.abs().max() > 1e-6 else 0


def measure_slopes(probe: Probe, channels: int, count: int = 8) -> Slopes:
    """Take differences of the logits at random places, their opposites, and some places close to 0."""
    precise = probe.dtype is torch.float64
    z = draw(channels, count, seed=13, scale=2.5 if precise else 1.2)
    (at, _), (opposite, _) = _jacobian(probe, z), _jacobian(probe, -z)
    curved = _jacobian(probe, draw(channels, count, seed=14, scale=0.7))[1]
    return Slopes(z, at, opposite, float(curved.mean()), precise)


def _jacobian(probe: Probe, z: Tensor) -> tuple[Tensor, Tensor]:
    """Differences are exact where the logit is straight; a step across a kink is rare."""
    step = 0.01 if probe.dtype is torch.float64 else 0.1
    count, channels = z.shape
    shift = torch.eye(channels, dtype=z.dtype)[None] * step
    up = logits(probe, (z[:, None] + shift).flatten(0, 1)).view(count, channels, channels)
    down = logits(probe, (z[:, None] - shift).flatten(0, 1)).view(count, channels, channels)
    bent = (up + down - 2 * logits(probe, z)[:, None]).abs().amax(2) > (1e-7 if step < 0.1 else 2e-3)
    return ((up - down) / (2 * step)).transpose(1, 2), bent.double()


def examine_mlp(probe: Probe, channels: int, find):
    """Every channel's gate sees every channel, through layers with a ReLU between them."""
    found = measure_slopes(probe, channels)
    size = torch.cat([found.at, found.opposite]).abs().amax(0)
    seen = size > (1e-6 if found.precise else 1e-4) * size.max()
    mixed = bool(seen.all())
    alone = not bool((seen & ~torch.eye(channels, dtype=torch.bool)).any())
    yield find("channels-together", mixed, "no-mlp" if alone else None, seen=int(seen.sum(1).min()))
    if mixed:
        mistake = _activation(found, channels)
        yield find("relu", mistake is None, mistake)
        return mistake is None
    return False


def _activation(found: Slopes, channels: int) -> str | None:
    if found.curved > 0.5:
        return "other-activation"
    change = (torch.cat([found.at, found.opposite]) - found.at[:1]).abs().max()
    if change < 1e-3 * found.at.abs().max():
        return "single-layer" if found.width == channels else "no-activation"
    if _blind_below_zero(found):
        return "activation-first"
    # Biases keep a few units active at both places, so the sum need not be exact; a leaky unit doubles it.
    active = (found.rank(found.at) + found.rank(found.opposite)).double().mean() / found.width
    return None if 0.5 < active < 1.5 or found.width == channels else "other-activation"


def _blind_below_zero(found: Slopes) -> bool:
    """A ReLU on the pooled values makes the gate blind to what is below 0."""
    below = (found.z < 0)[:, None].expand_as(found.at)
    blind = found.at[below].abs() < 1e-4 * found.at.abs().max()
    return bool(blind.double().mean() > 0.9)


def examine_width(make: Maker, find):
    """The hidden width follows the reduction ratio, and is at least 1."""
    wide, narrow, least = _width(make, 32, 4), _width(make, 32, 8), _width(make, 8, 16)
    mistake = None
    if (wide, narrow) != (8, 4):
        mistake = _wrong_width(wide, narrow, least)
    elif least != 1:
        mistake = "hidden-width-zero" if least == 0 else "wrong-width"
    yield find("width", mistake is None, mistake, wide=wide, narrow=narrow, least=least)


def _wrong_width(wide: int, narrow: int, least: int) -> str:
    if wide == narrow == 32:
        return "no-reduction"
    if (wide, narrow) == (4, 8):
        return "ratio-as-width"
    if wide == 8 and narrow == 8 and least == 8:
        return "minimum-width"
    return "ratio-ignored" if wide == narrow else "wrong-width"


def _width(make: Maker, channels: int, ratio: int) -> int:
    """Count a module that cannot be made because nothing is left of its hidden layer as one of width 0."""
    try:
        probe = make(channels, ratio)
    except (RuntimeError, ValueError, ZeroDivisionError, AssertionError):
        if channels >= ratio:
            raise
        return 0
    z = draw(channels, scale=2.0)
    seen = gates(probe, images(z, z + 1, z - 1))
    if bool((seen - seen[:1]).abs().max() < 1e-6):
        return 0
    return measure_slopes(probe, channels).width

"""Experiments on a gate over positions: one factor for each position, and what it follows."""

import torch
from torch import Tensor

from .instances import Probe, logit, noise

CHANNELS = 4


def images(mean: Tensor, top: Tensor, bottom: Tensor) -> Tensor:
    """Maps of four channels with this average, largest and smallest value at each position, (N, H, W) each."""
    rest = (CHANNELS * mean - top - bottom) / (CHANNELS - 2)
    return torch.stack([rest, top, rest, bottom], dim=1)


def gate_maps(probe: Probe, x: Tensor) -> Tensor:
    """The factor of each position, (N, H, W), read in the channel where x is farthest from 0."""
    place = x.abs().argmax(1, keepdim=True)
    return probe.factor(x).gather(1, place).squeeze(1)


def logit_maps(probe: Probe, mean: Tensor, top: Tensor, bottom: Tensor) -> Tensor:
    """The number before the sigmoid at each position, (N, H, W)."""
    return logit(gate_maps(probe, images(mean, top, bottom)))


def fields(height: int, width: int, count: int = 1, seed: int = 21) -> tuple[Tensor, Tensor, Tensor]:
    """Random maps of the average, the maximum above it and the minimum below it."""
    generator = torch.Generator().manual_seed(seed)

    def draw():
        return torch.rand(count, height, width, generator=generator, dtype=torch.float64)

    mean = draw() * 2 - 1
    return mean, mean + 1 + 0.5 * draw(), mean - 1 - 0.5 * draw()


def examine_factor(probe: Probe, shape: tuple, find):
    """Each position has one factor, the same for all channels; return whether that is so."""
    x = noise(shape, 1)
    factor, out = probe.factor(x), probe(x).double()
    spread = float((factor.amax(1) - factor.amin(1)).max())
    holds = spread < 1e-4
    mistake = None if holds else _no_factor(factor, out, x)
    if holds and bool((factor.amax((2, 3)) - factor.amin((2, 3))).max() < 1e-6):
        holds, mistake = False, "constant-gate"
    got = f"factors that differ by up to {spread:.2f}" if spread >= 1e-4 else "the same number everywhere"
    yield find("position-factor", holds, mistake, got=got)
    return holds


def _no_factor(factor: Tensor, out: Tensor, x: Tensor) -> str | None:
    def alike(values: Tensor, axes) -> bool:
        return bool((values.amax(axes) - values.amin(axes)).max() < 1e-4)

    if alike(out, 1):
        return "mask-returned"
    if alike(out - x, 1):
        return "gate-added"
    return "pooled-over-space" if alike(factor, (2, 3)) else None


def examine_pools(probe: Probe, find, any_channels: bool):
    """The gate follows the average and the maximum over channels, in planes of their own, and nothing else."""
    seen, free = _matters(probe), _channels_free(probe)
    holds, mistake = seen == (True, True, False) and free, None
    if not holds:
        mistake = _other_pools(seen)
    elif _added(probe):
        holds, mistake = False, "pools-added"
    names = [n for n, s in zip(("average", "maximum", "minimum"), seen, strict=True) if s]
    got = "their sum" if mistake == "pools-added" else ", ".join(names or ["nothing"])
    yield find("map-pools", holds, mistake, got=got + ("" if free else ", the order of the channels"))
    if holds and any_channels:
        same = _number_of_channels(probe)
        yield find("any-channels", same, "sum-not-mean")
    return holds


def _matters(probe: Probe) -> tuple[bool, bool, bool]:
    mean, top, bottom = fields(9, 10)
    before = logit_maps(probe, mean, top, bottom)
    changed = ((mean + 0.2, top, bottom), (mean, top + 0.3, bottom), (mean, top, bottom - 0.3))
    average, maximum, minimum = (
        bool((logit_maps(probe, *maps) - before).abs().max() > 20 * probe.tolerance) for maps in changed
    )
    return average, maximum, minimum


def _other_pools(seen: tuple[bool, bool, bool]) -> str:
    named = {
        (False, False, False): "constant-gate",
        (True, False, False): "average-only",
        (False, True, False): "maximum-only",
        (True, False, True): "minimum",
        (False, False, True): "minimum",
    }
    return named.get(seen, "other-pool")


def _channels_free(probe: Probe) -> bool:
    x = images(*fields(9, 10, seed=22))
    return bool((gate_maps(probe, x) - gate_maps(probe, x[:, [2, 3, 0, 1]])).abs().max() < 1e-5)


def _added(probe: Probe) -> bool:
    """Adding to the average or to the maximum makes no difference where one plane holds their sum."""
    mean, top, bottom = fields(9, 10, seed=23)
    bump = torch.zeros_like(mean)
    bump[:, 4, 5], bump[:, 2, 3] = 0.3, 0.2
    one, other = logit_maps(probe, mean + bump, top, bottom), logit_maps(probe, mean, top + bump, bottom)
    return bool((one - other).abs().max() < 20 * probe.tolerance)


def _number_of_channels(probe: Probe) -> bool:
    x = images(*fields(9, 10, seed=24))
    return bool((gate_maps(probe, x) - gate_maps(probe, x.repeat(1, 2, 1, 1))).abs().max() < 1e-5)

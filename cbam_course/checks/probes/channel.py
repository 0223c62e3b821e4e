"""Experiments on a gate over channels: one factor for each channel, and which pools it follows."""

import torch
from torch import Tensor

from .instances import Probe, logit, noise

HEIGHT, WIDTH = 3, 4
PIXELS = HEIGHT * WIDTH


def images(mean: Tensor, top: Tensor, bottom: Tensor) -> Tensor:
    """Feature maps whose channels have a given average, largest and smallest value, each (N, C)."""
    rest = (PIXELS * mean - top - bottom) / (PIXELS - 2)
    x = rest[..., None].repeat(1, 1, PIXELS)
    x[..., 2], x[..., 7] = top, bottom
    return x.view(*mean.shape, HEIGHT, WIDTH)


def gates(probe: Probe, x: Tensor) -> Tensor:
    """The factor of each channel, (N, C), read where x is farthest from 0."""
    place = x.abs().flatten(2).argmax(2, keepdim=True)
    return probe.factor(x).flatten(2).gather(2, place).squeeze(2)


def logits(probe: Probe, mean: Tensor, top: Tensor | None = None, bottom: Tensor | None = None) -> Tensor:
    """The number before the sigmoid for channels with these averages and maxima; constant channels by default."""
    top = mean if top is None else top
    return logit(gates(probe, images(mean, top, 2 * mean - top if bottom is None else bottom)))


def draw(channels: int, count: int = 24, seed: int = 5, scale: float = 1.0) -> Tensor:
    """Random pooled values of both signs, (count, C)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, channels, generator=generator, dtype=torch.float64) * scale


def examine_factor(probe: Probe, shape: tuple, find):
    """Each channel has one factor; return whether that is so."""
    x = noise(shape, 1)
    factor, out = probe.factor(x), probe(x).double()
    spread = float((factor.amax((2, 3)) - factor.amin((2, 3))).max())
    holds = spread < 1e-4
    yield find("channel-factor", holds, None if holds else _no_factor(factor, out, x), spread=spread)
    return holds


def _no_factor(factor: Tensor, out: Tensor, x: Tensor) -> str | None:
    def flat(values):
        return bool((values.amax((2, 3)) - values.amin((2, 3))).max() < 1e-4)

    if flat(out):
        return "mask-returned"
    if flat(out - x):
        return "gate-added"
    alike = bool((factor.amax(1) - factor.amin(1)).max() < 1e-4)
    return "gates-positions" if alike else "other-axis"


def matters(probe: Probe, channels: int) -> tuple[bool, bool, bool]:
    """Whether the gate follows the average, the maximum and the minimum, each changed alone."""
    mean, up, down = draw(channels), draw(channels, seed=6).abs() + 1, draw(channels, seed=7).abs() + 1
    before = gates(probe, images(mean, mean + up, mean - down))
    changed = (
        images(mean + 0.3, mean + up, mean - down),
        images(mean, mean + up + 0.5, mean - down),
        images(mean, mean + up, mean - down - 0.5),
    )
    average, top, bottom = (bool((gates(probe, x) - before).abs().max() > 1e-5) for x in changed)
    return average, top, bottom


def examine_pools(probe: Probe, channels: int, find, both: bool):
    """SE follows the average alone, CBAM's channel gate the average and the maximum."""
    seen = matters(probe, channels)
    still = _positions_free(probe, channels)
    named = {
        (False, False, False): "constant-gate",
        (True, False, False): "average-only",
        (False, True, False): "maximum-only",
        (True, True, False): "maximum-too",
        (True, False, True): "minimum",
        (False, False, True): "minimum",
    }
    holds = seen == (True, both, False) and still
    mistake = named.get(seen, "other-pool") if seen != (True, both, False) else "other-pool"
    yield find("channel-pools" if both else "mean-pool", holds, mistake, got=_pools_seen(seen, still))
    return holds


def _pools_seen(seen: tuple[bool, ...], still: bool) -> str:
    names = [name for name, s in zip(("average", "maximum", "minimum"), seen, strict=True) if s]
    return ", ".join(names or ["nothing"]) + ("" if still else ", the place of the pixels")


def _positions_free(probe: Probe, channels: int) -> bool:
    x = noise((4, channels, HEIGHT, WIDTH), 8)
    order = torch.randperm(PIXELS, generator=torch.Generator().manual_seed(9))
    moved = x.flatten(2)[..., order].view_as(x)
    return bool((gates(probe, x) - gates(probe, moved)).abs().max() < 1e-5)


def examine_sizes(probe: Probe, channels: int, find):
    """The same values on a map twice as large, and on a single pixel."""
    x = noise((2, channels, 4, 5), 11)
    before = gates(probe, x)
    for tiled in (x.repeat(1, 1, 2, 1), x.repeat(1, 1, 2, 3)):
        try:
            same = bool((gates(probe, tiled) - before).abs().max() < 1e-5)
        except (RuntimeError, ValueError, IndexError) as error:
            yield find("sizes", False, "fixed-size", got=f"{type(error).__name__}: {error}"[:120])
            return
        if not same:
            yield find("sizes", False, "sum-not-mean", got="another gate")
            return
    yield find("sizes", True)


def examine_shared(probe: Probe, channels: int, find):
    """On constant channels average and maximum are equal, so a shared MLP's logit lies halfway."""
    size = draw(channels, seed=12).abs() + 0.2
    low, high = -size, size
    mixed, all_low, all_high = logits(probe, low, high), logits(probe, low), logits(probe, high)
    off = float((mixed - (all_low + all_high) / 2).abs().max())
    holds = off < 100 * probe.tolerance
    yield find("shared", holds, None if holds else _not_shared(probe, size, mixed), off=off)
    return holds


def _not_shared(probe: Probe, size: Tensor, mixed: Tensor) -> str | None:
    near = 100 * probe.tolerance
    if bool((mixed - logits(probe, size * 1e-3, size * 1e-3)).abs().max() < 0.01):
        return "mlp-of-sum"  # it saw only −u + u = 0
    gate, low, high = mixed.sigmoid(), logits(probe, -size).sigmoid(), logits(probe, size).sigmoid()
    if bool((gate - (low + high) / 2).abs().max() < near):
        return "early-sigmoid"
    if bool((gate**2 - low * high).abs().max() < near):
        return "gates-multiplied"
    if bool((gate - torch.maximum(low, high)).abs().max() < near):
        return "larger-branch"
    return "unshared-mlp" if _additive(probe, size) else "pools-joined"


def _additive(probe: Probe, size: Tensor) -> bool:
    """g(average) + h(maximum): changing one adds the same whatever the other is."""
    a, b = -size, size
    change = logits(probe, a * 1.5, b) - logits(probe, a, b)
    elsewhere = logits(probe, a * 1.5, b * 2) - logits(probe, a, b * 2)
    return bool((change - elsewhere).abs().max() < 100 * probe.tolerance)

"""A gate over channels: one factor for each channel, its pools, its MLP and the hidden width.

With a ReLU the logits are piecewise linear in the pooled values z. Where h hidden units are active, the Jacobian
has the rank h; opposite places have opposite units active, so the two ranks add up to the hidden width.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from .module_probes import (
    Line,
    Probe,
    build,
    examine_gate_module,
    examine_range,
    logit,
    noise,
    show_two_images,
)
from .report import Find

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


def examine_factor(probe: Probe, shape: tuple, find: Find):
    """Each channel has one factor; return whether that is so."""
    x = noise(shape, 1)
    factor, out = probe.factor(x), probe(x).double()
    spread = float((factor.amax((2, 3)) - factor.amin((2, 3))).max())
    got = f"within one channel it differs by up to {spread:.2f}"
    if spread >= 1e-4:
        mistake = _no_factor(factor, out, x) or ("not-squeezed" if _pointwise(probe, factor, x) else None)
        return find("channel-factor", False, mistake, got=got)
    apart = float((factor.amax(1) - factor.amin(1)).max())
    moves = float((factor.amax(0) - factor.amin(0)).max()) > 1e-4
    one = apart < 1e-4 and moves and x.shape[1] > 1
    return find(
        "channel-factor", not one, "one-factor-for-an-image", got="one number for all channels of an image"
    )


def _no_factor(factor: Tensor, out: Tensor, x: Tensor) -> str | None:
    def flat(values):
        return bool((values.amax((2, 3)) - values.amin((2, 3))).max() < 1e-4)

    if flat(out):
        return "mask-returned"
    if flat(out - x):
        return "gate-added"
    alike = bool((factor.amax(1) - factor.amin(1)).max() < 1e-4)
    if not alike:
        return None
    rows, columns = (bool((factor.amax(axis) - factor.amin(axis)).max() < 1e-4) for axis in (3, 2))
    return "other-axis" if rows or columns else "gates-positions"


def _pointwise(probe: Probe, factor: Tensor, x: Tensor) -> bool:
    """Whether a position's factors stay when all other positions change."""
    other = noise(x.shape, 2)
    other[:, :, 0, 0] = x[:, :, 0, 0]
    return bool((probe.factor(other) - factor)[:, :, 0, 0].abs().max() < 1e-5)


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


def examine_pools(probe: Probe, channels: int, find: Find, both: bool):
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
    right = seen == (True, both, False) and still
    together = seen[2] is False and _channels_together(probe, channels)
    mistake = named.get(seen, "other-pool") if seen != (True, both, False) else "other-pool"
    if together:
        mistake = "pooled-with-channels"
    elif mistake == "other-pool" and _pooled_last(probe, channels):
        mistake = "pooled-last"
    got = _pools_seen(seen, still) + (", of all channels together" if together else "")
    return find("channel-pools" if both else "mean-pool", right and not together, mistake, got=got)


def _channels_together(probe: Probe, channels: int) -> bool:
    """Whether the gates follow the pools, and stay when the channels exchange what they hold."""
    mean, up = draw(channels), draw(channels, seed=6).abs() + 1
    before, after = (
        gates(probe, images(m, m + u, m - u)) for m, u in ((mean, up), (mean.roll(1, 1), up.roll(1, 1)))
    )
    moves = bool((before - before[:1]).abs().max() > 1e-4)
    return channels > 1 and moves and bool((before - after).abs().max() < 1e-5)


def _pooled_last(probe: Probe, channels: int) -> bool:
    """Whether an image of two halves gets the mean of the gates that either half would get by itself."""
    one, other = (draw(channels, 6, seed)[..., None, None].expand(-1, -1, HEIGHT, WIDTH) for seed in (19, 20))
    halves = torch.cat([one[..., : WIDTH // 2], other[..., WIDTH // 2 :]], 3)
    apart = (gates(probe, one) + gates(probe, other)) / 2
    return bool((gates(probe, halves) - apart).abs().max() < 1e-5)


def _pools_seen(seen: tuple[bool, ...], still: bool) -> str:
    names = [name for name, s in zip(("average", "maximum", "minimum"), seen, strict=True) if s]
    return ", ".join(names or ["nothing"]) + ("" if still else ", the place of the pixels")


def _positions_free(probe: Probe, channels: int) -> bool:
    x = noise((4, channels, HEIGHT, WIDTH), 8)
    order = torch.randperm(PIXELS, generator=torch.Generator().manual_seed(9))
    moved = x.flatten(2)[..., order].view_as(x)
    return bool((gates(probe, x) - gates(probe, moved)).abs().max() < 1e-5)


def examine_sizes(probe: Probe, channels: int, find: Find):
    """The same values on a map twice as large, and on a single pixel."""
    x = noise((2, channels, 4, 5), 11)
    before = gates(probe, x)
    for tiled in (x.repeat(1, 1, 2, 1), x.repeat(1, 1, 2, 3)):
        try:
            same = bool((gates(probe, tiled) - before).abs().max() < 1e-5)
        except (RuntimeError, ValueError, IndexError) as error:
            return find("sizes", False, "fixed-size", got=f"{type(error).__name__}: {error}"[:120])
        if not same:
            return find("sizes", False, partial(_sum, probe, channels), got="another gate")
    return find("sizes", True)


def _sum(probe: Probe, channels: int) -> str | None:
    """A map beside itself has twice the sum: the same as another map with twice the average and the same maximum."""
    mean = draw(channels, 4, seed=15)
    top = 3 * mean.abs() + 1
    repeated, twice = images(mean, top, -top).repeat(1, 1, 1, 2), images(2 * mean, top, -top)
    same = (gates(probe, repeated) - gates(probe, twice)).abs().max() < 1e-5
    return "sum-not-mean" if bool(same) else None


def examine_shared(probe: Probe, channels: int, find: Find):
    """On constant channels average and maximum are equal, so a shared MLP's logit lies halfway."""
    size = draw(channels, seed=12).abs() + 0.2
    low, high = -size, size
    mixed, all_low, all_high = logits(probe, low, high), logits(probe, low), logits(probe, high)
    off = float((mixed - (all_low + all_high) / 2).abs().max())
    holds = off < 100 * probe.tolerance
    find("shared", holds, None if holds else _not_shared(probe, size, mixed), off=off)
    return holds


def _not_shared(probe: Probe, size: Tensor, mixed: Tensor) -> str | None:
    near = 100 * probe.tolerance
    if bool((mixed - logits(probe, size * 1e-3, size * 1e-3)).abs().max() < 0.01):
        return "mlp-of-sum"  # it saw only −u + u = 0
    gate, low, high = mixed.sigmoid(), logits(probe, -size).sigmoid(), logits(probe, size).sigmoid()
    roots = [logit(factor.sqrt()) for factor in (gate, low, high)]
    if bool((roots[0] - (roots[1] + roots[2]) / 2).abs().max() < near):
        return "gate-twice"
    if bool((gate - (low + high) / 2).abs().max() < near):
        # A straight line that is cut off at 0 and 1, as a hard sigmoid is, adds up too.
        soft = examine_line(probe, size.shape[1], up=0.0).straight(logit)
        return "early-sigmoid" if soft else "other-activation"
    if bool((gate**2 - low * high).abs().max() < near):
        return "gates-multiplied"
    if bool((gate - torch.maximum(low, high)).abs().max() < near):
        return "larger-branch"
    if _additive(probe, size):
        return "unshared-mlp" if _own_layers(probe, size) else None
    line = examine_line(probe, size.shape[1])
    if line.straight(lambda factor: factor):  # a hard sigmoid at the end
        return "other-activation"
    smaller = bool((gate - torch.minimum(low, high)).abs().max() < near)
    return "pools-joined" if line.straight(logit) and not smaller else None


def _additive(probe: Probe, size: Tensor) -> bool:
    """g(average) + h(maximum): changing one adds the same whatever the other is."""
    a, b = -size, size
    change = logits(probe, a * 1.5, b) - logits(probe, a, b)
    elsewhere = logits(probe, a * 1.5, b * 2) - logits(probe, a, b * 2)
    return bool((change - elsewhere).abs().max() < 100 * probe.tolerance)


def _own_layers(probe: Probe, size: Tensor) -> bool:
    """Whether one parameter acts on the average's branch alone, and another on the maximum's."""

    def effects() -> tuple[Tensor, Tensor]:
        here = logits(probe, -size, size)
        return logits(probe, -1.5 * size, size) - here, logits(probe, -size, 1.5 * size) - here

    before, alone = effects(), set()
    for parameter in probe.module.parameters():
        kept = parameter.detach().clone()
        with torch.no_grad():
            parameter.mul_(1.5)
            after = effects()
            parameter.copy_(kept)
        changed = [
            bool((b - a).abs().max() > 1e-3 * a.abs().max()) for a, b in zip(before, after, strict=True)
        ]
        if changed[0] != changed[1]:
            alone.add(changed.index(True))
    return alone == {0, 1}


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


def examine_mlp(probe: Probe, channels: int, find: Find):
    """Every channel's gate sees every channel, through layers with a ReLU between them."""
    found = measure_slopes(probe, channels)
    size = torch.cat([found.at, found.opposite]).abs().amax(0)
    seen = size > (1e-6 if found.precise else 1e-4) * size.max()
    mixed = bool(seen.all())
    alone = not bool((seen & ~torch.eye(channels, dtype=torch.bool)).any())
    find("channels-together", mixed, "no-mlp" if alone else None, seen=int(seen.sum(1).min()))
    if mixed:
        mistake = _activation(found, channels)
        if mistake == "other-activation" and _gate_twice(probe, channels):
            mistake = "gate-twice"
        if mistake is None and _clipped(probe, channels):
            mistake = "clipped-activation"
        find("relu", mistake is None, mistake)
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


def _clipped(probe: Probe, channels: int) -> bool:
    """Whether the logits stop growing for strong inputs; behind a ReLU they follow them in proportion.

    Only gates that are not wide open are read: close to 1 a logit is lost in rounding, close to 0 it is not. Where
    all hidden units are off nothing grows either, so a fair share of places must.
    """
    z = draw(channels, seed=18)
    places = (z * times for times in (1e-3, 60, 120))
    origin, strong, stronger = (torch.logit(gates(probe, images(at, at, at))) for at in places)
    low = -600 if probe.dtype is torch.float64 else -60
    readable = (strong.clamp(low, 12) == strong) & (stronger.clamp(low, 12) == stronger)
    readable &= (strong - origin).abs() > 0.1
    if not readable.any():
        return False
    growth = (stronger - strong)[readable] / (strong - origin)[readable]
    return bool((growth > 0.5).double().mean() < 0.2)


def _gate_twice(probe: Probe, channels: int) -> bool:
    """Whether the square root of the factor is a gate as it should be."""
    return examine_line(probe, channels).straight(lambda factor: logit(factor.sqrt()))


def _blind_below_zero(found: Slopes) -> bool:
    """A ReLU on the pooled values makes the gate blind to what is below 0."""
    below = (found.z < 0)[:, None].expand_as(found.at)
    blind = found.at[below].abs() < 1e-4 * found.at.abs().max()
    return bool(blind.double().mean() > 0.9)


# Channels and ratio: where they divide; where nothing is left; where rounding up, half up and down part ways.
_SIZES = ((32, 4), (32, 8), (8, 16), (24, 16), (33, 16))


def examine_width(make: Maker, find: Find):
    """The hidden width follows the reduction ratio, rounded down, and is at least 1."""
    found = tuple(_width(make, *size) for size in _SIZES[:3])
    right = tuple(max(1, channels // ratio) for channels, ratio in _SIZES)
    if found == right[:3]:
        found += tuple(_width(make, *size) for size in _SIZES[3:])
    holds = found == right
    words = ", ".join(f"{w} for {c} and {r}" for w, (c, r) in zip(found, _SIZES, strict=False))

    def mistake() -> str:
        return "third-layer" if _third_layer(make(*_SIZES[0])) else _wrong_width(found)

    find("width", holds, mistake, got=words)


def _third_layer(probe: Probe) -> bool:
    """With two layers and no biases the slopes at z and at -z add up to the same matrix everywhere, W₂ W₁."""
    biases = [parameter for parameter in probe.module.parameters() if parameter.ndim < 2]
    kept = [bias.detach().clone() for bias in biases]
    with torch.no_grad():
        for bias in biases:
            bias.zero_()
    slopes = measure_slopes(probe, _SIZES[0][0])
    with torch.no_grad():
        for bias, values in zip(biases, kept, strict=True):
            bias.copy_(values)
    both = slopes.at + slopes.opposite
    return slopes.precise and bool((both - both[:1]).abs().max() > 0.05 * both.abs().max())


def _wrong_width(found: tuple[int, ...]) -> str:
    wide, narrow, least, *rounded = found
    if rounded:
        names = {(2, 3): "rounded-up", (2, 2): "rounded-half-up"}
        return names.get(tuple(rounded), "wrong-width")
    if wide == narrow == 32:
        return "no-reduction"
    if (wide, narrow) == (4, 8):
        return "ratio-as-width"
    if (wide, narrow) == (8, 4):
        return "hidden-width-zero" if least == 0 else "minimum-width"
    if wide == narrow == least == 8:
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


CHANNELS, RATIO = 32, 8


def examine_channel_gate(probe: Probe, make: Callable[[int, int], Probe], find: Find, both_pools: bool):
    """Record the findings on pools, MLP and hidden width; ``make(channels, ratio)`` makes further instances."""
    small = partial(make, 2, 1)
    if not examine_pools(probe, CHANNELS, find, both_pools):
        if matters(probe, CHANNELS)[0]:
            show_two_images(find, "same_average", small, [[[2, 2]], [[1, 1]]], [[[1, 3]], [[1, 1]]])
        else:
            show_two_images(find, "same_maximum", small, [[[1, 3]], [[1, 1]]], [[[3, 3]], [[1, 1]]])
        return
    if not examine_sizes(probe, CHANNELS, find):
        show_two_images(find, "repeated", small, [[[1, 3]], [[1, 1]]], [[[1, 3, 1, 3]], [[1, 1, 1, 1]]])
    if both_pools and not examine_shared(probe, CHANNELS, find):
        return
    if examine_mlp(probe, CHANNELS, find):
        examine_width(make, find)


def examine_channel_range(probe: Probe, find: Find):
    """Factors for moderate inputs, and for inputs strong enough to open and close a gate entirely."""
    mean, up = draw(CHANNELS), draw(CHANNELS, seed=6).abs() + 0.5
    x = images(mean, mean + up, mean - up)
    line = partial(examine_line, probe, CHANNELS)
    return examine_range(gates(probe, x), gates(probe, x * 40), find, (1,), line)


def examine_line(probe: Probe, channels: int, up: float = 1.0) -> Line:
    """Factors along a short line of averages and maxima, and for two averages with two maxima each.

    The maxima lie at least ``up`` above the averages, or with 0 at the averages.
    """
    precise = probe.dtype is torch.float64
    step = 1e-2 if precise else 0.1
    mean, up = draw(channels, seed=16), (draw(channels, seed=17).abs() + 1) * up
    places = (gates(probe, images(mean + s, mean + up + s, mean - up + s)) for s in (-step, 0, step))
    branches = [
        torch.stack([gates(probe, images(mean + m, mean + up + t, mean - up)) for t in (0.0, 0.5)])
        for m in (0.0, 0.3)
    ]
    return Line(tuple(places), torch.stack(branches), precise)


SHAPE = (3, CHANNELS, 5, 6)


def examine_channel_module(cls: type, find: Find, both_pools: bool):
    """Find out about a module with a gate over channels and nothing else."""

    def make(channels: int, ratio: int) -> Probe:
        return build(cls, channels, ratio, shape=(2, channels, 3, 4))

    examine_gate_module(
        cls,
        (CHANNELS, RATIO),
        SHAPE,
        (SHAPE[:2],),
        find,
        factor=examine_factor,
        in_range=examine_channel_range,
        gate=lambda probe: examine_channel_gate(probe, make, find, both_pools),
    )

"""A gate over positions: one factor for each position, its pools, and how far its convolution reaches."""

from collections.abc import Callable
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


def examine_factor(probe: Probe, shape: tuple, find: Find):
    """Each position has one factor, the same for all channels; return whether that is so."""
    x = noise(shape, 1)
    factor, out = probe.factor(x), probe(x).double()
    spread = float((factor.amax(1) - factor.amin(1)).max())
    holds = spread < 1e-4
    mistake = None if holds else _no_factor(factor, out, x)
    if holds and bool((factor.amax((2, 3)) - factor.amin((2, 3))).max() < 1e-6):
        holds, mistake = False, "constant-gate"
    got = f"factors that differ by up to {spread:.2f}" if spread >= 1e-4 else "the same number everywhere"
    find("position-factor", holds, mistake, got=got)
    return holds


def _no_factor(factor: Tensor, out: Tensor, x: Tensor) -> str | None:
    def alike(values: Tensor, axes) -> bool:
        return bool((values.amax(axes) - values.amin(axes)).max() < 1e-4)

    if alike(out, 1):
        return "mask-returned"
    if alike(out - x, 1):
        return "gate-added"
    return "pooled-over-space" if alike(factor, (2, 3)) else None


def examine_pools(probe: Probe, find: Find, any_channels: bool):
    """The gate follows the average and the maximum over channels, in planes of their own, and nothing else."""
    seen, free = _matters(probe), _channels_free(probe)
    holds, mistake = seen == (True, True, False) and free, None
    if not holds:
        mistake = _other_pools(seen)
    elif _added(probe):
        holds, mistake = False, "pools-added"
    names = [n for n, s in zip(("average", "maximum", "minimum"), seen, strict=True) if s]
    got = "their sum" if mistake == "pools-added" else ", ".join(names or ["nothing"])
    find("map-pools", holds, mistake, got=got + ("" if free else ", the order of the channels"))
    if holds and any_channels:
        find("any-channels", _number_of_channels(probe), partial(_sum, probe))
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


def _sum(probe: Probe) -> str | None:
    """Every channel twice has twice the sum: that of other channels with twice the average and the same maximum."""
    mean, top, bottom = fields(9, 10, seed=25)
    mean, top, bottom = 0.1 * mean, top - mean, bottom - mean
    twice = gate_maps(probe, images(mean, top, bottom).repeat(1, 2, 1, 1))
    other = gate_maps(probe, images(2 * mean, top, bottom))
    return "sum-not-mean" if bool((twice - other).abs().max() < 1e-5) else None


Maker = Callable[[int], Probe]
HEIGHT, WIDTH = 21, 23


def responses(probe: Probe, row: int, column: int, size: float = 0.15, negated: bool = False) -> Tensor:
    """How the logits change when the average, and when the maximum, of one position changes: (2, H, W)."""
    mean, top, bottom = fields(HEIGHT, WIDTH)
    if negated:
        mean, top, bottom = -mean, -bottom, -top
    bump = torch.zeros_like(mean)
    bump[0, row, column] = size
    before = logit_maps(probe, mean, top, bottom)
    after = [logit_maps(probe, mean + bump, top, bottom), logit_maps(probe, mean, top + bump, bottom)]
    return torch.cat(after) - before


def reach(probe: Probe, row: int, column: int) -> Tensor:
    """Where one position's values matter, (H, W) of bool."""
    found = responses(probe, row, column).abs().amax(0)
    return found > max(20 * probe.tolerance, 1e-4 * float(found.max()))


def examine_kernel(make: Maker, find: Find):
    """A pixel reaches exactly kernel_size by kernel_size positions around it."""
    row, column = HEIGHT // 2, WIDTH // 2
    try:
        seen = {size: reach(make(size), row, column) for size in (7, 3)}
    except RuntimeError as error:
        if "must match the size" not in str(error):
            raise
        return find("kernel", False, "padding-fixed", seven="7 × 7", three="an error about sizes, not 3 × 3")
    boxes = {size: _box(found) for size, found in seen.items()}
    expected = {size: (row - size // 2, column - size // 2, size, size) for size in seen}
    full = all(bool(_square(expected[s])[seen[s]].all()) and int(seen[s].sum()) == s * s for s in seen)
    mistake = None if full else _wrong_reach(seen, boxes, expected)
    size = 3 if boxes[7] == expected[7] else 7
    find(
        "kernel",
        full,
        mistake,
        pictures=(_square(expected[size]).float(), seen[size].float()),
        seven=_words(boxes[7]),
        three=_words(boxes[3]),
    )
    return full


def _box(found: Tensor) -> tuple[int, int, int, int]:
    """Top row, left column, height and width of what is reached."""
    if not bool(found.any()):
        return 0, 0, 0, 0
    rows, columns = (found.any(axis).nonzero().flatten().tolist() for axis in (1, 0))
    return rows[0], columns[0], rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1


def _square(box: tuple[int, int, int, int]) -> Tensor:
    top, left, height, width = box
    square = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    square[top : top + height, left : left + width] = True
    return square


def _words(box: tuple[int, int, int, int]) -> str:
    return f"{box[2]} × {box[3]}"


def _wrong_reach(seen: dict, boxes: dict, expected: dict) -> str | None:
    if boxes[7][2:] == boxes[3][2:]:
        return "kernel-ignored"
    for size, found in seen.items():
        if boxes[size][2] * boxes[size][3] > int(found.sum()) > 1 and int(found.sum()) == size * size:
            return "dilated"
    if all(boxes[size][2:] == (size, size) for size in seen):
        return "off-centre"
    if (boxes[7][2] > 7 and boxes[3] == expected[3]) or max(boxes[7][2:]) > 7:
        return "reaches-too-far"
    return "wrong-kernel" if boxes[7][2:] != (7, 7) or boxes[3][2:] != (3, 3) else None


def examine_everywhere(probe: Probe, make: Maker, find: Find):
    """The same change gives the same response at every place, and adds up: one convolution, then the sigmoid."""
    row, column = HEIGHT // 2, WIDTH // 2
    same = _same_everywhere(probe)
    here, negated = responses(probe, row, column), responses(probe, row, column, negated=True)
    straight = _near(probe, 2 * here, responses(probe, row, column, 0.3)) and _near(probe, here, negated)
    corner = reach(probe, 0, 0)
    far = bool(corner[15:].any() or corner[:, 15:].any())
    heard = here.abs().amax((1, 2)) > 20 * probe.tolerance  # the maximum of the whole map lies elsewhere

    def mistake() -> str | None:
        if _whole_map(probe) or (bool(heard[0] and not heard[1]) and _largest_everywhere(probe)):
            return "pooled-over-all"
        if far:  # a norm over the map spreads one change over all of it
            return "wraps-around" if float(corner.double().mean()) < 0.5 else None
        line = examine_line(probe)
        if line.straight(lambda factor: logit(factor.sqrt())):
            return "gate-twice"
        if line.straight(lambda factor: factor):
            return "hard-sigmoid"
        if not straight:
            still = float(here[0].abs().max()) < 20 * probe.tolerance  # the average lies below 0 here
            return "blind-to-negative-averages" if still else "not-linear"
        fits = any(
            _same_everywhere(make(size)) for size in (1, 3)
        )  # where nothing is lost, nothing is stretched
        return "stretched-back" if fits else None

    holds = same and straight and not far and bool(heard.all())
    find("everywhere", holds, mistake)
    return holds


def _whole_map(probe: Probe) -> bool:
    """Whether a change of the average has one and the same response wherever it happens."""
    here, there = (responses(probe, *place)[0] for place in ((HEIGHT // 2, WIDTH // 2), (3, 4)))
    return bool(here.abs().max() > 20 * probe.tolerance) and bool(
        (here - there).abs().max() < probe.tolerance
    )


def _largest_everywhere(probe: Probe) -> bool:
    """Whether a change of the largest value of the map is felt in most of it."""
    row, column = divmod(int(fields(HEIGHT, WIDTH)[1].argmax()), WIDTH)
    return float((responses(probe, row, column)[1].abs() > 20 * probe.tolerance).double().mean()) > 0.5


def _same_everywhere(probe: Probe) -> bool:
    row, column = HEIGHT // 2, WIDTH // 2
    here, there = responses(probe, row, column), responses(probe, row - 3, column + 2)
    return _near(probe, here.roll((-3, 2), (1, 2)), there)


def _near(probe: Probe, one: Tensor, other: Tensor) -> bool:
    return bool((one - other).abs().max() < 50 * probe.tolerance * (1 + other.abs().max()))


def examine_spatial_gate(probe: Probe, make: Callable[[int], Probe], find: Find, any_channels: bool = True):
    """Record the findings on pools and convolution; ``make(kernel_size)`` makes further instances."""
    if not examine_pools(probe, find, any_channels):
        if _matters(probe)[0]:
            show_two_images(
                find, "same_average_here", partial(make, 1), [[[2, 1]], [[2, 1]]], [[[1, 1]], [[3, 1]]]
            )
        else:
            show_two_images(
                find, "same_maximum_here", partial(make, 1), [[[1, 1]], [[3, 1]]], [[[3, 1]], [[3, 1]]]
            )
    if examine_everywhere(probe, make, find):
        examine_kernel(make, find)


def examine_spatial_range(probe: Probe, find: Find):
    """Factors for moderate inputs, and for inputs strong enough to open and close a gate entirely."""
    x = images(*fields(9, 10, count=4))
    moderate, strong = gate_maps(probe, x), gate_maps(probe, x * 40)
    return examine_range(moderate, strong, find, (1, 2), partial(examine_line, probe))


def examine_line(probe: Probe) -> Line:
    """Factors along a short line of averages and maxima, and for two averages with two maxima each."""
    step = 1e-2 if probe.dtype is torch.float64 else 0.05
    mean, top, bottom = fields(9, 10, seed=26)

    def factors(m: float, t: float) -> Tensor:
        return gate_maps(probe, images(mean + m, top + t, bottom)).flatten()

    branches = [torch.stack([factors(m, t) for t in (0.0, 0.5)]) for m in (0.0, 0.3)]
    return Line(
        tuple(factors(s, s) for s in (-step, 0.0, step)), torch.stack(branches), probe.dtype is torch.float64
    )


SHAPE = (3, CHANNELS, 9, 10)


def examine_spatial_module(cls: type, find: Find) -> None:
    """Find out about a module with a gate over positions and nothing else."""

    def make(kernel_size: int) -> Probe:
        return build(cls, kernel_size, shape=SHAPE)

    examine_gate_module(
        cls,
        (7,),
        SHAPE,
        ((SHAPE[0], *SHAPE[2:]),),
        find,
        factor=examine_factor,
        in_range=examine_spatial_range,
        gate=lambda probe: examine_spatial_gate(probe, make, find),
    )

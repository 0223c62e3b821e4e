"""How the answers of lesson 04 are examined; the words stand in lesson_04.toml beside it."""

import numpy
import torch
from torch.nn import functional as F

from ..checks.behaviour import Raised, name_function, name_value, one_of, outcome
from ..checks.report import Find
from ..checks.spatial_probes import examine_spatial_module
from ..checks.values import as_number, as_numbers, close, examine_whole_number
from ..data.scenes import make_scenes
from ..inspection.mystery import mystery_maps
from ..inspection.pointing import pointing_rate as shared_rate
from ..training.metrics import mean_iou


def _draw(seed: int, *shapes: tuple[int, ...]) -> list[torch.Tensor]:
    """Tensors of both signs, one for each shape."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for shape in shapes]


# three-pools


def _rectified(shape: tuple[int, ...], kernel: int, seed: int) -> tuple:
    """A map with both signs and exact zeros, and a kernel of three planes."""
    x, weight = _draw(seed, shape, (1, 3, kernel, kernel))
    return torch.where(x.abs() < 0.4, 0.0, x), weight / kernel


_THREE_POOLS = [
    _rectified((2, 3, 5, 6), 3, 1),
    _rectified((1, 4, 7, 6), 5, 2),
    _rectified((3, 2, 2, 8), 1, 3),
    _rectified((2, 5, 8, 9), 7, 4),
]


def _planes(x):
    return [x.mean(1), x.amax(1), (x > 0).float().mean(1)]


def _three_gate(x, weight, planes=_planes, padding=None, mode="constant"):
    pad = weight.shape[-1] // 2 if padding is None else padding
    framed = F.pad(torch.stack(planes(x), 1), [pad] * 4, mode=mode)
    return F.conv2d(framed, weight).sigmoid()


def _everywhere(values, x):
    """One number for each image, (N,), at all positions."""
    return values[:, None, None].expand_as(x[:, 0])


def _with_planes(planes):
    return lambda x, weight: _three_gate(x, weight, planes)


def _with_padding(padding):
    return lambda x, weight: _three_gate(x, weight, padding=padding)


def three_pools(answer: object, find: Find) -> None:
    """Maps with both signs and exact zeros, kernels of four sizes; one bright image beside a dark one."""

    def share(x):
        return (x > 0).float().mean(1)

    wrong = {
        "sum-not-mean": one_of(
            _with_planes(lambda x: [x.mean(1), x.amax(1), (x > 0).float().sum(1)]),
            _with_planes(lambda x: [x.sum(1), x.amax(1), share(x)]),
            _with_planes(lambda x: [x.sum(1), x.amax(1), (x > 0).float().sum(1)]),
        ),
        "zeros-counted": _with_planes(lambda x: [x.mean(1), x.amax(1), (x >= 0).float().mean(1)]),
        "negatives-counted": _with_planes(lambda x: [x.mean(1), x.amax(1), (x != 0).float().mean(1)]),
        "positive-mean": _with_planes(lambda x: [x.relu().mean(1), x.amax(1), share(x)]),
        "share-of-the-others": _with_planes(lambda x: [x.mean(1), x.amax(1), 1 - share(x)]),
        "share-over-positions": _with_planes(
            lambda x: [x.mean(1), x.amax(1), share(x).mean((1, 2), keepdim=True).expand_as(x[:, 0])]
        ),
        "other-border": one_of(
            *(
                lambda x, weight, mode=mode: _three_gate(x, weight, mode=mode)
                for mode in ("replicate", "reflect", "circular")
            )
        ),
        "rectified": _with_planes(lambda x: [x.mean(1), x.amax(1), x.relu().mean(1)]),
        "swapped-order": one_of(
            *(
                _with_planes(lambda x, order=order: [_planes(x)[i] for i in order])
                for order in ((1, 0, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0), (2, 0, 1))
            )
        ),
        "absolute": _with_planes(lambda x: [x.mean(1), x.abs().amax(1), share(x)]),
        "any-not-share": _with_planes(lambda x: [x.mean(1), x.amax(1), (x > 0).any(1).float()]),
        "pooled-over-positions": one_of(
            _with_planes(lambda x: [x.mean(1), _everywhere(x.amax((1, 2, 3)), x), share(x)]),
            _with_planes(lambda x: [_everywhere(x.mean((1, 2, 3)), x), x.amax(1), share(x)]),
            _with_planes(lambda x: [*(_everywhere(f((1, 2, 3)), x) for f in (x.mean, x.amax)), share(x)]),
        ),
        "batch-leak": _with_planes(
            lambda x: [plane.mean(0, keepdim=True).expand_as(plane) for plane in _planes(x)]
        ),
        "no-sigmoid": lambda x, weight: torch.logit(_three_gate(x.double(), weight.double())).float(),
        "product-returned": lambda x, weight: x * _three_gate(x, weight),
        "not-padded": _with_padding(0),
        "fixed-padding": one_of(*map(_with_padding, (1, 2, 3))),
        "no-channel-axis": lambda x, weight: _three_gate(x, weight)[:, 0],
        "flipped": lambda x, weight: _three_gate(x, weight.flip(2, 3)),
    }
    find.agrees("value", answer, _three_gate, _THREE_POOLS, wrong)


# spatial-attention


def spatial_attention(answer: object, find: Find) -> None:
    """One gate for each position, from average and maximum over channels."""
    examine_spatial_module(answer, find)


# receptive-field

_RECEPTIVE_FIELD_WRONG = {
    "gate-only": one_of((7, 7), (7, 14)),
    "gate-left-out": one_of((11, 20), (11, 32), (17, 20)),
    "gates-left-out": (5, 8),
    "exchanged": (32, 17),
    "one-side": one_of((8, 16), (8, 15)),
    "pooled-pixels": (17, 16),
    "added-kernels": one_of((20, 20), (20, 22), (20, 39), (20, 38)),
    "multiplied": one_of((441, 441), (441, 882)),
    "pooling-ignored": (17, 17),
    "stride-ignored": (17, 18),
    "everything-doubled": (17, 34),
    "pooling-adds-nothing": (17, 31),
    "first-gate-not-doubled": (17, 26),
}


def receptive_field(answer: object, find: Find) -> None:
    """1 + 2 + 6 + 2 + 6 = 17 and 1 + 2 + 1 + 2·6 + 2·2 + 2·6 = 32."""
    numbers = as_numbers(answer)
    two = numbers is not None and len(numbers) == 2 and all(n.is_integer() for n in numbers)
    if find("number", two, got=answer):
        mistake = name_value(numbers, _RECEPTIVE_FIELD_WRONG, (17, 32))
        find("first", numbers[0] == 17, mistake, got=int(numbers[0]))
        find("second", numbers[1] == 32, mistake, got=int(numbers[1]))


# spatial-bug


def _bug_case(seed: int, shape: tuple[int, ...], kernel: int) -> tuple:
    """A map of positive numbers whose last image is the brightest, and a kernel."""
    x, weight = _draw(seed, shape, (1, 2, kernel, kernel))
    x = x.abs() + 0.2
    x[-1] *= 3
    return x, weight / 3


_BUG_CASES = [
    _bug_case(4, (2, 3, 9, 11), 5),
    _bug_case(5, (3, 2, 8, 7), 7),
    _bug_case(6, (2, 4, 5, 6), 3),
    _bug_case(7, (1, 5, 3, 2), 1),
    tuple(_draw(8, (2, 3, 6, 5), (1, 2, 3, 3))),  # both signs
]


def _pools(x):
    return torch.stack([x.mean(1), x.amax(1)], dim=1)


def _bug_gate(x, weight, padding=None, mode="constant"):
    pad = weight.shape[-1] // 2 if padding is None else padding
    return F.conv2d(F.pad(_pools(x), [pad] * 4, mode=mode), weight).sigmoid()


def _bug_right(x, weight):
    return x * _bug_gate(x, weight)


def _stretched(mode: str, align: bool | None, where: str, divided: str):
    """The small map stretched, before or after the sigmoid, divided by nothing, the batch or the image."""

    def scale(x, weight):
        bare, size = F.conv2d(_pools(x), weight), x.shape[2:]
        small = bare.sigmoid() if where == "after" else bare
        gate = F.interpolate(small, size, mode=mode, align_corners=align)
        gate = gate if where == "after" else gate.sigmoid()
        return x * _divided(gate, divided)

    return scale


def _divided(gate, by: str):
    if by == "nothing":
        return gate
    return gate / (gate.max() if by == "batch" else gate.amax((2, 3), keepdim=True))


def _padded_gate(x, weight, value: float):
    """The small map, framed behind the sigmoid."""
    return F.pad(_bug_gate(x, weight, 0), [weight.shape[-1] // 2] * 4, value=value)


def _stretched_range(gate, axes: tuple[int, ...]):
    low, high = gate.amin(axes, keepdim=True), gate.amax(axes, keepdim=True)
    return (gate - low) / (high - low)


_STRETCHED = [
    _stretched(mode, align, where, divided)
    for mode, align in (
        ("nearest", None),
        ("bilinear", False),
        ("bilinear", True),
        ("bicubic", False),
        ("bicubic", True),
    )
    for where in ("after", "before")
    for divided in ("nothing", "batch", "image")
]
_BUG_WRONG = {
    "still-stretched": one_of(*_STRETCHED),
    "still-divided": lambda x, w: x * _divided(_bug_gate(x, w), "batch"),
    "divided-by-image": lambda x, w: x * _divided(_bug_gate(x, w), "image"),
    "no-sigmoid": lambda x, w: x * torch.logit(_bug_gate(x.double(), w.double())).float(),
    "mask-returned": lambda x, w: _bug_gate(x, w),
    "not-padded": one_of(lambda x, w: x * _bug_gate(x, w, 0), lambda x, w: _bug_gate(x, w, 0)),
    "fixed-padding": one_of(*(lambda x, w, p=p: x * _bug_gate(x, w, p) for p in (1, 2, 3))),
    "other-border": one_of(
        *(
            lambda x, w, mode=mode: x * F.conv2d(_framed(_pools(x), w, mode), w).sigmoid()
            for mode in ("replicate", "reflect", "circular")
        )
    ),
    "swapped-planes": lambda x, w: x * _bug_gate(x, w.flip(1)),
    "flipped": lambda x, w: x * _bug_gate(x, w.flip(2, 3)),
    "gate-padded": one_of(
        *(lambda x, w, value=value: x * _padded_gate(x, w, value) for value in (0.0, 0.5, 1.0))
    ),
    "softmax": lambda x, w: (
        x * torch.logit(_bug_gate(x.double(), w.double())).flatten(2).softmax(2).view_as(x[:, :1]).float()
    ),
    "range-stretched": one_of(
        lambda x, w: x * _stretched_range(_bug_gate(x, w), (0, 1, 2, 3)),
        lambda x, w: x * _stretched_range(_bug_gate(x, w), (2, 3)),
    ),
    "sum-not-mean": lambda x, w: (
        x * F.conv2d(torch.stack([x.sum(1), x.amax(1)], 1), w, padding=w.shape[-1] // 2).sigmoid()
    ),
    "product-added": lambda x, w: x + x * _bug_gate(x, w),
    "absolute-values": one_of(
        lambda x, w: x.abs() * _bug_gate(x, w),
        lambda x, w: x * _bug_gate(x.abs(), w),
        lambda x, w: x.abs() * _bug_gate(x.abs(), w),
    ),
    "pools-divided": lambda x, w: (
        x * F.conv2d(_pools(x) / _pools(x).max(), w, padding=w.shape[-1] // 2).sigmoid()
    ),
}


def _framed(pools, weight, mode: str):
    return F.pad(pools, [weight.shape[-1] // 2] * 4, mode=mode)


def spatial_bug(answer: object, find: Find) -> None:
    """Several sizes, a batch against its images alone, one bright pixel, and the values."""

    def mistake() -> str | None:
        return name_function(answer, _bug_right, _BUG_WRONG, _BUG_CASES)

    x, weight = _BUG_CASES[0]
    got = outcome(answer, (x, weight))
    if isinstance(got, Raised) and mistake() is None:
        raise got.error
    right = isinstance(got, torch.Tensor) and got.shape == x.shape and got.is_floating_point()
    if not find("shape", right, mistake, expected=tuple(x.shape), got=got):
        return
    off = float((answer(x[:1].clone(), weight.clone()) - got[:1]).abs().max())
    find("images", off < 1e-4, mistake, off=off)
    _aligned(answer, find, mistake)
    find.agrees("value", answer, _bug_right, _BUG_CASES, _BUG_WRONG)


def _aligned(scale, find: Find, mistake) -> None:
    """A kernel that reads its middle alone: the brightest factor must lie on the one bright pixel."""
    weight = torch.zeros(1, 2, 5, 5)
    weight[0, :, 2, 2] = 1.0
    for row, column in ((1, 8), (7, 0)):
        x = torch.full((1, 2, 9, 11), 0.1)
        x[:, :, row, column] = 1.0
        place = int((scale(x.clone(), weight.clone()) / x)[0, 0].flatten().argmax())
        where, at = f"row {row}, column {column}", f"row {place // 11}, column {place % 11}"
        find("aligned", place == row * 11 + column, mistake, where=where, got=at)


# read-the-border

_READ_THE_BORDER_WRONG = {
    2: "frame-width",
    4: "no-middle",
    6: "constant-part",
    7: "default-kernel",
    3: "one-row-missed",
    25: "area-not-side",
    10: "map-not-kernel",
}


def read_the_border(answer: object, find: Find) -> None:
    """A frame of 2 pixels is the padding of a kernel of 5; the map has 10 × 10 pixels."""
    examine_whole_number(answer, find, 5, _READ_THE_BORDER_WRONG)


# twin-map


def _distinct(seed: int, shape: tuple[int, ...]) -> torch.Tensor:
    """Both signs, and no two channels closer than 0.2: a part of any gap is still another number."""
    generator = torch.Generator().manual_seed(seed)
    steps = torch.rand(shape, generator=generator) + 0.2
    values = steps.cumsum(1) - 0.4 * shape[1]
    return values.gather(1, torch.rand(shape, generator=generator).argsort(1))


def _far_below(x: torch.Tensor) -> torch.Tensor:
    """The smallest channel moved down, so that its mirror image about the others' mean is above the maximum."""
    return torch.where(x == x.amin(1, keepdim=True), x - 6, x)


_TWIN_INPUTS = [
    *(_distinct(seed, shape) for seed, shape in enumerate(((2, 4, 3, 5), (1, 7, 6, 2), (3, 5, 1, 1)))),
    _far_below(_distinct(3, (1, 4, 2, 3))),
]


def twin_map(answer: object, find: Find) -> None:
    """The same mean and maximum at every position, from other numbers."""
    results = [answer(x.clone()) for x in _TWIN_INPUTS]
    for x, y in zip(_TWIN_INPUTS, results, strict=True):
        right = isinstance(y, torch.Tensor) and y.shape == x.shape and y.is_floating_point()
        if not find("shape", right, expected=tuple(x.shape), got=y):
            return
    pairs = list(zip(_TWIN_INPUTS, results, strict=True))
    mistake = _twin_mistake(pairs)
    for slug, pool in zip(("mean", "maximum"), _TWIN_POOLS, strict=True):
        off = [(x, y) for x, y in pairs if not close(pool(y), pool(x))]
        x, y = (off or pairs)[0]
        find(slug, not off, mistake, expected=pool(x)[0, 0, :2], got=pool(y)[0, 0, :2])
    apart = [(a.sort(1).values - b.sort(1).values).abs().amax(1) > 1e-3 for a, b in pairs]
    share = float(torch.cat([part.flatten() for part in apart]).float().mean())
    find("others", share == 1.0, mistake, got=share)


def _twin_mistake(pairs: list) -> str | None:
    """A name where it explains every position of every probe."""

    def always(holds) -> bool:
        return all(bool(holds(x, y)) for x, y in pairs)

    def shifted(x, y) -> bool:
        change = y - x
        return close(change, change[:, :1].expand_as(change))

    found = {
        "unchanged": always(lambda x, y: close(y, x)),
        "reordered": always(lambda x, y: close(x.sort(1).values, y.sort(1).values) and not close(x, y)),
        "flattened": always(lambda x, y: close(y, x.mean(1, keepdim=True).expand_as(x))),
        "shifted": always(lambda x, y: shifted(x, y) and not close(x, y)),
        "negated": always(lambda x, y: close(y, -x)),
        "positions-exchanged": always(
            lambda x, y: close(x.flatten(2).sort(2).values, y.flatten(2).sort(2).values)
        )
        and not always(lambda x, y: close(x.sort(1).values, y.sort(1).values)),
    }
    fitting = [slug for slug, holds in found.items() if holds]
    if not fitting:
        kept = [always(lambda x, y, pool=pool: close(pool(y), pool(x))) for pool in _TWIN_POOLS]
        return {(True, False): "mean-only", (False, True): "maximum-only"}.get(tuple(kept))
    return fitting[0] if len(fitting) == 1 else None


_TWIN_POOLS = (lambda v: v.mean(1), lambda v: v.amax(1))


# pointing-rate


def _pointing_case(hits: list[bool], height: int, width: int, seed: int, side: int = 2) -> tuple:
    """Maps of both signs: the largest value on a square target or beside it, the most negative one elsewhere.

    Its place and size change from image to image: the darkest pixel is not always the largest absolute value.
    """
    generator = torch.Generator().manual_seed(seed)
    maps = torch.rand(len(hits), height, width, generator=generator) - 0.5
    masks = torch.zeros(len(hits), height, width, dtype=torch.bool)
    for n, hit in enumerate(hits):
        row, column = (
            int(torch.randint(length - side + 1, (1,), generator=generator)) for length in (height, width)
        )
        masks[n, row : row + side, column : column + side] = True
        opposite = (column + max(side, width // 2)) % width
        bright, other = (column, opposite) if hit else (opposite, column)
        neutral, dark = n % 3 == 2 and height > side, (-3.0, -0.8)[n % 2] - 0.01 * (n % 5)
        # A close second, mostly read first, so that rounding or clipping makes a difference.
        if neutral:
            maps[n, (row + side) % height, bright], maps[n, (row + side) % height, other] = dark, 1.2
        else:
            maps[n, row + 1, other], maps[n, row, other] = dark, 1.2
        maps[n, row + 1, bright] = 1.3 + 0.01 * n
    return maps, masks


def _all_negative() -> tuple:
    """Nothing is above 0; three of four maps hit, and the fourth misses in rows without a target."""
    maps = torch.rand(4, 5, 6, generator=torch.Generator().manual_seed(12)) - 2
    masks = torch.zeros(4, 5, 6, dtype=torch.bool)
    masks[:, 3:, 2:4] = True
    maps[:3, 4, 3], maps[3, 0, 1] = -0.5, -0.6
    return maps, masks


_POINTING_CASES = [
    _pointing_case([True, True, False, True, False] * 8, 12, 17, 7, side=5),
    _pointing_case([True, False], 9, 4, 8),
    _pointing_case([False], 3, 5, 9),
    _pointing_case([True, False, False, True], 2, 7, 10),
    _pointing_case([True] * 3, 5, 8, 11),
    _all_negative(),
]


def _hit(maps, masks, places) -> float:
    return masks.flatten(1).gather(1, places[:, None]).double().mean().item()


def _rate(maps, masks):
    values = maps.flatten(1)
    if int((values == values.amax(1, keepdim=True)).sum()) > len(maps):
        raise ValueError("two largest values")
    return _hit(maps, masks, values.argmax(1))


def _rows_and_columns(maps, masks):
    height, width = maps.shape[1:]
    best = maps.flatten(1).argmax(1)
    row, column = best // width, best % width
    return _hit(maps, masks, column.clamp(max=height - 1) * width + row.clamp(max=width - 1))


def _at(maps, masks, place):
    """The share of images whose mask is true at ``place(index, height, width)`` of the largest value."""
    row, column = place(maps.flatten(1).argmax(1), *maps.shape[1:])
    return masks[torch.arange(len(maps)), row, column].float().mean()


_POINTING_WRONG = {
    "counted": lambda m, k: _rate(m, k) * len(m),
    "in-percent": lambda m, k: 100 * _rate(m, k),
    "overlap": one_of(
        lambda m, k: ((m > 0) & k).sum() / ((m > 0) | k).sum(),
        lambda m, k: (((m > 0) & k).sum((1, 2)) / ((m > 0) | k).sum((1, 2))).mean(),
    ),
    "any-bright-pixel": one_of(
        lambda m, k: ((m > m.mean((1, 2), keepdim=True)) & k).flatten(1).any(1).float().mean(),
        lambda m, k: ((m > 0) & k).flatten(1).any(1).float().mean(),
    ),
    "absolute": lambda m, k: _hit(m, k, m.abs().flatten(1).argmax(1)),
    "darkest": lambda m, k: _hit(m, k, m.flatten(1).argmin(1)),
    "one-for-all": lambda m, k: k.flatten()[m.argmax()].float(),
    "average-inside": one_of(
        lambda m, k: m[k].mean(),
        lambda m, k: torch.stack([a[b].mean() for a, b in zip(m, k, strict=True)]).mean(),
    ),
    "share-of-brightness": one_of(
        lambda m, k: (m * k).sum() / m.sum(), lambda m, k: ((m * k).sum((1, 2)) / m.sum((1, 2))).mean()
    ),
    "area": lambda m, k: k.float().mean(),
    "other-image": one_of(lambda m, k: _rate(m, k.roll(1, 0)), lambda m, k: _rate(m, k.roll(-1, 0))),
    "rows-and-columns": one_of(
        _rows_and_columns,
        lambda m, k: _at(m, k, lambda best, h, w: (best % w, best // w)),
        lambda m, k: _at(m, k, lambda best, h, w: (best // h, best % h)),
        lambda m, k: _at(
            m, k, lambda best, h, w: ((best // h).clamp(max=h - 1), (best % h).clamp(max=w - 1))
        ),
    ),
    "zero-on-top": one_of(
        lambda m, k: ((m * k).amax((1, 2)) == m.amax((1, 2))).float().mean(),
        lambda m, k: _hit(m, k, m.relu().flatten(1).argmax(1)),
    ),
    "one-less": lambda m, k: 1 - _rate(m, k),
    "per-image": lambda m, k: k.flatten(1).gather(1, m.flatten(1).argmax(1)[:, None]).float()[:, 0],
}


def pointing_rate(answer: object, find: Find) -> None:
    """Maps of both signs and several sizes, the largest value on the target or beside it."""
    maps, masks = _POINTING_CASES[0]
    handed_in = answer(maps.clone(), masks.clone())
    got = as_number(handed_in)

    def mistake() -> str | None:
        return name_function(answer, _rate, _POINTING_WRONG, _POINTING_CASES)

    if find("number", got is not None and -1e-6 <= got <= 1 + 1e-6, mistake, got=handed_in):
        find.agrees("share", answer, _rate, _POINTING_CASES, _POINTING_WRONG)


# mystery-gates

_HABITS = ("image", "centre", "border")


def mystery_gates(answer: object, find: Find) -> None:
    """The controls are computed anew; the habit is read off them."""
    habits, gains = _two_parts(answer)
    if not find("form", habits is not None, got=answer):
        return
    maps, masks = mystery_maps()
    own = [shared_rate(m, masks) for m in maps.values()]
    other = [shared_rate(m.roll(1, 0), masks) for m in maps.values()]
    right = [a - b for a, b in zip(own, other, strict=True)]
    after = [a - shared_rate(m.roll(-1, 0), masks) for a, m in zip(own, maps.values(), strict=True)]
    wrong = {
        "own-rates": own,
        "controls-only": other,
        "wrong-sign": [-value for value in right],
        "moved-not-exchanged": one_of(
            *(
                [a - shared_rate(moved(m), masks) for a, m in zip(own, maps.values(), strict=True)]
                for moved in _MOVED
            )
        ),
    }
    fits = close(gains, right, 0.011) or close(gains, after, 0.011)
    find("gains", fits, None if fits else name_value(gains, wrong, right, 0.006), got=answer[1])
    true = [_habit(gain, rate, right) for gain, rate in zip(right, own, strict=True)]
    highest = ["image" if rate == max(own) else None for rate in own]
    fooled = habits[highest.index("image")] == "image" and habits != true
    find("habits", habits == true, "highest-rate" if fooled else None, got=", ".join(habits))


_MOVED = (lambda maps: maps.roll(1), lambda maps: maps.roll(1, 1), lambda maps: maps.roll(1, 2))


def _habit(gain: float, rate: float, gains: list[float]) -> str:
    """What the controls say of a gate: only one that looks loses hits with another image's map."""
    if gain == max(gains):
        return "image"
    return "centre" if rate > 0.5 else "border"


def _two_parts(answer: object) -> tuple:
    """Return three habits and three numbers, or two times None."""
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        return None, None
    words, numbers = answer[0], as_numbers(answer[1])
    words = words.tolist() if isinstance(words, numpy.ndarray) else words
    if not isinstance(words, (tuple, list)) or not all(isinstance(word, str) for word in words):
        return None, None
    words = [word.strip().lower().replace("center", "centre") for word in words]
    good = sorted(words) == sorted(_HABITS) and numbers is not None and len(numbers) == 3
    return (words, numbers) if good else (None, None)


# find-the-red

_ENOUGH_OVERLAP, _ENOUGH_HITS = 0.4, 0.6


def find_the_red(answer: object, find: Find) -> None:
    """Fresh scenes: what is marked, where the largest value lies, and whether it depends on the image."""
    scenes = make_scenes(150, seed=4321)
    with torch.no_grad():
        maps = answer(scenes.inputs())
        shape = (150, 48, 48)
        right = isinstance(maps, torch.Tensor) and maps.shape == shape
        if not find("shape", right, expected=shape, got=maps):
            return
        alone = answer(scenes.inputs()[:1])
    maps = maps.float()
    if not find("finite", bool(maps.isfinite().all()), "not-a-number", got=maps):
        return
    find("images", close(alone, maps[:1], 1e-3), got=float((alone - maps[:1]).abs().max()))
    overlap = mean_iou(maps, scenes.masks).mean().item()
    hits, other = shared_rate(maps, scenes.masks), shared_rate(maps.roll(1, 0), scenes.masks)
    mistake = None if overlap >= _ENOUGH_OVERLAP else _finder_mistake(maps, scenes.masks)
    find("overlap", overlap >= _ENOUGH_OVERLAP, mistake, got=overlap)
    find("hits", hits >= _ENOUGH_HITS and other < hits / 2, mistake, got=hits, other=other)


def _finder_mistake(maps: torch.Tensor, masks: torch.Tensor) -> str | None:
    """Name what other reading of the maps would have found the red shape, or why none does."""
    if float((maps - maps[:1]).abs().max()) < 1e-4:
        return "constant-map"
    if float((maps > 0).float().mean()) < 1e-3:
        return "hardly-marked"
    if mean_iou(-maps, masks).mean() >= _ENOUGH_OVERLAP:
        return "upside-down"
    between = bool((maps >= 0).all()) and bool((maps <= 1).all())
    return "gate-not-logit" if between and mean_iou(maps - 0.5, masks).mean() >= _ENOUGH_OVERLAP else None

"""How the answers of lesson 04 are examined; the words stand in lesson_04.toml beside it."""

import torch
from torch.nn import functional as F

from ..checks.module_probes.spatial_gate import examine_spatial_module
from ..checks.report import Find
from ..checks.values import as_number, as_numbers, close, show

# channel-pools

_HAND = torch.tensor([[[[1.0, 5.0]], [[3.0, -9.0]]]])


def channel_pools(answer: object, find: Find) -> None:
    """A batch whose every axis has another length, a pair of pixels by hand, and one image alone."""
    x = torch.randn(3, 4, 5, 6, generator=torch.Generator().manual_seed(1)) - 0.5
    got = answer(x.clone())
    shape = tuple(getattr(got, "shape", ()))
    right = shape == (3, 2, 5, 6)
    find("shape", right, _shape(shape, got), input=(3, 4, 5, 6), expected=(3, 2, 5, 6), got=show(got))
    if not right:
        return
    mistake = _values(got, x)
    by_hand = answer(_HAND.clone())
    for number, (slug, hand, expected) in enumerate(
        [("mean", _HAND.mean(1), x.mean(1)), ("maximum", _HAND.amax(1), x.amax(1))]
    ):
        holds = close(by_hand[:, number], hand) and close(got[:, number], expected)
        find(slug, holds, mistake, expected=show(hand), got=show(by_hand[:, number]))
    for channels in (1, 4):
        alone = answer(x[1:2, :channels].clone())
        expected = torch.stack([x[1:2, :channels].mean(1), x[1:2, :channels].amax(1)], dim=1)
        if not close(alone, expected):
            find("images", False, None, channels=channels, got=show(alone))
            return
    find("images", True)


def _shape(shape: tuple, got) -> str | None:
    mistakes = {
        (3, 4): "pooled-over-space",
        (3, 8): "pooled-over-space",
        (3, 2, 4): "pooled-over-space",
        (3, 8, 1, 1): "pooled-over-space",
        (3, 4, 1, 1): "pooled-over-space",
        (3, 1, 5, 6): "one-map",
        (3, 5, 6): "one-map",
        (6, 1, 5, 6): "wrong-axis",
        (6, 5, 6): "wrong-axis",
        (3, 1, 10, 6): "wrong-axis",
        (3, 10, 6): "wrong-axis",
        (3, 1, 5, 12): "wrong-axis",
        (3, 5, 12): "wrong-axis",
        (3, 5, 6, 2): "wrong-axis",
        (2, 3, 5, 6): "wrong-axis",
        (2, 3, 1, 5, 6): "extra-axis",
        (3, 2, 1, 5, 6): "extra-axis",
        (3, 1, 2, 5, 6): "extra-axis",
    }
    pair = isinstance(got, (tuple, list)) and len(got) == 2
    return "one-map" if pair else mistakes.get(shape)


def _values(got, x) -> str | None:
    """Compare the two maps with what comes out when one of them is something else."""
    mean, maximum = x.mean(1), x.amax(1)
    wrong = {
        "swapped-order": (maximum, mean),
        "absolute": (mean, x.abs().amax(1)),
        "batch-leak": (x.mean((0, 1)).expand(3, 5, 6), x.amax((0, 1)).expand(3, 5, 6)),
    }
    for slug, maps in wrong.items():
        if close(got, torch.stack(maps, dim=1)):
            return slug
    return "twice-the-same" if close(got[:, 0], got[:, 1]) else None


# same-padding

_RIGHT = [18, 24, 25]
_SAME_PADDING_WRONG = {
    (17, 23, 24): "forgot-the-one",
    (18, 22, 23): "one-sided-padding",
    (24, 24, 24): "always-the-same",
    (18, 24, 24): "even-like-odd",
    (18, 24, 23): "even-like-odd",
    (24, 24, 25): "padding-everywhere",
}


def same_padding(answer: object, find: Find) -> None:
    """n + 2p − k + 1 for n = 24 and (k, p) = (7, 0), (5, 2), (4, 2)."""
    numbers = as_numbers(answer)
    three = numbers is not None and len(numbers) == 3 and all(n.is_integer() for n in numbers)
    find("number", three, got=show(answer))
    if three:
        find("value", numbers == _RIGHT, _SAME_PADDING_WRONG.get(tuple(map(int, numbers))), got=show(answer))


# spatial-attention


def spatial_attention(answer: object, find: Find) -> None:
    """One gate for each position, from average and maximum over channels."""
    examine_spatial_module(answer, find)


# receptive-field

_RECEPTIVE_FIELD_WRONG = {
    (7, 7): "gate-only",
    (7, 14): "gate-only",
    (13, 13): "added-kernels",
    (13, 15): "added-kernels",
    (13, 25): "added-kernels",
    (13, 26): "added-kernels",
    (63, 63): "multiplied",
    (63, 126): "multiplied",
    (11, 11): "pooling-ignored",
    (11, 12): "stride-ignored",
    (11, 22): "everything-doubled",
    (11, 19): "pooling-adds-nothing",
}


def receptive_field(answer: object, find: Find) -> None:
    """1 + 2 + 2 + 6 = 11 and 1 + 2 + 1 + 2·2 + 2·6 = 20."""
    numbers = as_numbers(answer)
    two = numbers is not None and len(numbers) == 2 and all(n.is_integer() for n in numbers)
    find("number", two, got=show(answer))
    if two:
        find(
            "value",
            numbers == [11, 20],
            _RECEPTIVE_FIELD_WRONG.get(tuple(map(int, numbers))),
            got=show(answer),
        )


# spatial-bug


def spatial_bug(answer: object, find: Find) -> None:
    """Several sizes, one bright pixel, a batch against its images alone, and the values."""
    generator = torch.Generator().manual_seed(4)
    x = torch.rand(2, 3, 9, 11, generator=generator) + 0.2
    x[1] *= 3
    weight = torch.randn(1, 2, 5, 5, generator=generator) / 3
    got, expected = answer(x.clone(), weight.clone()), x * _gate(x, weight)
    mistake = _spatial_bug_mistake(got, x, weight)
    if not isinstance(got, torch.Tensor) or got.shape != x.shape:
        find("runs", False, mistake, expected=tuple(x.shape), kernel=5, got=show(got))
        return
    factor = got / x
    low, high = factor.amin(1), factor.amax(1)
    place = (high - low).argmax()
    same = bool((high - low).max() < 1e-4)
    find("one-map", same, mistake, low=float(low.flatten()[place]), high=float(high.flatten()[place]))
    off = float((answer(x[:1].clone(), weight.clone()) - got[:1]).abs().max())
    find("images", off < 1e-4, mistake or "still-divided", off=off)
    _aligned(answer, find, mistake)
    first = factor[0, 0, 0, :3]
    find(
        "value", close(got, expected), mistake, expected=show(_gate(x, weight)[0, 0, 0, :3]), got=show(first)
    )
    _any_size(answer, find, generator)


def _gate(x, weight):
    pools = torch.stack([x.mean(1), x.amax(1)], dim=1)
    return F.conv2d(pools, weight, padding=weight.shape[-1] // 2).sigmoid()


def _aligned(scale, find: Find, mistake):
    """A kernel that reads its middle alone: the brightest factor must lie on the one bright pixel."""
    weight = torch.zeros(1, 2, 5, 5)
    weight[0, :, 2, 2] = 1.0
    for row, column in ((1, 8), (7, 0)):
        x = torch.full((1, 2, 9, 11), 0.1)
        x[:, :, row, column] = 1.0
        place = int((scale(x.clone(), weight) / x)[0, 0].flatten().argmax())
        if place != row * 11 + column:
            where = f"in row {row}, column {column}"
            at = f"row {place // 11}, column {place % 11}"
            return find("aligned", False, mistake or "still-stretched", where=where, got=at)
    return find("aligned", True)


def _any_size(scale, find: Find, generator):
    for kernel, shape in ((3, (1, 1, 1, 1)), (7, (3, 2, 4, 6)), (1, (1, 5, 3, 2))):
        x = torch.rand(shape, generator=generator) + 0.2
        weight = torch.randn(1, 2, kernel, kernel, generator=generator)
        got = _or_error(scale, x, weight)
        if not close(got, x * _gate(x, weight)):
            find("runs", False, "fixed-padding", expected=shape, kernel=kernel, got=show(got))
            return
    find("runs", True)


def _or_error(scale, x, weight):
    """Padding of a fixed size raises for some kernels; that is an outcome here, not a crash."""
    try:
        return scale(x.clone(), weight.clone())
    except (RuntimeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def _spatial_bug_mistake(got, x, weight) -> str | None:
    """Compare with what comes out when one step is left out or changed."""
    gate, pad = _gate(x, weight), weight.shape[-1] // 2
    pools = torch.stack([x.mean(1), x.amax(1)], dim=1)
    bare = F.conv2d(pools, weight)
    wrong = {
        "still-divided": x * gate / gate.max(),
        "divided-by-image": x * gate / gate.amax((2, 3), keepdim=True),
        "no-sigmoid": x * F.conv2d(pools, weight, padding=pad),
        "mask-returned": gate,
        "swapped-planes": x * _gate(x, weight.flip(1)),
        "flipped": x * _gate(x, weight.flip(2, 3)),
    }
    for mode in ("replicate", "reflect", "circular"):
        padded = F.pad(pools, [pad] * 4, mode=mode)
        wrong[f"other-border {mode}"] = x * F.conv2d(padded, weight).sigmoid()
    found = next((slug for slug, value in wrong.items() if close(got, value)), None)
    if found:
        return found.split()[0]
    return _small_map(got, x, bare) or _stretched(got, x, bare)


def _small_map(got, x, bare) -> str | None:
    small = isinstance(got, torch.Tensor) and got.shape[-2:] == bare.shape[-2:]
    return "not-padded" if small else None


def _stretched(got, x, bare) -> str | None:
    """Any of the ways to stretch the small map, before or after the sigmoid, divided or not."""
    for mode in ("nearest", "bilinear", "bicubic"):
        corners = (None,) if mode == "nearest" else (False, True)
        for align in corners:
            first = F.interpolate(bare.sigmoid(), x.shape[2:], mode=mode, align_corners=align)
            last = F.interpolate(bare, x.shape[2:], mode=mode, align_corners=align).sigmoid()
            for gate in (first, last):
                if close(got, x * gate) or close(got, x * gate / gate.max()):
                    return "still-stretched"
                if close(got, x * gate / gate.amax((2, 3), keepdim=True)):
                    return "still-stretched"
    return None


# read-the-border

_READ_THE_BORDER_WRONG = {
    2: "frame-width",
    4: "no-middle",
    6: "constant-part",
    7: "default-kernel",
    3: "one-row-missed",
}


def read_the_border(answer: object, find: Find) -> None:
    """A frame of 2 pixels is the padding of a kernel of 5; the map has 10 × 10 pixels."""
    number = as_number(answer)
    whole = number is not None and float(number).is_integer()
    find("number", whole, got=show(answer))
    if whole:
        find("value", number == 5, _READ_THE_BORDER_WRONG.get(int(number)), got=show(answer))


# pointing-rate

_MANY = [True, True, False, True, False] * 8


def pointing_rate(answer: object, find: Find) -> None:
    """Maps with a known brightest pixel, on the target or beside it."""
    maps, masks = _case(_MANY, 12, 17, side=5)  # so many that no two mistakes give the same share
    handed_in = answer(maps.clone(), masks.clone())
    got, share = as_number(handed_in), sum(_MANY) / len(_MANY)
    mistake = None if close(got, share) else _pointing_rate_mistake(got, maps, masks)
    find("number", got is not None and 0 <= got <= 1, mistake, got=show(handed_in))
    if got is None:
        return
    _extremes(answer, find, mistake)
    counts = {"count": len(_MANY), "hits": sum(_MANY)}
    find("share", close(got, share), mistake, expected=share, got=show(got), **counts)
    _sizes(answer, find, mistake)


def _case(hits, height: int, width: int, side: int = 2):
    """Dim maps with one bright pixel each, on a square target or half a map away from it."""
    generator = torch.Generator().manual_seed(7)
    maps = torch.rand(len(hits), height, width, generator=generator) * 0.5
    masks = torch.zeros(len(hits), height, width, dtype=torch.bool)
    for n, hit in enumerate(hits):
        row, column = (
            int(torch.randint(length - side + 1, (1,), generator=generator)) for length in (height, width)
        )
        masks[n, row : row + side, column : column + side] = True
        away = 0 if hit else max(side, width // 2)
        maps[n, row, (column + away) % width] = 1.0 + 0.01 * n
    return maps, masks


def _sizes(rate, find: Find, mistake):
    for hits, height, width in (([True, False], 9, 4), ([False], 3, 5), ([True, False, False, True], 2, 7)):
        maps, masks = _case(hits, height, width)
        share, got = sum(hits) / len(hits), as_number(rate(maps.clone(), masks.clone()))
        if not close(got, share):
            size = {"count": len(hits), "height": height, "width": width}
            return find("any-size", False, mistake, expected=share, got=show(got), **size)
    return find("any-size", True)


def _extremes(rate, find: Find, mistake):
    for hit, expected in ((True, 1.0), (False, 0.0)):
        maps, masks = _case([hit] * 3, 5, 8)
        got = as_number(rate(maps.clone(), masks.clone()))
        if not close(got, expected):
            case = "1 for maps that all hit" if hit else "0 for maps that all miss"
            return find("all-and-none", False, mistake, expected=case, got=show(got))
    return find("all-and-none", True)


def _hit(maps, masks, places) -> float:
    return masks.flatten(1).gather(1, places[:, None]).float().mean().item()


def _pointing_rate_mistake(got, maps, masks) -> str | None:
    """Compare with other things that could have been computed from these maps and masks."""
    flat, (height, width) = maps.flatten(1), maps.shape[1:]
    best = flat.argmax(1)
    row, column = best // width, best % width
    exchanged = (column.clamp(max=height - 1)) * width + row.clamp(max=width - 1)
    brightest = maps.max() == maps
    wrong = {
        "counted": _hit(maps, masks, best) * len(maps),
        "darkest": _hit(maps, masks, flat.argmin(1)),
        "one-for-all": masks[brightest].float().mean().item(),
        "average-inside": maps[masks].mean().item(),
        "share-of-brightness": (maps * masks).sum().item() / maps.sum().item(),
        "area": masks.float().mean().item(),
        "other-image": _hit(maps, masks.roll(1, 0), best),
        "rows-and-columns": _hit(maps, masks, exchanged),
    }
    per_image = {
        "average-inside": torch.stack([m[k].mean() for m, k in zip(maps, masks, strict=True)]).mean().item(),
        "share-of-brightness": ((maps * masks).sum((1, 2)) / maps.sum((1, 2))).mean().item(),
    }
    found = [slug for values in (wrong, per_image) for slug, value in values.items() if close(got, value)]
    return found[0] if found else None

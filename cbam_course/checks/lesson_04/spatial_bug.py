"""How an answer to the task spatial-bug is examined; the words stand in spatial_bug.toml beside it."""

import torch
from torch.nn import functional as F

from ..values import close, show


def examine(scale, find):
    """Several sizes, one bright pixel, a batch against its images alone, and the values."""
    generator = torch.Generator().manual_seed(4)
    x = torch.rand(2, 3, 9, 11, generator=generator) + 0.2
    x[1] *= 3
    weight = torch.randn(1, 2, 5, 5, generator=generator) / 3
    got, expected = scale(x.clone(), weight.clone()), x * _gate(x, weight)
    mistake = _mistake(got, x, weight)
    if not isinstance(got, torch.Tensor) or got.shape != x.shape:
        yield find("runs", False, mistake, expected=tuple(x.shape), kernel=5, got=show(got))
        return
    factor = got / x
    low, high = factor.amin(1), factor.amax(1)
    place = (high - low).argmax()
    same = bool((high - low).max() < 1e-4)
    yield find("one-map", same, mistake, low=float(low.flatten()[place]), high=float(high.flatten()[place]))
    off = float((scale(x[:1].clone(), weight.clone()) - got[:1]).abs().max())
    yield find("images", off < 1e-4, mistake or "still-divided", off=off)
    yield _aligned(scale, find, mistake)
    first = factor[0, 0, 0, :3]
    yield find(
        "value", close(got, expected), mistake, expected=show(_gate(x, weight)[0, 0, 0, :3]), got=show(first)
    )
    yield from _any_size(scale, find, generator)


def _gate(x, weight):
    pools = torch.stack([x.mean(1), x.amax(1)], dim=1)
    return F.conv2d(pools, weight, padding=weight.shape[-1] // 2).sigmoid()


def _aligned(scale, find, mistake):
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


def _any_size(scale, find, generator):
    for kernel, shape in ((3, (1, 1, 1, 1)), (7, (3, 2, 4, 6)), (1, (1, 5, 3, 2))):
        x = torch.rand(shape, generator=generator) + 0.2
        weight = torch.randn(1, 2, kernel, kernel, generator=generator)
        got = _or_error(scale, x, weight)
        if not close(got, x * _gate(x, weight)):
            yield find("runs", False, "fixed-padding", expected=shape, kernel=kernel, got=show(got))
            return
    yield find("runs", True)


def _or_error(scale, x, weight):
    """Padding of a fixed size raises for some kernels; that is an outcome here, not a crash."""
    try:
        return scale(x.clone(), weight.clone())
    except (RuntimeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def _mistake(got, x, weight) -> str | None:
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

"""How an answer to the task swap-the-planes is examined; the words stand in swap_the_planes.toml beside it."""

import torch
from torch.nn import functional as F

from ..values import close, show


def examine(swap, find):
    """Kernels of several sizes, the same map from both orders of pools, and an input left as it was."""
    generator = torch.Generator().manual_seed(8)
    weight = torch.randn(1, 2, 7, 7, generator=generator)
    handed = weight.clone()
    got = swap(handed)
    got = got.detach() if isinstance(got, torch.Tensor) else got
    mistake = _mistake(got, weight)
    right_shape = isinstance(got, torch.Tensor) and got.shape == weight.shape
    yield find("shape", right_shape, mistake, expected=tuple(weight.shape), got=show(got))
    if not right_shape:
        return
    x = torch.randn(2, 5, 9, 8, generator=generator) + 0.5
    mean, maximum = x.mean(1, keepdim=True), x.amax(1, keepdim=True)
    before = F.conv2d(torch.cat([maximum, mean], 1), weight, padding=3)
    after = F.conv2d(torch.cat([mean, maximum], 1), got.to(weight.dtype), padding=3)
    off = float((before - after).abs().max())
    yield find("same-map", off < 1e-4, mistake, off=off)
    yield find("kept", close(handed, weight, 0.0), "changed-in-place")
    for size in (1, 3):
        other = torch.randn(4, 2, size, size, generator=generator)
        mine = swap(other.clone())
        if not close(mine, other.flip(1)):
            yield find("any-size", False, None, expected=tuple(other.shape), got=show(mine))
            return
    yield find("any-size", True)


def _mistake(got, weight) -> str | None:
    """Compare with what else could have been turned round."""
    wrong = {
        "unchanged": weight,
        "turned-round": weight.flip(2, 3),
        "turned-round all": weight.flip(1, 2, 3),
        "turned-round rows": weight.flip(2),
        "turned-round columns": weight.flip(3),
        "transposed": weight.mT,
        "transposed planes": weight.transpose(0, 1),
        "overwritten": weight[:, 1:].expand(-1, 2, -1, -1),
        "overwritten first": weight[:, :1].expand(-1, 2, -1, -1),
        "negated": -weight,
    }
    found = next((slug for slug, value in wrong.items() if close(got, value)), None)
    return found.split()[0] if found else None

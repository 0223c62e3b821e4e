"""How an answer to the task scale-positions is examined; the words stand in scale_positions.toml beside it."""

import torch

from ..values import show


def examine(scale, find):
    """A cube of 3 × 3 × 3 × 3 lets every wrong axis run through; a batch of other sizes must work as well."""
    generator = torch.Generator().manual_seed(5)
    cube, gate = (torch.rand(shape, generator=generator) + 0.5 for shape in ((3, 3, 3, 3), (3, 3, 3)))
    got = scale(cube.clone(), gate.clone())
    right_shape = isinstance(got, torch.Tensor) and got.shape == cube.shape
    mask = isinstance(got, torch.Tensor) and got.numel() == gate.numel()
    yield find("shape", right_shape, "mask-returned" if mask else None, expected=(3, 3, 3, 3), got=show(got))
    if not right_shape:
        return
    off = _off(got, cube * gate[:, None])
    if off < 1e-5:  # right on the cube: the sizes may still be written into the code
        x, other = torch.rand(2, 4, 3, 5, generator=generator), torch.rand(2, 3, 5, generator=generator)
        off = _off(scale(x.clone(), other.clone()), x * other[:, None])
    yield find("positions", off < 1e-5, _mistake(got, cube, gate), off=off)


def _off(got, expected) -> float:
    if not isinstance(got, torch.Tensor) or got.shape != expected.shape:
        return float("inf")
    return float((got - expected).abs().max())


def _mistake(got, x, gate) -> str | None:
    wrong = {
        "gate-without-axis": [x * gate],
        "axis-at-the-end": [x * gate[..., None], x * gate[:, :, None]],
        "gate-averaged": [x * gate.mean(0), x * gate[0], x * gate[:1, None]],
        "mask-returned": [gate[:, None].expand_as(x)],
        "added": [x + gate[:, None]],
    }
    return next((slug for slug, values in wrong.items() if any(_off(got, v) < 1e-5 for v in values)), None)

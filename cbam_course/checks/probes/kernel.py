"""Experiments on the convolution of a spatial gate: how far one pixel reaches, and whether it does so everywhere."""

from collections.abc import Callable

import torch
from torch import Tensor

from .instances import Probe
from .spatial import fields, logit_maps

Maker = Callable[[int], Probe]
HEIGHT, WIDTH = 21, 23


def responses(probe: Probe, row: int, column: int, size: float = 0.15) -> Tensor:
    """How the logits change when the average, and when the maximum, of one position changes: (2, H, W)."""
    mean, top, bottom = fields(HEIGHT, WIDTH)
    bump = torch.zeros_like(mean)
    bump[0, row, column] = size
    before = logit_maps(probe, mean, top, bottom)
    after = [logit_maps(probe, mean + bump, top, bottom), logit_maps(probe, mean, top + bump, bottom)]
    return torch.cat(after) - before


def reach(probe: Probe, row: int, column: int) -> Tensor:
    """Where one position's values matter, (H, W) of bool."""
    found = responses(probe, row, column).abs().amax(0)
    return found > max(20 * probe.tolerance, 1e-4 * float(found.max()))


def examine_kernel(make: Maker, find):
    """A pixel reaches exactly kernel_size by kernel_size positions around it."""
    row, column = HEIGHT // 2, WIDTH // 2
    seen = {size: reach(make(size), row, column) for size in (7, 3)}
    boxes = {size: _box(found) for size, found in seen.items()}
    expected = {size: (row - size // 2, column - size // 2, size, size) for size in seen}
    full = all(bool(_square(expected[s])[seen[s]].all()) and int(seen[s].sum()) == s * s for s in seen)
    mistake = None if full else _wrong_reach(seen, boxes, expected)
    size = 3 if boxes[7] == expected[7] else 7
    yield find(
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
    return "wrong-kernel"


def examine_everywhere(probe: Probe, find):
    """The same change gives the same response at every place, and adds up: one convolution, then the sigmoid."""
    row, column = HEIGHT // 2, WIDTH // 2
    here, there = responses(probe, row, column), responses(probe, row - 3, column + 2)
    same = _near(probe, here.roll((-3, 2), (1, 2)), there)
    straight = _near(probe, 2 * here, responses(probe, row, column, 0.3))
    corner = reach(probe, 0, 0)
    far = bool(corner[15:].any() or corner[:, 15:].any())
    mistake = "wraps-around" if far else "not-linear" if not straight else "stretched-back"
    holds = same and straight and not far
    yield find("everywhere", holds, mistake)
    return holds


def _near(probe: Probe, one: Tensor, other: Tensor) -> bool:
    return bool((one - other).abs().max() < 50 * probe.tolerance * (1 + other.abs().max()))

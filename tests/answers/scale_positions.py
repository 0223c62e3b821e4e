"""Answers to the task scale-positions."""

import torch

RIGHT = [
    lambda x, gate: x * gate.unsqueeze(1),
    lambda x, gate: gate[:, None] * x,
    lambda x, gate: torch.einsum("nchw,nhw->nchw", x, gate),
    lambda x, gate: torch.stack([image * own for image, own in zip(x, gate, strict=True)]),
]

WRONG = {
    "gate-without-axis": [lambda x, gate: x * gate],
    "gate-averaged": [lambda x, gate: x * gate.mean(0), lambda x, gate: x * gate[0]],
    "axis-at-the-end": [lambda x, gate: x * gate[..., None], lambda x, gate: x * gate[:, :, None]],
    "mask-returned": [lambda x, gate: gate[:, None], lambda x, gate: gate[:, None].expand_as(x)],
    "added": [lambda x, gate: x + gate[:, None]],
}

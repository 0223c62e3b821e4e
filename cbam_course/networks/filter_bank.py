"""Eight filters chosen by hand, so that every channel of a feature map has a meaning from the start."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHANNELS = ("red", "green", "blue", "light", "dark", "edge |", "edge —", "spot")
_SIZE = 5


def _ramp() -> Tensor:
    """A smoothed difference between left and right, 5 × 5: large where the image changes sideways."""
    difference = torch.tensor([-1.0, -2.0, 0.0, 2.0, 1.0])
    smoothing = torch.tensor([1.0, 2.0, 3.0, 2.0, 1.0])
    return torch.outer(smoothing, difference) / 27


def _spot() -> Tensor:
    """A bright middle on a darker ring, 5 × 5, with the sum 0: nothing on an even surface."""
    kernel = torch.full((_SIZE, _SIZE), -1 / 16)
    kernel[1:4, 1:4] = 1 / 9
    return kernel


def _weight() -> Tensor:
    weight = torch.zeros(len(CHANNELS), 3, _SIZE, _SIZE)
    middle = _SIZE // 2
    for colour in range(3):  # one colour minus the average of the other two: grey gives 0
        weight[colour, :, middle, middle] = -0.5
        weight[colour, colour, middle, middle] = 1.0
    weight[3, :, middle, middle] = 1 / 3
    weight[4, :, middle, middle] = -1 / 3
    weight[5] = _ramp() / 3
    weight[6] = _ramp().T / 3
    weight[7] = _spot() / 3
    return weight


class FilterBank(nn.Module):
    """Turn a colour image into eight channels with names: three colours, light, dark, two edges, spots.

    Edges count in both directions (their absolute value is taken), the others only where they are positive,
    as after a ReLU. Nothing is learned here.

    Shape:
        x: (N, 3, H, W), floating point in [0, 1]. The output is (N, 8, H, W), never negative.
    """

    names = CHANNELS
    weight: Tensor
    offset: Tensor

    def __init__(self):
        super().__init__()
        self.register_buffer("weight", _weight())
        self.register_buffer("offset", torch.tensor([0.0, 0, 0, 0, 1, 0, 0, 0]))  # dark = 1 − light

    def forward(self, x: Tensor) -> Tensor:
        """Return the eight channels, shape (N, 8, H, W)."""
        # Repeating the border instead of zeros: a black frame around the photo would be an edge.
        framed = F.pad(x, [_SIZE // 2] * 4, mode="replicate")
        filtered = F.conv2d(framed, self.weight, self.offset)
        edges = filtered[:, 5:7].abs()
        spots = filtered[:, 7:].relu() * 2  # spots are faint: brought near the others' size
        return torch.cat([filtered[:, :5].relu(), edges, spots], dim=1)

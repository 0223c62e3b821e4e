"""Small random changes of the training images, made where the network runs."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..attention.arguments import require_positive_integer


class ShiftAndFlip(nn.Module):
    """In training, move every image by up to ``shift`` pixels and mirror half of them; in evaluation, do nothing.

    As the first module of a network it is the augmentation of He et al. 2016, section 4.2: a border of zeros, a
    random crop of the old size, a flip from left to right. It has no parameters and draws from torch's random
    numbers, which ``fit`` seeds.

    Args:
        shift: largest shift in pixels, in both directions.

    Shape:
        x: (N, C, H, W) -> the same.

    Source: He, Zhang, Ren, Sun: "Deep Residual Learning for Image Recognition", CVPR 2016.
    """

    def __init__(self, shift: int = 4):
        super().__init__()
        require_positive_integer("shift", shift)
        self.shift = shift

    def forward(self, x: Tensor) -> Tensor:
        """Return the images, shape as x; changed in training mode."""
        if not self.training:
            return x
        count, channels, height, width = x.shape

        def along(side: int) -> Tensor:
            start = torch.randint(2 * self.shift + 1, (count, 1), device=x.device)
            return start + torch.arange(side, device=x.device)

        rows, columns = along(height), along(width)
        mirrored = torch.rand(count, 1, device=x.device) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
        image = torch.arange(count, device=x.device)[:, None, None, None]
        channel = torch.arange(channels, device=x.device)[:, None, None]
        padded = F.pad(x, [self.shift] * 4)
        return padded[image, channel, rows[:, None, :, None], columns[:, None, None, :]]

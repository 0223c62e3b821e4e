"""What attention is compared with."""

from torch import Tensor, nn


class ConstantGate(nn.Module):
    """Multiply every feature map by the same factor, whatever the image.

    In place of a trained gate, with that gate's average as the factor, it tells how much a network relies on the
    gate's dependence on the image.

    Args:
        factor: a number, or a tensor that broadcasts against (N, C, H, W), such as (1, C, 1, 1) or (1, 1, H, W).

    Shape:
        x: (N, C, H, W) -> the same.
    """

    def __init__(self, factor: float | Tensor):
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """Return x times the factor, shape (N, C, H, W)."""
        return x * self.factor

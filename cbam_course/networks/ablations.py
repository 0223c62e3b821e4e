"""CBAM taken apart: one pool instead of two, and the two gates in another order."""

import torch
from torch import Tensor

from ..attention import CBAM, ChannelAttention


class OnePool(ChannelAttention):
    """Channel attention from the average alone, or from the maximum alone.

    ``y = x * sigmoid(MLP(pool(x)))`` (Woo et al. 2018, section 4.1, table 1).

    Args:
        in_channels, reduction_ratio: see :class:`cbam_course.attention.ChannelAttention`.
        pool: ``"average"`` (which is SE) or ``"maximum"``.
    """

    def __init__(self, in_channels: int, reduction_ratio: int = 16, *, pool: str = "maximum"):
        super().__init__(in_channels, reduction_ratio)
        if pool not in ("average", "maximum"):
            raise ValueError(f"pool is {pool!r}; choose 'average' or 'maximum'.")
        self.pool = pool

    def gate(self, x: Tensor) -> Tensor:
        """Return the factor of each channel, shape (N, C, 1, 1), values in (0, 1)."""
        pooled = x.mean(dim=(2, 3)) if self.pool == "average" else x.amax(dim=(2, 3))
        return torch.sigmoid(self.mlp(pooled))[:, :, None, None]


class SpatialFirst(CBAM):
    """CBAM in the other order, ``y = channel(spatial(x))`` (Woo et al. 2018, section 4.1, table 3)."""

    def forward(self, x: Tensor) -> Tensor:
        return self.channel(self.spatial(x))


class Parallel(CBAM):
    """Both gates computed from the same input, ``y = x * channel.gate(x) * spatial.gate(x)``.

    The paper's parallel variant (section 4.1, table 3) does not say how the two are joined; here they are
    multiplied, as they are in the sequential one.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x * self.channel.gate(x) * self.spatial.gate(x)

"""Insertion that starts as the identity: the network is what it was until training moves a scalar."""

import torch
from torch import Tensor, nn


class IdentityStart(nn.Module):
    """Blend an attention module in, from none of it at the start.

    ``y = x + strength * (attention(x) - x)`` with one learned scalar ``strength``, 0 at first. Fresh gates
    are about a half each and would shrink a pretrained network's features to a quarter or a half; this way
    the network's outputs are exactly what they were, and the gate itself still lies in (0, 1).

    At the first step only ``strength`` has a gradient: that of the attention's weights is multiplied by it.

    Args:
        attention: a module that maps (N, C, H, W) to the same shape.

    Shape:
        x: (N, C, H, W). The output has the same shape, dtype and memory format.
    """

    def __init__(self, attention: nn.Module):
        super().__init__()
        self.attention = attention
        self.strength = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` moved towards ``attention(x)`` by ``strength``, shape (N, C, H, W)."""
        return x + self.strength * (self.attention(x) - x)

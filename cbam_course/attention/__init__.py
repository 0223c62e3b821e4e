"""The attention modules: one gate over channels, one over positions, and the two in sequence."""

from .cbam import CBAM, ChannelAttention, SpatialAttention
from .squeeze_excitation import SqueezeExcitation

__all__ = ["CBAM", "ChannelAttention", "SpatialAttention", "SqueezeExcitation"]

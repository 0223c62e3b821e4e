"""CBAM: channel attention, then spatial attention (Woo et al. 2018)."""

import torch
from torch import Tensor, nn

from ..arguments import (
    require_feature_map,
    require_odd_kernel,
    require_one_of,
    require_same_dtype,
    require_whole,
)
from .conventions import CONVENTIONS, hidden_width, rounded_width


class ChannelAttention(nn.Module):
    """Scale each channel by a number in (0, 1) computed from the averages and the maxima of all channels.

    ``y = x * sigmoid(MLP(mean(x)) + MLP(max(x)))``, both taken over height and width, with **one** MLP
    (Woo et al. 2018, section 3.1, equation 2).

    Args:
        in_channels: number of channels C of the feature map, at least 1.
        reduction_ratio: the hidden layer has ``in_channels // reduction_ratio`` units, at least 1.
        convention: ``"lesson"`` has no biases; ``"paper"`` (the authors' code) has biases in both layers;
            ``"timm"`` has none and rounds the hidden width half up.

    Shape:
        x: (N, C, H, W), floating point. The output has the same shape, dtype, device and memory format.

    Raises:
        TypeError, ValueError: an argument or the input is of the wrong kind; the message says what to do.

    Source: Woo, Park, Lee, Kweon: "CBAM: Convolutional Block Attention Module", ECCV 2018, section 3.1.
    Differs from ultralytics' ``ChannelAttention``: that one has a single C -> C layer after an average only.

    Example:
        >>> import torch
        >>> from cbam_course import ChannelAttention
        >>> module = ChannelAttention(64, reduction_ratio=8)
        >>> module.gate(torch.rand(2, 64, 8, 8)).shape
        torch.Size([2, 64, 1, 1])
        >>> sum(p.numel() for p in module.parameters())  # 64 * 8 + 8 * 64, one MLP for both pools
        1024
    """

    def __init__(self, in_channels: int, reduction_ratio: int = 16, *, convention: str = "lesson"):
        super().__init__()
        require_whole("in_channels", in_channels)
        require_whole("reduction_ratio", reduction_ratio)
        require_one_of("convention", convention, CONVENTIONS)
        hidden = hidden_width(in_channels, reduction_ratio)
        if convention == "timm":
            hidden = rounded_width(in_channels, reduction_ratio, multiple=1)
        bias = convention == "paper"
        self.in_channels = in_channels
        self.mlp = nn.Sequential(
            nn.Linear(in_channels, hidden, bias=bias),
            nn.ReLU(),
            nn.Linear(hidden, in_channels, bias=bias),
        )

    def gate(self, x: Tensor) -> Tensor:
        """Return the factor of each channel, shape (N, C, 1, 1), values in (0, 1)."""
        require_feature_map(x, self.in_channels)
        require_same_dtype(x, self.mlp[0].weight)  # type: ignore[arg-type]
        average = x.mean(dim=(2, 3))
        maximum = x.amax(dim=(2, 3))
        logit = self.mlp(average) + self.mlp(maximum)
        return torch.sigmoid(logit)[:, :, None, None]

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x * gate(x)``, shape (N, C, H, W)."""
        return x * self.gate(x)


class SpatialAttention(nn.Module):
    """Scale each position by a number in (0, 1) computed from the mean and the maximum over channels.

    ``y = x * sigmoid(conv([mean(x); max(x)]))``, both taken over channels, the convolution 7×7
    (Woo et al. 2018, section 3.1, equation 3).

    Args:
        kernel_size: side of the square kernel in pixels, odd; padded by half of it, so that the map keeps
            its size.
        convention: ``"lesson"``: pools in the order mean, max, no BatchNorm; ``"paper"`` (the authors' code):
            max, mean, and a BatchNorm after the convolution; ``"timm"``: mean, max, and a BatchNorm.

    Shape:
        x: (N, C, H, W), floating point. The output has the same shape, dtype, device and memory format.

    Raises:
        TypeError, ValueError: an argument or the input is of the wrong kind; the message says what to do.

    Source: Woo, Park, Lee, Kweon: "CBAM: Convolutional Block Attention Module", ECCV 2018, section 3.1.

    Example:
        >>> import torch
        >>> from cbam_course import SpatialAttention
        >>> SpatialAttention().gate(torch.rand(2, 64, 8, 8)).shape
        torch.Size([2, 1, 8, 8])
    """

    def __init__(self, kernel_size: int = 7, *, convention: str = "lesson"):
        super().__init__()
        require_odd_kernel(kernel_size)
        require_one_of("convention", convention, CONVENTIONS)
        self.maximum_first = convention == "paper"
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)
        # The authors' momentum is 0.01, a tenth of PyTorch's default, which timm keeps.
        momentum = 0.01 if convention == "paper" else 0.1
        self.norm = nn.Identity() if convention == "lesson" else nn.BatchNorm2d(1, momentum=momentum)

    def gate(self, x: Tensor) -> Tensor:
        """Return the factor of each position, shape (N, 1, H, W), values in (0, 1)."""
        require_feature_map(x)
        require_same_dtype(x, self.conv.weight)
        mean = x.mean(dim=1, keepdim=True)
        maximum = x.amax(dim=1, keepdim=True)
        pools = [maximum, mean] if self.maximum_first else [mean, maximum]
        return torch.sigmoid(self.norm(self.conv(torch.cat(pools, dim=1))))

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x * gate(x)``, shape (N, C, H, W)."""
        return x * self.gate(x)


class CBAM(nn.Module):
    """Channel attention, then spatial attention of what it lets through.

    ``y = spatial(channel(x))`` (Woo et al. 2018, section 3, equation 1).

    Args:
        in_channels: number of channels C of the feature map, at least 1.
        reduction_ratio: of the channel part, see :class:`ChannelAttention`.
        kernel_size: of the spatial part, see :class:`SpatialAttention`.
        convention: of both parts: ``"lesson"``, ``"paper"`` or ``"timm"``.

    Shape:
        x: (N, C, H, W), floating point. The output has the same shape, dtype, device and memory format.

    Raises:
        TypeError, ValueError: an argument or the input is of the wrong kind; the message says what to do.

    Source: Woo, Park, Lee, Kweon: "CBAM: Convolutional Block Attention Module", ECCV 2018, section 3.

    Example:
        >>> import torch
        >>> from cbam_course import CBAM
        >>> x = torch.rand(2, 64, 8, 8)
        >>> module = CBAM(64)
        >>> torch.equal(module(x), module.spatial(module.channel(x)))
        True
    """

    def __init__(
        self, in_channels: int, reduction_ratio: int = 16, kernel_size: int = 7, *, convention: str = "lesson"
    ):
        super().__init__()
        self.channel = ChannelAttention(in_channels, reduction_ratio, convention=convention)
        self.spatial = SpatialAttention(kernel_size, convention=convention)

    def forward(self, x: Tensor) -> Tensor:
        """Return the gated feature map, shape (N, C, H, W)."""
        return self.spatial(self.channel(x))

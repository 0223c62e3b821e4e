"""What attention is compared with: its parts alone, other orders, and simple layers with the same reach.

Every module here takes ``in_channels`` first, keeps the shape of its input and fits wherever attention fits.
"""

import torch
from torch import Tensor, nn

from ..arguments import require_feature_map, require_odd_kernel, require_whole
from ..attention import CBAM, ChannelAttention
from ..attention.conventions import hidden_width


class AddedContext(nn.Module):
    """Add to each channel a number computed from the whole image: global context without a gate.

    ``y = x + MLP(mean(x))``, or ``y = x + MLP(mean(x)) + MLP(max(x))``. The MLP is that of channel attention;
    there its result goes through a sigmoid and multiplies, here it is added as it is.

    Args:
        in_channels: number of channels C of the feature map, at least 1.
        reduction_ratio: the hidden layer has ``in_channels // reduction_ratio`` units, at least 1.
        pools: ``"mean"`` or ``"mean+max"``.

    Shape:
        x: (N, C, H, W), floating point. The output has the same shape.

    Raises:
        TypeError, ValueError: an argument or the input is of the wrong kind; the message says what to do.
    """

    def __init__(self, in_channels: int, reduction_ratio: int = 16, *, pools: str = "mean"):
        super().__init__()
        require_whole("in_channels", in_channels)
        require_whole("reduction_ratio", reduction_ratio)
        if pools not in ("mean", "mean+max"):
            raise ValueError(f"pools is {pools!r}; choose 'mean' or 'mean+max'.")
        hidden = hidden_width(in_channels, reduction_ratio)
        self.in_channels, self.takes_maximum = in_channels, pools == "mean+max"
        self.mlp = nn.Sequential(
            nn.Linear(in_channels, hidden, bias=False), nn.ReLU(), nn.Linear(hidden, in_channels, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` plus one number per image and channel."""
        require_feature_map(x, self.in_channels)
        context = self.mlp(x.mean(dim=(2, 3)))
        if self.takes_maximum:
            context = context + self.mlp(x.amax(dim=(2, 3)))
        return x + context[:, :, None, None]


class AddedMap(nn.Module):
    """The map of spatial attention, added instead of multiplied.

    ``y = x + w_c * conv7x7([mean(x), max(x)])``: the pools and the convolution of spatial attention without its
    sigmoid, and one weight for each channel in place of the product.

    Args:
        in_channels: number of channels C of the feature map, at least 1.
        kernel_size: side of the convolution's kernel, odd, in pixels.

    Shape:
        x: (N, C, H, W), floating point. The output has the same shape.

    Raises:
        TypeError, ValueError: an argument or the input is of the wrong kind; the message says what to do.
    """

    def __init__(self, in_channels: int, kernel_size: int = 7):
        super().__init__()
        require_whole("in_channels", in_channels)
        require_odd_kernel(kernel_size)
        self.in_channels = in_channels
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)
        self.weight = nn.Parameter(torch.ones(in_channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` plus one map per image, weighted for each channel."""
        require_feature_map(x, self.in_channels)
        pooled = torch.stack([x.mean(dim=1), x.amax(dim=1)], dim=1)
        return x + self.weight * self.conv(pooled)


class WideKernel(nn.Module):
    """A depthwise convolution with a wide kernel, added: reach without a gate.

    ``y = x + depthwise(x)``, one k×k kernel for each channel, ``k * k * C`` weights.

    Args:
        in_channels: number of channels C of the feature map, at least 1.
        kernel_size: side k of the kernels, odd.
        dilation: pixels from one weight of a kernel to the next; 3×3 weights with a dilation of 3 reach as far as
            7×7 weights without.

    Shape:
        x: (N, C, H, W), floating point. The output has the same shape.

    Raises:
        TypeError, ValueError: an argument or the input is of the wrong kind; the message says what to do.
    """

    def __init__(self, in_channels: int, kernel_size: int = 7, dilation: int = 1):
        super().__init__()
        require_whole("in_channels", in_channels)
        require_odd_kernel(kernel_size)
        require_whole("dilation", dilation)
        self.in_channels = in_channels
        padding = dilation * (kernel_size // 2)
        self.conv = nn.Conv2d(
            in_channels,
            in_channels,
            kernel_size,
            padding=padding,
            dilation=dilation,
            groups=in_channels,
            bias=False,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` plus its convolution."""
        require_feature_map(x, self.in_channels)
        return x + self.conv(x)


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

"""Squeeze-and-Excitation: which channels matter, judged by their average."""

import torch
from torch import Tensor, nn

from ..arguments import require_feature_map, require_one_of, require_same_dtype, require_whole
from .conventions import CONVENTIONS, hidden_width, rounded_width


class SqueezeExcitation(nn.Module):
    """Scale each channel by a number in (0, 1) computed from the averages of all channels.

    ``y = x * sigmoid(W2 relu(W1 mean(x)))``, the mean taken over height and width
    (Hu et al. 2018, section 3, equations 2 to 4).

    Args:
        in_channels: number of channels C of the feature map, at least 1.
        reduction_ratio: the hidden layer has ``in_channels // reduction_ratio`` units, at least 1.
        convention: ``"lesson"`` has no biases; ``"paper"`` has biases in both layers; ``"timm"`` has biases
            and rounds the hidden width to a multiple of 8.

    Shape:
        x: (N, C, H, W), floating point. The output has the same shape, dtype, device and memory format.

    Raises:
        TypeError, ValueError: an argument or the input is of the wrong kind; the message says what to do.

    Source: Hu, Shen, Sun: "Squeeze-and-Excitation Networks", CVPR 2018, section 3.
    Differs from ``torchvision.ops.SqueezeExcitation``: that one takes the hidden width itself and has biases.

    Example:
        >>> import torch
        >>> from cbam_course import SqueezeExcitation
        >>> module, x = SqueezeExcitation(64), torch.rand(2, 64, 8, 8)
        >>> module(x).shape, module.gate(x).shape
        (torch.Size([2, 64, 8, 8]), torch.Size([2, 64, 1, 1]))
    """

    def __init__(self, in_channels: int, reduction_ratio: int = 16, *, convention: str = "lesson"):
        super().__init__()
        require_whole("in_channels", in_channels)
        require_whole("reduction_ratio", reduction_ratio)
        require_one_of("convention", convention, CONVENTIONS)
        hidden = hidden_width(in_channels, reduction_ratio)
        if convention == "timm":
            hidden = rounded_width(in_channels, reduction_ratio, multiple=8)
        bias = convention != "lesson"
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
        squeezed = x.mean(dim=(2, 3))
        return torch.sigmoid(self.mlp(squeezed))[:, :, None, None]

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x * gate(x)``, shape (N, C, H, W)."""
        return x * self.gate(x)

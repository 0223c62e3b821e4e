"""Two networks small enough to train while you wait: one that names an image, one that marks pixels."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Attention = Callable[[int], nn.Module] | None
HEADS = ("average", "mean+max", "average-mlp", "mean+max-mlp")


def _convolutions(widths: tuple[int, ...]) -> nn.ModuleList:
    """One 3×3 convolution with BatchNorm and ReLU for each width, 3 channels at the start."""
    pairs = zip((3, *widths), widths, strict=False)
    return nn.ModuleList(
        nn.Sequential(nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
        for a, b in pairs
    )


def _attention(factory: Attention, widths: tuple[int, ...]) -> nn.ModuleList:
    """One attention module for each block, or nothing at all."""
    return nn.ModuleList(nn.Identity() if factory is None else factory(width) for width in widths)


class SmallCNN(nn.Module):
    """Three blocks (3×3 convolution, BatchNorm, ReLU, attention, 2×2 max pooling), a pooled head, one linear layer.

    The layers that all variants share are made first, so that the same seed gives them the same initial weights
    whatever the attention or the head.

    Args:
        num_classes: number of classes, at least 1.
        widths: channels of the blocks.
        attention: called with a block's width, it returns the module that stands between ReLU and pooling;
            None for a plain network.
        head: how the last map becomes a vector: ``"average"`` over all positions, ``"mean+max"`` (both, so twice as
            long), or either with one hidden layer behind it (``"average-mlp"``, ``"mean+max-mlp"``).

    Shape:
        x: (N, 3, H, W) floating point, H and W at least 8 → logits (N, num_classes).

    Raises:
        ValueError: an unknown head.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        widths: tuple[int, ...] = (16, 32, 64),
        attention: Attention = None,
        head: str = "average",
    ):
        super().__init__()
        if head not in HEADS:
            raise ValueError(f"head is {head!r}; choose one of {', '.join(map(repr, HEADS))}.")
        self.blocks = _convolutions(widths)
        self.with_maximum = head.startswith("mean+max")
        features = widths[-1] * (2 if self.with_maximum else 1)
        hidden = [nn.Linear(features, features), nn.ReLU()] if head.endswith("mlp") else []
        self.head = nn.Sequential(*hidden, nn.Linear(features, num_classes))
        self.attention = _attention(attention, widths)

    def features(self, x: Tensor) -> Tensor:
        """Return the last feature map, (N, widths[-1], H/8, W/8) for three blocks."""
        for block, attention in zip(self.blocks, self.attention, strict=True):
            x = F.max_pool2d(attention(block(x)), 2)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, (N, num_classes)."""
        x = self.features(x)
        pooled = x.mean(dim=(2, 3))
        if self.with_maximum:
            pooled = torch.cat([pooled, x.amax(dim=(2, 3))], dim=1)
        return self.head(pooled)


class DenseCNN(nn.Module):
    """Three blocks with two poolings, then one logit for each pixel: marks the pixels that are asked for.

    There is no pooled head. What happens far away reaches a pixel through attention alone (or through
    :class:`AddedContext`): without it each output sees a window of 18 × 18 pixels.

    Args:
        widths: channels of the blocks.
        attention: called with a block's width, it returns the module behind the block; None for a plain network.

    Shape:
        x: (N, 3, H, W) floating point, H and W at least 4 → logits (N, 1, H, W).
    """

    def __init__(self, *, widths: tuple[int, ...] = (16, 32, 48), attention: Attention = None):
        super().__init__()
        self.blocks = _convolutions(widths)
        self.classify = nn.Conv2d(widths[-1], 1, 1)
        self.attention = _attention(attention, widths)

    def forward(self, x: Tensor) -> Tensor:
        """Return one logit for each pixel, (N, 1, H, W)."""
        size = x.shape[-2:]
        for number, (block, attention) in enumerate(zip(self.blocks, self.attention, strict=True)):
            x = attention(block(F.max_pool2d(x, 2) if number else x))
        return F.interpolate(self.classify(x), size=size, mode="bilinear", align_corners=False)


class AddedContext(nn.Module):
    """Add a linear function of the global pools to every position: what attention knows, without a gate.

    The strongest simple baseline of dense prediction: ``y = x + W [mean(x); max(x)]``.

    Args:
        in_channels: number of channels C, at least 1.
        pools: ``"mean"`` or ``"mean+max"``, over height and width.

    Shape:
        x: (N, C, H, W) → the same shape.

    Raises:
        ValueError: unknown pools.
    """

    def __init__(self, in_channels: int, pools: str = "mean"):
        super().__init__()
        if pools not in ("mean", "mean+max"):
            raise ValueError(f"pools is {pools!r}; choose 'mean' or 'mean+max'.")
        self.with_maximum = pools == "mean+max"
        self.linear = nn.Linear(in_channels * (2 if self.with_maximum else 1), in_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return x plus one number for each image and channel, (N, C, H, W)."""
        pooled = x.mean(dim=(2, 3))
        if self.with_maximum:
            pooled = torch.cat([pooled, x.amax(dim=(2, 3))], dim=1)
        return x + self.linear(pooled)[:, :, None, None]

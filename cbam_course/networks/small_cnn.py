"""Networks small enough to look into: eight filters chosen by hand, and two for scenes that learn.

The two that learn have a place for attention in every block.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..arguments import require_feature_map, require_whole

AttentionFactory = Callable[[int], nn.Module]
_FILTERS = ("red", "green", "blue", "light", "dark", "edge |", "edge —", "spot")

HEADS = ("average", "mean+max", "average-mlp", "mean+max-mlp")
_SIZE = 5  # of the filters chosen by hand


class Block(nn.Module):
    """3×3 convolution, BatchNorm, ReLU, 2×2 max pooling if ``pool``, and attention.

    Attention comes last: it gates what the next layer reads, on the pooled map, where it costs a quarter of what
    it would cost before the pooling. Without any it is an ``nn.Identity``.

    Shape:
        x: (N, in_channels, H, W) -> (N, out_channels, H // 2, W // 2), or (N, out_channels, H, W) unpooled.
    """

    def __init__(self, in_channels: int, out_channels: int, *, pool: bool = True):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)
        self.pool = nn.MaxPool2d(2) if pool else nn.Identity()
        self.attention: nn.Module = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(self.pool(torch.relu(self.norm(self.conv(x)))))


class Head(nn.Module):
    """Pool the map over its positions, then classify.

    Args:
        in_channels: channels C of the map.
        num_classes: number of classes K.
        head: what is pooled, ``"average"`` or ``"mean+max"`` (side by side, 2 C numbers), and with ``-mlp``
            a hidden layer of C units between pooling and classes.

    Shape:
        x: (N, C, H, W) -> (N, K).
    """

    def __init__(self, in_channels: int, num_classes: int, head: str):
        super().__init__()
        self.takes_maximum = head.startswith("mean+max")
        pooled = 2 * in_channels if self.takes_maximum else in_channels
        hidden = [nn.Linear(pooled, in_channels), nn.ReLU()] if head.endswith("-mlp") else []
        self.classify = nn.Sequential(*hidden, nn.Linear(in_channels if hidden else pooled, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        pooled = x.mean(dim=(2, 3))
        if self.takes_maximum:
            pooled = torch.cat([pooled, x.amax(dim=(2, 3))], dim=1)
        return self.classify(pooled)


class SmallCNN(nn.Module):
    """Classify an image: one block per width, then a pooled head.

    All layers but attention are made first, so for one ``torch.manual_seed`` their first weights are the same
    whatever the attention: runs that differ in attention alone can be paired.

    Args:
        num_classes: number of classes K, at least 1.
        widths: output channels of the blocks, at least one number.
        attention: called with a block's width, returns the module to put into it; ``None`` for none.
        head: ``"average"``, ``"mean+max"``, ``"average-mlp"`` or ``"mean+max-mlp"``, see :class:`Head`.

    Shape:
        x: (N, 3, H, W), floating point -> logits (N, K). Height and width at least 2 per block, multiplied.

    Raises:
        TypeError, ValueError: an argument or the input is of the wrong kind; the message says what to do.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        widths: tuple[int, ...] = (16, 32, 64),
        attention: AttentionFactory | None = None,
        head: str = "average",
    ):
        super().__init__()
        require_whole("num_classes", num_classes)
        if head not in HEADS:
            raise ValueError(f"head is {head!r}; choose one of {', '.join(map(repr, HEADS))}.")
        blocks = _blocks(widths, pooled=len(widths))
        self.blocks = nn.Sequential(*blocks)
        self.head = Head(widths[-1], num_classes, head)
        _place(attention, blocks)

    def forward(self, x: Tensor) -> Tensor:
        """Return one logit per class, shape (N, K)."""
        require_feature_map(x, 3)
        return self.head(self.blocks(x))


class DenseCNN(nn.Module):
    """Give every pixel of an image a logit: is it part of what is asked for?

    Blocks with two poolings, a 1×1 convolution, and bilinear upsampling to the size of the image. No layer
    but attention sees farther than 18 pixels, so a distant cue reaches a pixel through attention or not at all.

    Args:
        widths: output channels of the blocks, at least one number; the first two blocks pool.
        attention: as in :class:`SmallCNN`, and made after everything else likewise.

    Shape:
        x: (N, 3, H, W), floating point, H and W at least 4 -> logits (N, H, W).

    Raises:
        TypeError, ValueError: an argument or the input is of the wrong kind; the message says what to do.
    """

    def __init__(self, *, widths: tuple[int, ...] = (16, 32, 48), attention: AttentionFactory | None = None):
        super().__init__()
        blocks = _blocks(widths, pooled=2)
        self.blocks = nn.Sequential(*blocks)
        self.mark = nn.Conv2d(widths[-1], 1, 1)
        _place(attention, blocks)

    def forward(self, x: Tensor) -> Tensor:
        """Return one logit per pixel, shape (N, H, W)."""
        require_feature_map(x, 3)
        logits = self.mark(self.blocks(x))
        return F.interpolate(logits, size=x.shape[2:], mode="bilinear", align_corners=False)[:, 0]


class FilterBank(nn.Module):
    """Turn a colour image into eight channels with names: three colours, light, dark, two edges, spots.

    Its filters are chosen by hand, so that every channel of a feature map has a meaning from the start.

    Edges count in both directions (their absolute value is taken), the others only where they are positive,
    as after a ReLU. Nothing is learned here.

    Shape:
        x: (N, 3, H, W), floating point in [0, 1]. The output is (N, 8, H, W), never negative.
    """

    names = _FILTERS
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


def _blocks(widths: tuple[int, ...], *, pooled: int) -> list[Block]:
    if not isinstance(widths, tuple | list) or not widths:
        raise ValueError(f"widths is {widths!r}; give the blocks' channels, such as (16, 32, 64).")
    for width in widths:
        require_whole("widths", width)
    pairs = zip((3, *widths[:-1]), widths, strict=True)
    return [Block(before, after, pool=i < pooled) for i, (before, after) in enumerate(pairs)]


def _place(attention: AttentionFactory | None, blocks: list[Block]) -> None:
    if attention is not None:
        for block in blocks:
            block.attention = attention(block.conv.out_channels)


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
    weight = torch.zeros(len(_FILTERS), 3, _SIZE, _SIZE)
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

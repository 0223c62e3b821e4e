"""The models that an experiment compares, by name."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from ..attention import CBAM, ChannelAttention, SpatialAttention, SqueezeExcitation
from ..networks.ablations import OnePool, Parallel, SpatialFirst
from ..networks.small_cnn import AddedContext, DenseCNN, SmallCNN

# The networks have 16 to 64 channels; the papers' 16 would leave one to four hidden units.
REDUCTION = 4
KERNEL = 7

# name -> attention for a block of c channels, with reduction ratio r and kernel k
_ATTENTION: dict[str, Callable[[int, int, int], nn.Module]] = {
    "se": lambda c, r, k: SqueezeExcitation(c, r),
    "channel": lambda c, r, k: ChannelAttention(c, r),
    "channel-average": lambda c, r, k: OnePool(c, r, pool="average"),
    "channel-max": lambda c, r, k: OnePool(c, r, pool="maximum"),
    "spatial": lambda c, r, k: SpatialAttention(k),
    "cbam": lambda c, r, k: CBAM(c, r, k),
    "spatial-first": lambda c, r, k: SpatialFirst(c, r, k),
    "parallel": lambda c, r, k: Parallel(c, r, k),
    "context-mean": lambda c, r, k: AddedContext(c, r, pools="mean"),
    "context-mean-max": lambda c, r, k: AddedContext(c, r, pools="mean+max"),
}
# Baselines without attention. The wider networks have at least as many parameters as the one with CBAM.
_BASELINES = {
    "plain": {},
    "plain-wide": {"widths": (17, 34, 69)},
    "plain-long": {},
    "plain-max": {"head": "mean+max"},
    "plain-mlp": {"head": "mean+max-mlp"},
}
_DENSE_WIDE = {"widths": (17, 34, 51)}
_DENSE_BASELINES = ("plain", "plain-wide", "plain-long")
MODELS = (*_BASELINES, *_ATTENTION)


@dataclass(frozen=True)
class Variant:
    """One model of a comparison.

    Args:
        name: a name out of ``MODELS``, possibly followed by ``-rN`` (reduction ratio) and ``-kN`` (kernel
            size): ``channel-r16``, ``cbam-r8-k3``.
    """

    name: str

    def __post_init__(self):
        if self.base not in MODELS:
            raise ValueError(f"models has {self.name!r}; choose from {', '.join(MODELS)}.")
        if self.base in _BASELINES and self.name != self.base:
            raise ValueError(f"models has {self.name!r}, and {self.base} has neither reduction nor kernel.")

    @property
    def base(self) -> str:
        return self._match[1]

    def _attention(self, channels: int) -> nn.Module:
        return _ATTENTION[self.base](
            channels, int(self._match[2] or REDUCTION), int(self._match[3] or KERNEL)
        )

    @property
    def _match(self) -> re.Match:
        return re.fullmatch(r"(.+?)(?:-r(\d+))?(?:-k(\d+))?", self.name) or re.match("()()()", "")

    def epochs(self, epochs: int) -> int:
        """``plain-long`` trains three times as long as the others."""
        return 3 * epochs if self.base == "plain-long" else epochs

    def build(self, num_classes: int | None) -> nn.Module:
        """Return the network, fresh; ``num_classes=None`` asks for the one that marks pixels.

        Raises:
            ValueError: a pooled head is asked for where every pixel has an answer of its own.
        """
        attention = self._attention if self.base in _ATTENTION else None
        if num_classes is not None:
            return SmallCNN(num_classes, attention=attention, **_BASELINES.get(self.base, {}))
        if attention is None and self.base not in _DENSE_BASELINES:
            raise ValueError(f"{self.name} pools the image into one answer, and dense data ask every pixel.")
        return DenseCNN(attention=attention, **(_DENSE_WIDE if self.base == "plain-wide" else {}))

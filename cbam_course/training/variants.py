"""The models that an experiment compares, by name."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from ..attention import CBAM, ChannelAttention, SpatialAttention, SqueezeExcitation
from ..data.cifar10 import CLASS_NAMES
from ..networks.ablations import OnePool, Parallel, SpatialFirst
from ..networks.insertion import insert_attention
from ..networks.pretrained import SHA256, WEIGHTS, load_weights
from ..networks.resnet import CifarResNet, ShiftAndFlip
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
# network -> the baselines that it has, and why not the others
_POOLED = "pools the image into one answer, and dense data ask every pixel"
_SMALL = "changes the small classifier, and this network is a ResNet-20"
_OTHER_BASELINES = {
    "dense": (("plain", "plain-wide", "plain-long"), _POOLED),
    "resnet20": (("plain", "plain-long"), _SMALL),
    "pretrained": (("plain", "plain-long"), _SMALL),
}
MODELS = (*_BASELINES, *_ATTENTION)


@dataclass(frozen=True)
class Variant:
    """One model of a comparison.

    Args:
        name: a name out of ``MODELS``, possibly followed by ``-rN`` (reduction ratio) and ``-kN`` (kernel
            size): ``channel-r16``, ``cbam-r8-k3``. For a pretrained network also by ``-identity`` (the attention
            starts as the identity) or ``-staged`` (so does it there, and training unfreezes from the end).
    """

    name: str

    def __post_init__(self):
        if self.base not in MODELS:
            raise ValueError(f"models has {self.name!r}; choose from {', '.join(MODELS)}.")
        if self.base in _BASELINES and (self._match[2] or self._match[3] or self._match[4] == "-identity"):
            raise ValueError(f"models has {self.name!r}, and {self.base} has no attention to change.")

    @property
    def base(self) -> str:
        return self._match[1]

    @property
    def staged(self) -> bool:
        """Whether training unfreezes the network in stages."""
        return self._match[4] == "-staged"

    def _attention(self, channels: int) -> nn.Module:
        return _ATTENTION[self.base](
            channels, int(self._match[2] or REDUCTION), int(self._match[3] or KERNEL)
        )

    @property
    def _match(self) -> re.Match:
        pattern = r"(.+?)(?:-r(\d+))?(?:-k(\d+))?(-identity|-staged)?"
        return re.fullmatch(pattern, self.name) or re.match("()()()()", "")

    def epochs(self, epochs: int) -> int:
        """``plain-long`` trains three times as long as the others."""
        return 3 * epochs if self.base == "plain-long" else epochs

    def build(self, network: str, num_classes: int | None) -> nn.Module:
        """Return the model, fresh.

        Args:
            network: ``"small"`` and ``"dense"`` (:mod:`cbam_course.networks.small_cnn`), ``"resnet20"`` (with
                shifted and mirrored images in training), or ``"pretrained"``, the ResNet-20 that travels with the
                course, with a new last layer.
            num_classes: of the last layer; ``None`` for the network that marks pixels.

        Raises:
            ValueError: this model does not exist for this network; the message says why.
        """
        attention = self._attention if self.base in _ATTENTION else None
        if self._match[4] and network != "pretrained":
            raise ValueError(f"{self.name} is for a pretrained network (data finetune-where).")
        if network == "small":
            return SmallCNN(num_classes, attention=attention, **_BASELINES.get(self.base, {}))
        baselines, why = _OTHER_BASELINES[network]
        if attention is None and self.base not in baselines:
            raise ValueError(f"{self.name} {why}; its baselines are {', '.join(baselines)}.")
        if network == "dense":
            return DenseCNN(attention=attention, **(_DENSE_WIDE if self.base == "plain-wide" else {}))
        if network == "resnet20":
            return nn.Sequential(ShiftAndFlip(), self._insert(CifarResNet(num_classes=num_classes)))
        # Without the file a lesson goes on with fresh weights; an experiment must not: it would be another one.
        model = CifarResNet(num_classes=len(CLASS_NAMES))
        model.load_state_dict(load_weights(WEIGHTS, SHA256))
        model.fc = nn.Linear(model.fc.in_features, num_classes)
        return self._insert(model)

    def _insert(self, model: nn.Module) -> nn.Module:
        if self.base not in _ATTENTION:
            return model
        return insert_attention(model, self._attention, identity=bool(self._match[4]))

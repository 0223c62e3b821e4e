"""The models that an experiment compares."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from torch import nn

from ..attention import CBAM, ChannelAttention, SpatialAttention, SqueezeExcitation
from ..inspection.interventions import CHANGES, Change
from ..networks.baselines import AddedContext, AddedMap, OnePool, Parallel, SpatialFirst, WideKernel
from ..networks.insertion import insert_attention
from ..networks.pretrained import SHA256, WEIGHTS, load_weights
from ..networks.resnet import CifarResNet, ShiftAndFlip
from ..networks.small_cnn import DenseCNN, SmallCNN

# What is put into each block: made for c channels, with reduction ratio r and kernel size k.
_LAYERS: dict[str, Callable[[int, int, int], nn.Module]] = {
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
    "added-map": lambda c, r, k: AddedMap(c, k),
    "wide-kernel": lambda c, r, k: WideKernel(c, k),
    "dilated": lambda c, r, k: WideKernel(c, 3, dilation=k // 2),
}
# How each network is widened so that it has at least as many parameters as with CBAM.
_WIDER = {"small": (17, 34, 69), "dense": (17, 34, 51)}
HEADS = {"plain-max": "mean+max", "plain-mlp": "mean+max-mlp"}
MODELS = ("plain", "plain-wide", "plain-long", *HEADS, *_LAYERS)
# Which gates of a trained network can be replaced, and by what: cbam@spatial-mean.
_GATES = {
    "se": ("channel",),
    "channel": ("channel",),
    "spatial": ("spatial",),
    "cbam": ("channel", "spatial"),
}
_CHANGES = {"other" if name == "another image's" else name: change for name, change in CHANGES.items()}
NETWORKS = ("small", "dense", "resnet20", "pretrained")


@dataclass(frozen=True)
class Model:
    """One model of a comparison.

    Args:
        name: what tables call it.
        layer: what is put into every block, a name such as ``"cbam"``; ``None`` for nothing.
        reduction_ratio: of the layer; the networks have 16 to 64 channels, and the papers' 16 would leave one to
            four hidden units.
        kernel_size: of the layer, in pixels.
        head: what the classifier reads: ``"average"``, ``"mean+max"`` or ``"mean+max-mlp"``.
        wider: whether the network has as many parameters as the one with CBAM.
        longer: how many times as many epochs it trains.
        identity: whether the layer starts as the identity (pretrained networks only).
        old_rate: what the learning rate of pretrained layers is multiplied by; 1 trains old and new alike.
        staged: whether pretrained layers are unfrozen in stages.
        untouched: name of the model that is trained; another one than ``name`` where gates are replaced afterwards.
        kind: the gates that are replaced when the network is scored, ``"channel"`` or ``"spatial"``.
        change: what replaces them; ``None`` where none are.
    """

    name: str
    layer: str | None = None
    reduction_ratio: int = 4
    kernel_size: int = 7
    head: str = "average"
    wider: bool = False
    longer: int = 1
    identity: bool = False
    old_rate: float = 1.0
    staged: bool = False
    untouched: str = ""
    kind: str | None = None
    change: Change | None = None

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
        if (self.identity or self.staged or self.old_rate != 1) and network != "pretrained":
            raise ValueError(f"{self.name} is for a pretrained network, such as that of finetune-where.")
        if self.wider and network not in _WIDER:
            raise ValueError(
                f"{self.name} widens the small networks of scenes, and this network is a ResNet-20."
            )
        if network == "dense" and self.head != "average":
            raise ValueError(f"{self.name} pools the image into one answer, and dense data ask every pixel.")
        widths = {"widths": _WIDER[network]} if self.wider else {}
        if network == "small":
            return SmallCNN(num_classes, attention=self._factory, head=self.head, **widths)
        if network == "dense":
            return DenseCNN(attention=self._factory, **widths)
        if network == "resnet20":
            return nn.Sequential(
                ShiftAndFlip(), self._attend(CifarResNet(num_classes=num_classes, head=self.head))
            )
        model = CifarResNet(num_classes=num_classes, head=self.head)
        # Without the file a lesson goes on with fresh weights; an experiment must not: it would be another one.
        trained = load_weights(WEIGHTS, SHA256)
        fresh = {name: tensor for name, tensor in model.state_dict().items() if name.startswith("fc.")}
        model.load_state_dict({**trained, **fresh})
        return self._attend(model)

    @property
    def _factory(self) -> Callable[[int], nn.Module] | None:
        if self.layer is None:
            return None
        return lambda channels: _LAYERS[self.layer](channels, self.reduction_ratio, self.kernel_size)

    def _attend(self, model: nn.Module) -> nn.Module:
        if self._factory is None:
            return model
        return insert_attention(model, self._factory, identity=self.identity)


def model_named(name: str, settings: Mapping | None = None) -> Model:
    """Return the model that a word of the command line means.

    Args:
        name: a name out of ``MODELS``, possibly followed by ``-rN`` (reduction ratio) and ``-kN`` (kernel size):
            ``channel-r16``, ``cbam-r8-k3``. For a pretrained network also by ``-identity`` (the attention starts
            as the identity), ``-tenth`` (pretrained layers learn at a tenth of the rate) and ``-staged`` (they are
            unfrozen in stages). With ``@channel-`` or ``@spatial-`` and ``mean``, ``other``, ``permuted`` or
            ``complement`` the gates of that kind are replaced once the network is trained
            (:mod:`cbam_course.inspection.interventions`): ``cbam@spatial-mean``.
        settings: fields of :class:`Model` to set in addition.

    Raises:
        ValueError: there is no such model; the message names those that there are.
    """
    bases = "|".join(sorted(map(re.escape, MODELS), key=len, reverse=True))
    layer = r"(?:-r(?P<r>[1-9]\d*))?(?:-k(?P<k>\d*[13579]))?"
    training = r"(?P<identity>-identity)?(?P<tenth>-tenth)?(?P<staged>-staged)?"
    replaced = rf"(?:@(?P<kind>channel|spatial)-(?P<change>{'|'.join(_CHANGES)}))?"
    match = re.fullmatch(rf"(?P<base>{bases}){layer}{training}{replaced}", name)
    if match is None:
        raise ValueError(f"models has {name!r}; choose from {', '.join(MODELS)}.")
    base, layered = match["base"], match["base"] in _LAYERS
    if not layered and (match["r"] or match["k"] or match["identity"]):
        raise ValueError(f"models has {name!r}, and {base} has no attention to change.")
    if match["kind"] and match["kind"] not in _GATES.get(base, ()):
        raise ValueError(f"models has {name!r}, and {base} has no {match['kind']} gate to replace.")
    model = Model(
        name,
        layer=base if layered else None,
        reduction_ratio=int(match["r"] or 4),
        kernel_size=int(match["k"] or 7),
        head=HEADS.get(base, "average"),
        wider=base == "plain-wide",
        longer=3 if base == "plain-long" else 1,
        identity=bool(match["identity"]),
        old_rate=0.1 if match["tenth"] else 1.0,
        staged=bool(match["staged"]),
        untouched=name.split("@")[0],
        kind=match["kind"],
        change=_CHANGES.get(match["change"]),
    )
    return replace(model, **settings) if settings else model

"""Put attention into a network that exists already."""

from collections.abc import Callable

import torch
from torch import nn

from ..arguments import require_module
from .attached import IdentityStart, attach
from .finding_places import Places, Where, empty_like_weights, fake_copy, trace


def insert_attention(
    model: nn.Module,
    factory: Callable[[int], nn.Module],
    *,
    where: Where = "residual",
    identity: bool = False,
) -> nn.Module:
    """Put attention into ``model``, which is changed and returned.

    The attention becomes a child named ``attention`` of the module that it follows, and a forward hook runs
    it. So every weight keeps its name, and a checkpoint of the plain network loads with ``strict=False``: the
    weights of the attention are the missing ones.

    The places and their channel numbers are found by running a copy on fake images, not guessed: in a
    Bottleneck the branch is 4 times as wide as ``planes``.

    Fuse BatchNorm layers, or convert them with ``SyncBatchNorm.convert_sync_batchnorm``, **before** the
    insertion: both replace the modules that carry the attention, and lose the hook that runs it.

    Args:
        model: a network that turns images into feature maps (N, C, H, W).
        factory: makes the attention for a number of channels, for example ``CBAM``.
        where: ``"residual"`` is the end of every residual branch, before the addition (in a ResNet after the
            last BatchNorm). Or the names of the modules to follow, such as ``["layer3", "layer4"]``. Or a
            function of name and module (or of the module alone) that says whether to follow it.
        identity: start as the identity: the outputs are exactly what they were, and a learned scalar
            per place lets the attention in (:class:`cbam_course.networks.attached.IdentityStart`).

    Raises:
        TypeError, ValueError: a place does not exist, has attention already or gives no feature map, or the
            factory's module changes the shape. The message says what is possible; the model is unchanged.

    Example:
        >>> from torchvision.models import resnet18
        >>> from cbam_course import CBAM, insert_attention
        >>> model = insert_attention(resnet18(), CBAM)
        >>> sum(isinstance(module, CBAM) for module in model.modules())
        8
    """
    require_module(model)
    if isinstance(factory, nn.Module) or not callable(factory):
        raise TypeError(
            f"factory is a {type(factory).__name__}; give what makes the attention for a number of channels, "
            "for example CBAM, or lambda channels: CBAM(channels, 8)."
        )
    places = Places(model, trace(model)).find(where)
    made = {name: _made(factory, channels) for name, channels in places.items()}
    for name, attention in made.items():
        attach(model.get_submodule(name), IdentityStart(attention) if identity else attention, model)
    return model


def _made(factory: Callable[[int], nn.Module], channels: int) -> nn.Module:
    """Call the factory, and see on a fake feature map that what it made keeps the shape."""
    attention = factory(channels)
    if not isinstance(attention, nn.Module):
        raise TypeError(
            f"factory({channels}) returned a {type(attention).__name__}; return a torch.nn.Module."
        )
    twin, fakes = fake_copy(attention)
    with torch.no_grad(), fakes:
        x = empty_like_weights(attention, (2, channels, 8, 8))
        y = twin(x)
    if getattr(y, "shape", None) != x.shape:
        result = tuple(y.shape) if hasattr(y, "shape") else type(y).__name__
        raise ValueError(
            f"factory({channels}) made a {type(attention).__name__} that turns a map of shape "
            f"{tuple(x.shape)} into {result}; give a module that keeps the shape."
        )
    return attention

"""Attention attached to a module of an existing network: a child named ``attention`` and a forward hook that runs it.

The hook is a function at module level that asks the module it runs on. A closure over the attention could not
be pickled, and in a deepcopy it would still run the original's attention.
"""

import torch
from torch import Tensor, nn


class IdentityStart(nn.Module):
    """Blend an attention module in, starting with none of it.

    ``y = x + alpha * (attention(x) - x)`` with one learned number ``alpha``, 0 at first. Fresh gates are about a
    half each and would shrink a pretrained network's features to a quarter or a half; this way the network's
    outputs are exactly what they were, and the gate itself still lies in (0, 1).

    At the first step only ``alpha`` has a gradient: that of the attention's weights is multiplied by it.

    Args:
        attention: a module that maps (N, C, H, W) to the same shape.

    Shape:
        x: (N, C, H, W). The output has the same shape, dtype and memory format.

    Source: the number is the α of Bachlechner et al.: "ReZero is All You Need", UAI 2021, put before a gate.
    """

    def __init__(self, attention: nn.Module):
        super().__init__()
        self.attention = attention
        self.alpha = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` moved towards ``attention(x)`` by the share ``alpha``, shape (N, C, H, W)."""
        return x + self.alpha * (self.attention(x) - x)

    def _load_from_state_dict(self, state_dict, prefix, *rest):
        # Weights saved before the number got its name of today still load.
        if f"{prefix}strength" in state_dict:
            state_dict[f"{prefix}alpha"] = state_dict.pop(f"{prefix}strength")
        super()._load_from_state_dict(state_dict, prefix, *rest)


def run_attention(module: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
    """Forward hook: return the output after the module's attention."""
    return module.attention(output)  # type: ignore[operator]


def attach(module: nn.Module, attention: nn.Module, model: nn.Module) -> None:
    """Hang ``attention`` on ``module``, a part of ``model``, in the model's dtype and on its device."""
    like = reference_parameter(model)
    module.attention = attention.to(like.device, like.dtype).train(module.training)
    module.register_forward_hook(run_attention)


def is_attached(module: nn.Module) -> bool:
    """Tell whether :func:`attach` has hung attention on this very module."""
    return run_attention in module._forward_hooks.values()


def remove_attention(model: nn.Module) -> nn.Module:
    """Take out what ``insert_attention`` put in; ``model`` is changed and returned, its outputs as before.

    Args:
        model: any module. One without inserted attention stays as it is.

    Example:
        >>> from torchvision.models import resnet18
        >>> from cbam_course import CBAM, insert_attention, remove_attention
        >>> plain = list(resnet18().state_dict())
        >>> list(remove_attention(insert_attention(resnet18(), CBAM)).state_dict()) == plain
        True
    """
    for module in filter(is_attached, list(model.modules())):
        hooks = module._forward_hooks
        for key in [key for key, hook in hooks.items() if hook is run_attention]:
            del hooks[key]
        del module.attention
    return model


def reference_parameter(model: nn.Module) -> Tensor:
    """Return a tensor with the dtype and the device of the model's weights."""
    return next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))

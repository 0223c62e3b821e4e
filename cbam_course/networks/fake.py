"""Run a network without computing a number: on fake tensors, which know their shape and nothing else."""

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeCopyMode, FakeTensorMode


def fake_copy(model: nn.Module) -> tuple[nn.Module, FakeTensorMode]:
    """Return a copy of ``model`` in ``eval`` mode that takes no memory, and the mode to run it in."""
    fakes = FakeTensorMode(allow_non_fake_inputs=True)
    with FakeCopyMode(fakes):
        return deepcopy(model).eval(), fakes


def reference_parameter(model: nn.Module) -> Tensor:
    """Return a tensor with the dtype and the device of the model's weights."""
    return next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))


def empty_like_weights(model: nn.Module, size: Sequence[int]) -> Tensor:
    """Return an input of this size in the model's dtype, on its device."""
    like = reference_parameter(model)
    return torch.empty(tuple(size), dtype=like.dtype, device=like.device)

"""What a network costs: parameters and multiply-adds."""

from collections.abc import Sequence
from numbers import Integral
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter
from torch.utils.flop_counter import FlopCounterMode

from ..arguments import require_module
from ..networks.finding_places import empty_like_weights, fake_copy


class Cost(NamedTuple):
    """The size of a network and the work of one forward pass.

    Args:
        parameters: how many numbers training can change; a shared one counts once.
        macs: multiply-adds of convolutions and matrix products. Pooling, BatchNorm and element-wise work are
            not counted, here as in the papers' tables, although they take time.
    """

    parameters: int
    macs: int


def count_cost(model: nn.Module, input_size: Sequence[int]) -> Cost:
    """Count the parameters of ``model`` and the multiply-adds of one forward pass in ``eval`` mode.

    No number is computed: the pass runs on a copy made of fake tensors, which know only their shape. So it
    takes no memory, and nothing changes: no mode, no BatchNorm statistics, no state of the random generator.

    Args:
        model: any module that takes one image tensor.
        input_size: (N, C, H, W), for example (1, 3, 224, 224).

    Raises:
        TypeError: ``model`` is not a module.
        ValueError: ``input_size`` is not four whole numbers of at least 1, or the model cannot
            take such an input.

    Example:
        >>> from cbam_course import CBAM, count_cost
        >>> count_cost(CBAM(64), (1, 64, 56, 56))
        Cost(parameters=610, macs=308352)
    """
    require_module(model)
    size = _checked(input_size)
    parameters = list(model.parameters())
    if any(isinstance(p, UninitializedParameter) for p in parameters):
        raise ValueError("model has lazy layers whose size is not known yet; run it once on an image first.")
    counter = FlopCounterMode(display=False)
    twin, fakes = fake_copy(model)
    try:
        with torch.no_grad(), fakes, counter:
            twin(empty_like_weights(model, size))
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise ValueError(f"{type(model).__name__} could not run on input_size={size}: {reason}") from error
    # A multiply-add is counted as two operations there.
    return Cost(sum(p.numel() for p in parameters), counter.get_total_flops() // 2)


def _checked(input_size: Sequence[int]) -> tuple[int, ...]:
    """Return the size as a tuple, or say what is wrong with it."""
    size = tuple(input_size) if isinstance(input_size, Sequence) else ()
    whole = all(isinstance(n, Integral) and not isinstance(n, bool) and n >= 1 for n in size)
    if len(size) != 4 or not whole:
        raise ValueError(
            f"input_size is {input_size!r}; give four whole numbers (N, C, H, W) such as (1, 3, 224, 224)."
        )
    return size

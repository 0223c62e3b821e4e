"""Look at the gates of a network while it runs, and at the images that drive a channel most."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from ..arguments import require_module
from ..data.photos import to_float
from ..networks.attached import IdentityStart
from .mirror import as_it_stands

_ABSENT = object()


@contextmanager
def capture(model: nn.Module) -> Iterator[dict[str, list[Tensor]]]:
    """Record the gates of ``model`` that run while the context is open, as they ran.

    Nothing is computed a second time: until the context ends, each ``gate`` also writes down what it returns.
    That works for every submodule with a callable ``gate``, your own classes and timm's included.

    Args:
        model: any module. A bare attention module is recorded under its class's name.

    Yields:
        A dictionary from the module's name to its detached gates, one per call, in the order of the calls.
        Attention inserted with ``identity=True`` has its learned share under ``"<name>.alpha"``.

    Raises:
        TypeError: ``model`` is not a module, or a gate returned something other than a tensor.
        ValueError: no submodule has a gate.

    Example:
        >>> import torch
        >>> from cbam_course import CBAM, capture
        >>> module = CBAM(16)
        >>> with capture(module) as gates:
        ...     y = module(torch.rand(1, 16, 8, 8))
        >>> {name: [tuple(gate.shape) for gate in each] for name, each in gates.items()}
        {'channel': [(1, 16, 1, 1)], 'spatial': [(1, 1, 8, 8)]}
    """
    gated = _gated_modules(model)
    starts = {name: m for name, m in model.named_modules() if isinstance(m, IdentityStart)}
    if not gated and not starts:
        raise ValueError(
            f"model is a {type(model).__name__} in which no module has a gate(x) method; put attention in "
            "with insert_attention(model, factory), or let your class compute its gate in such a method."
        )
    records: dict[str, list[Tensor]] = {}
    with ExitStack() as undo:
        records |= {name: [] for name in gated}
        replace_gate_methods(model, lambda gate, name: _recording(gate, records[name], name), undo)
        for name, module in starts.items():
            values = records[f"{name}.alpha" if name else "alpha"] = []
            undo.callback(module.register_forward_hook(_recording_alpha(values)).remove)
        yield records


def replace_gate_methods(
    model: nn.Module, wrap: Callable[[Callable, str], Callable], undo: ExitStack
) -> list[str]:
    """Put ``wrap(gate, name)`` in the place of every ``gate`` method until ``undo`` closes; return their names.

    Raises:
        TypeError: ``model`` is not a module.
    """
    gated = _gated_modules(model)
    for name, module in gated.items():
        undo.callback(_put_back, module, vars(module).get("gate", _ABSENT))
        vars(module)["gate"] = wrap(cast(Callable, module.gate), name)
    return list(gated)


def gates_by_depth(model: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Return the gates that ran on these images, from the first layer to the last.

    Args:
        model: a network with gates; run in ``eval`` mode, and left in the mode it was in.
        images: (N, 3, H, W), uint8 (read from -1 to 1) or floating point as the network reads them.

    Returns:
        Name of the module -> gate (N, C, 1, 1) or (N, 1, h, w), in the order in which they ran.

    Raises:
        TypeError, ValueError: as in :func:`capture`; or a gate ran several times in one pass.
    """
    like = next(model.parameters())
    with as_it_stands(model), capture(model) as records:
        model(to_float(images).to(like))
    several = [name for name, gates in records.items() if len(gates) > 1]
    if several:
        raise ValueError(
            f"the gate of {several[0]!r} ran {len(records[several[0]])} times; use capture(model)."
        )
    return {name: gates[0] for name, gates in records.items() if gates}


class Driven(NamedTuple):
    """The images that drive a channel most.

    Args:
        indices: int64 (k,), which images, the strongest first.
        values: (k,), how strongly.
        maps: (k, h, w), the channel's maps of them.
    """

    indices: Tensor
    values: Tensor
    maps: Tensor


def strongest_images(
    model: nn.Module,
    layer: nn.Module,
    images: Tensor,
    channel: int,
    *,
    k: int = 9,
    pool: str = "max",
    batch_size: int = 256,
) -> Driven:
    """Return the images on which a channel of a layer is largest.

    Args:
        model: run in ``eval`` mode, and left in the mode it was in.
        layer: a module inside ``model`` that returns a feature map (N, C, h, w), once in a pass.
        images: (N, 3, H, W), uint8 or floating point.
        channel: from 0 to C - 1.
        k: number of images, at least 1; all where there are fewer.
        pool: ``"max"`` (one strong position is enough) or ``"mean"`` over the positions.
        batch_size: images at a time.

    Raises:
        ValueError: there is no such channel or pool.
    """
    if pool not in ("max", "mean"):
        raise ValueError(f"pool is {pool!r}; choose 'max' or 'mean'.")
    maps: list[Tensor] = []

    def keep(module, inputs, output):
        if not 0 <= channel < output.shape[1]:
            raise ValueError(f"channel is {channel}; this layer has the channels 0 to {output.shape[1] - 1}.")
        maps.append(output[:, channel].detach().clone())

    like, hook = next(model.parameters()), layer.register_forward_hook(keep)
    try:
        with as_it_stands(model):
            for some in images.split(batch_size):
                model(to_float(some).to(like))
    finally:
        hook.remove()
    found = torch.cat(maps)
    pooled = found.amax(dim=(1, 2)) if pool == "max" else found.mean(dim=(1, 2))
    values, indices = pooled.topk(min(k, len(pooled)))
    return Driven(indices, values, found[indices])


def let_through(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return how much the last block's attention lets through of each channel and at each position.

    Whatever the module does inside, its output y is compared with its input x: ``sum(x y) / sum(x x)``, the factor
    that fits best, over the positions of each channel and over the channels at each position. Of channel attention
    the first is the gate, of spatial attention the second.

    Args:
        model: a :class:`DenseCNN` or :class:`SmallCNN`; it stays as it is.
        images: uint8 (n, 3, H, W).

    Shape:
        channels (n, C), positions (n, h, w).
    """
    kept = {}

    def keep(module, inputs, output):
        kept["x"], kept["y"] = inputs[0].detach().clone(), output.detach().clone()

    last = cast(nn.Sequential, model.blocks)[-1]
    hook = cast(nn.Module, last.attention).register_forward_hook(keep)
    try:
        with as_it_stands(model):
            model(to_float(images))
    finally:
        hook.remove()
    both, square = kept["x"] * kept["y"], kept["x"].square()
    tiny = torch.finfo(square.dtype).tiny  # a channel that is dark everywhere lets nothing through
    return (
        both.sum(dim=(2, 3)) / square.sum(dim=(2, 3)).clamp(min=tiny),
        both.sum(dim=1) / square.sum(dim=1).clamp(min=tiny),
    )


def _gated_modules(model: nn.Module) -> dict[str, nn.Module]:
    require_module(model)
    return {
        name or type(model).__name__: module
        for name, module in model.named_modules()
        if callable(getattr(module, "gate", None))
    }


def _recording(gate, record: list[Tensor], name: str):
    """Return a function that does what ``gate`` does and appends its result to ``record``."""

    def record_gate(*args, **kwargs):
        result = gate(*args, **kwargs)
        if not isinstance(result, Tensor):
            raise TypeError(f"the gate of {name!r} returned a {type(result).__name__}; return one tensor.")
        record.append(_copy(result))
        return result

    return record_gate


def _recording_alpha(record: list[Tensor]):
    """Return a forward hook that appends the module's alpha to ``record``."""
    return lambda module, inputs, output: record.append(_copy(module.alpha))


def _copy(value: Tensor) -> Tensor:
    # A copy, because the original may be changed in place after it was recorded.
    return value.detach().clone()


def _put_back(module: nn.Module, own_gate: object) -> None:
    """Undo the shadowing: the class's method shows again, or what the instance itself had before."""
    if own_gate is _ABSENT:
        vars(module).pop("gate", None)
    else:
        vars(module)["gate"] = own_gate

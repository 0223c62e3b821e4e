"""Look at the gates of a network while it runs."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from torch import Tensor, nn

from ..arguments import require_module
from ..networks.attached import IdentityStart

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
        for name, module in gated.items():
            records[name] = []
            undo.callback(_put_back, module, vars(module).get("gate", _ABSENT))
            vars(module)["gate"] = _recording(module.gate, records[name], name)
        for name, module in starts.items():
            values = records[f"{name}.alpha" if name else "alpha"] = []
            undo.callback(module.register_forward_hook(_recording_alpha(values)).remove)
        yield records


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

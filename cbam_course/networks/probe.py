"""Find out what flows through a network: every module's output shape, and where residual branches end."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from .fake import empty_like_weights, fake_copy
from .hooks import remove_attention

_ADDITIONS = (torch.ops.aten.add.Tensor, torch.ops.aten.add_.Tensor)
_SIDES = (224, 64, 32, 28, 48, 96, 128, 299)


class Probe(TorchDispatchMode):
    """Watch one forward pass and note which module made which tensor, and which tensors are added.

    A residual addition adds two feature maps of one shape inside a block that was given a single one.
    Its branch is the operand that more operations led to; the other is the shortcut.
    """

    def __init__(self):
        super().__init__()
        self.shapes: dict[str, list[tuple[int, ...] | None]] = defaultdict(list)
        self.makers: dict[tuple[int, int], list[str]] = defaultdict(list)
        self.outputs: dict[str, tuple[int, int]] = {}
        self.branches: list[tuple[str, tuple[int, int]]] = []
        self.failure = ""
        self._depth: Counter[int] = Counter()
        self._running: list[tuple[str, int]] = []
        self._alive: list[object] = []  # keeps ids unique

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        """Note an addition before it happens (it may be in place), and how deep its result lies."""
        if function in _ADDITIONS:
            self._note_addition(*args[:2])
        result = function(*args, **(kwargs or {}))
        # A view is no step: how many slices an indexing takes differs between versions of torch.
        step = 0 if _is_view(function) else 1
        for tensor in _tensors(result):
            self._depth[id(tensor)] = step + max((self._depth[id(t)] for t in _tensors(args)), default=0)
            self._alive.append(tensor)
        return result

    def _note_addition(self, a: object, b: object) -> None:
        block, maps_given = self._running[-1]
        if maps_given != 1 or not (_is_map(a) and _is_map(b)) or a.shape != b.shape:
            return
        deeper, other = (a, b) if self._depth[id(a)] > self._depth[id(b)] else (b, a)
        made_inside = any(name.startswith(block + ".") or not block for name in self.makers[_key(deeper)])
        if made_inside and self._depth[id(deeper)] > self._depth[id(other)]:
            self.branches.append((block, _key(deeper)))

    @contextmanager
    def watching(self, model: nn.Module) -> Iterator[None]:
        """Tell the watch when each module of ``model`` starts and ends."""
        for name, module in model.named_modules():
            module.register_forward_pre_hook(self._entering(name))
            module.register_forward_hook(self._leaving(name))
        with torch.no_grad(), self:
            yield

    def _entering(self, name: str):
        def enter(module, inputs):
            self._running.append((name, sum(map(_is_map, inputs))))

        return enter

    def _leaving(self, name: str):
        def leave(module, inputs, output):
            self._running.pop()
            self.shapes[name].append(tuple(output.shape) if isinstance(output, Tensor) else None)
            if isinstance(output, Tensor):
                # Identity and Dropout hand on what another module made, an in-place ReLU makes it anew:
                # the tensor's version tells these apart.
                self.outputs[name] = _key(output)
                self.makers[_key(output)].append(name)
                self._alive.append(output)

        return leave


def probe(model: nn.Module) -> Probe:
    """Watch a copy of ``model``, without the attention inserted so far, run on fake images."""
    attempts = []
    for side in _SIDES:
        twin, fakes = fake_copy(model)
        remove_attention(twin)
        watch = Probe()
        try:
            with fakes, watch.watching(twin):
                twin(empty_like_weights(model, (2, _image_channels(model), side, side)))
        except (DataDependentOutputException, DynamicOutputShapeException):
            return watch  # a detector's boxes depend on values; its feature maps have been seen by then
        except Exception as error:
            watch.failure = str(error).strip().split("\n")[0]
            attempts.append(watch)
        else:
            return watch
    return max(attempts, key=lambda watch: len(watch.shapes))


def _image_channels(model: nn.Module) -> int:
    first = next((m for m in model.modules() if isinstance(m, nn.Conv2d)), None)
    return 3 if first is None else first.in_channels


def _is_map(value: object) -> bool:
    return isinstance(value, Tensor) and value.ndim == 4


def _is_view(function) -> bool:
    results = [result.alias_info for result in function._schema.returns]
    return any(alias is not None and not alias.is_write for alias in results)


def _key(tensor: Tensor) -> tuple[int, int]:
    return id(tensor), tensor._version


def _tensors(values: object) -> list[Tensor]:
    return [v for v in tree_leaves(values) if isinstance(v, Tensor)]

"""Where attention can go in a network: a copy runs on fake images, and what flows through it is noted.

Fake tensors know their shape and nothing else, so no number is computed. The run tells every module's output shape
and where residual branches end (:func:`trace`); :class:`Places` turns ``where`` into modules that attention follows.
"""

import inspect
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import TypeGuard

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeCopyMode,
    FakeTensorMode,
)
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from .attached import is_attached, reference_parameter, remove_attention

Where = str | Iterable[str] | Callable[..., bool]
# These hand their input to every child, and a container that got one more child would run it too.
_CONTAINERS = (nn.Sequential, nn.ModuleDict, nn.ModuleList)
_ADDITIONS = (torch.ops.aten.add.Tensor, torch.ops.aten.add_.Tensor)
_SIDES = (224, 64, 32, 28, 48, 96, 128, 299)


def fake_copy(model: nn.Module) -> tuple[nn.Module, FakeTensorMode]:
    """Return a copy of ``model`` in ``eval`` mode that takes no memory, and the mode to run it in."""
    fakes = FakeTensorMode(allow_non_fake_inputs=True)
    with FakeCopyMode(fakes):
        return deepcopy(model).eval(), fakes


def empty_like_weights(model: nn.Module, size: Sequence[int]) -> Tensor:
    """Return an input of this size in the model's dtype, on its device."""
    like = reference_parameter(model)
    return torch.empty(tuple(size), dtype=like.dtype, device=like.device)


class Trace(TorchDispatchMode):
    """One forward pass: which module made which tensor, and which tensors were added.

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
    def noting(self, model: nn.Module) -> Iterator[None]:
        """Note when each module of ``model`` starts and ends, while the context is open."""
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


def trace(model: nn.Module) -> Trace:
    """Trace a copy of ``model``, without the attention inserted so far, on fake images."""
    attempts = []
    for side in _SIDES:
        twin, fakes = fake_copy(model)
        remove_attention(twin)
        run = Trace()
        try:
            with fakes, run.noting(twin):
                twin(empty_like_weights(model, (2, _image_channels(model), side, side)))
        except (DataDependentOutputException, DynamicOutputShapeException):
            return run  # a detector's boxes depend on values; its feature maps have been seen by then
        except Exception as error:
            run.failure = str(error).strip().split("\n")[0]
            attempts.append(run)
        else:
            return run
    return max(attempts, key=lambda run: len(run.shapes))


class Places:
    """The modules of ``model`` that attention can follow, according to a traced forward pass."""

    def __init__(self, model: nn.Module, run: Trace):
        self.model = model
        self.run = run
        self._names = dict(model.named_modules(remove_duplicate=False))

    def find(self, where: Where) -> dict[str, int]:
        """Return the name of each module that gets attention, with its number of channels.

        Raises:
            TypeError, ValueError: ``where`` does not fit the model; the message lists what would.
        """
        if not self.run.shapes:
            raise ValueError(
                f"model is a {type(self.model).__name__} that does not run on images: {self.run.failure}"
            )
        if isinstance(where, str) and where == "residual":
            return self._branch_ends()
        return dict(self._place(name, f"where holds {name!r}") for name in self._chosen(where))

    def possible(self, limit: int = 12) -> str:
        """List names that ``where`` could hold, as the end of a sentence."""
        names = [name for name in self.run.shapes if name and self.obstacle(name) is None]
        names.sort(key=lambda name: name.count("."))
        rest = f" and {len(names) - limit} more" if len(names) > limit else ""
        return (
            f"choose from {', '.join(names[:limit])}{rest}."
            if names
            else "nothing else is free in this model."
        )

    def obstacle(self, name: str) -> str | None:
        """Say what keeps attention from following the module called ``name``; ``None`` if nothing does."""
        if name not in self._names:
            return f"which is no module of {type(self.model).__name__}"
        obstacle = self._obstacle_of_output(self.run.shapes.get(name, []))
        if obstacle:
            return obstacle
        host = self._host(name)
        if host is None:
            return "which runs its children itself"
        if is_attached(self._names[host]):
            return "which has attention already"
        return (
            "which has a part of its own named attention" if hasattr(self._names[host], "attention") else None
        )

    def _obstacle_of_output(self, shapes: list[tuple[int, ...] | None]) -> str | None:
        if not shapes:
            return "which does not run in a forward pass"
        maps = [shape for shape in shapes if shape is not None]
        if len(maps) < len(shapes):
            return "whose output is not one tensor"
        if len(maps[0]) != 4:
            return f"whose output is {len(maps[0])}-D and not a feature map (N, C, H, W)"
        if len({shape[1] for shape in maps}) > 1:
            return "which runs several times, with different numbers of channels"
        # Swin Transformers normalise the last dimension: their maps are (N, H, W, C).
        norms = {m.normalized_shape for m in self._names.values() if type(m) is nn.LayerNorm}
        if maps[0][3:] in norms and maps[0][1:2] not in norms:
            return "whose output has its channels last and is not a feature map (N, C, H, W)"
        return None

    def _branch_ends(self) -> dict[str, int]:
        ends = [self._end(block, tensor) for block, tensor in self.run.branches]
        if not ends:
            raise ValueError(
                f"where is 'residual', and {type(self.model).__name__} adds no residual branch to a "
                f"shortcut; give a list of module names: {self.possible()}"
            )
        return dict(self._place(name, f"where is 'residual', and a branch ends in {name!r}") for name in ends)

    def _end(self, block: str, tensor: tuple[int, int]) -> str:
        """Return the module that ends the branch: the innermost that runs once and can carry attention."""
        inside = [name for name in self.run.makers[tensor] if name.startswith(block + ".") or not block]
        return self._carrier(inside) or inside[0]

    def _place(self, name: str, subject: str) -> tuple[str, int]:
        obstacle = self.obstacle(name)
        if obstacle:
            raise ValueError(f"{subject}, {obstacle}; {self.possible()}")
        host, shape = self._host(name), self.run.shapes[name][0]
        assert host is not None  # otherwise there was an obstacle
        assert shape is not None
        return host, shape[1]

    def _chosen(self, where: Where) -> list[str]:
        """Return the names that a list or a function of modules asks for, each once."""
        if isinstance(where, nn.Module) or not (callable(where) or isinstance(where, Iterable)):
            raise TypeError(
                f"where is {where!r} ({type(where).__name__}); give 'residual', names, or a function."
            )
        if callable(where):
            asks = (
                where if len(inspect.signature(where).parameters) > 1 else lambda name, module: where(module)
            )
            names = [name for name, module in self._names.items() if name and asks(name, module)]
        else:
            names = [where] if isinstance(where, str) else list(where)
        if not names:
            raise ValueError(f"where chooses no module of {type(self.model).__name__}; {self.possible()}")
        return list(dict.fromkeys(names))

    def _host(self, name: str) -> str | None:
        """Return what carries the attention of ``name``: itself, or the last module of a container."""
        if not isinstance(self._names[name], _CONTAINERS):
            return name
        makers = self.run.makers[self.run.outputs[name]]
        return self._carrier([maker for maker in makers if maker.startswith(name + ".")])

    def _carrier(self, names: list[str]) -> str | None:
        once = (name for name in names if len(self.run.shapes[name]) == 1)
        return next((name for name in once if not isinstance(self._names[name], _CONTAINERS)), None)


def _image_channels(model: nn.Module) -> int:
    first = next((m for m in model.modules() if isinstance(m, nn.Conv2d)), None)
    return 3 if first is None else first.in_channels


def _is_map(value: object) -> TypeGuard[Tensor]:
    return isinstance(value, Tensor) and value.ndim == 4


def _is_view(function) -> bool:
    results = [result.alias_info for result in function._schema.returns]
    return any(alias is not None and not alias.is_write for alias in results)


def _key(tensor: Tensor) -> tuple[int, int]:
    return id(tensor), tensor._version


def _tensors(values: object) -> list[Tensor]:
    return [v for v in tree_leaves(values) if isinstance(v, Tensor)]

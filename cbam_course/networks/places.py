"""Turn ``where`` into places: the modules that attention follows, and how many channels flow there."""

import inspect
from collections.abc import Callable, Iterable

from torch import nn

from .hooks import is_attached
from .probe import Probe

# These hand their input to every child, and a container that got one more child would run it too.
_CONTAINERS = (nn.Sequential, nn.ModuleDict, nn.ModuleList)

Where = str | Iterable[str] | Callable[..., bool]


class Places:
    """What can be had in ``model``, judged by a forward pass that ``watch`` has seen."""

    def __init__(self, model: nn.Module, watch: Probe):
        self.model = model
        self.watch = watch
        self._names = dict(model.named_modules(remove_duplicate=False))

    def find(self, where: Where) -> dict[str, int]:
        """Return the name of each module that gets attention, with its number of channels.

        Raises:
            TypeError, ValueError: ``where`` does not fit the model; the message lists what would.
        """
        if not self.watch.shapes:
            raise ValueError(
                f"model is a {type(self.model).__name__} that does not run on images: {self.watch.failure}"
            )
        if isinstance(where, str) and where == "residual":
            return self._branch_ends()
        return dict(self._place(name, f"where holds {name!r}") for name in self._chosen(where))

    def possible(self, limit: int = 12) -> str:
        """List names that ``where`` could hold, as the end of a sentence."""
        names = [name for name in self.watch.shapes if name and self.obstacle(name) is None]
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
        obstacle = self._obstacle_of_output(self.watch.shapes.get(name, []))
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
        if None in shapes:
            return "whose output is not one tensor"
        if len(shapes[0]) != 4:
            return f"whose output is {len(shapes[0])}-D and not a feature map (N, C, H, W)"
        if len({shape[1] for shape in shapes}) > 1:
            return "which runs several times, with different numbers of channels"
        # Swin Transformers normalise the last dimension: their maps are (N, H, W, C).
        norms = {m.normalized_shape for m in self._names.values() if type(m) is nn.LayerNorm}
        if shapes[0][3:] in norms and shapes[0][1:2] not in norms:
            return "whose output has its channels last and is not a feature map (N, C, H, W)"
        return None

    def _branch_ends(self) -> dict[str, int]:
        ends = [self._end(block, tensor) for block, tensor in self.watch.branches]
        if not ends:
            raise ValueError(
                f"where is 'residual', and {type(self.model).__name__} adds no residual branch to a "
                f"shortcut; give a list of module names: {self.possible()}"
            )
        return dict(self._place(name, f"where is 'residual', and a branch ends in {name!r}") for name in ends)

    def _end(self, block: str, tensor: tuple[int, int]) -> str:
        """Return the module that ends the branch: the innermost that runs once and can carry attention."""
        inside = [name for name in self.watch.makers[tensor] if name.startswith(block + ".") or not block]
        return self._carrier(inside) or inside[0]

    def _place(self, name: str, subject: str) -> tuple[str, int]:
        obstacle = self.obstacle(name)
        if obstacle:
            raise ValueError(f"{subject}, {obstacle}; {self.possible()}")
        return self._host(name), self.watch.shapes[name][0][1]

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
        makers = self.watch.makers[self.watch.outputs[name]]
        return self._carrier([maker for maker in makers if maker.startswith(name + ".")])

    def _carrier(self, names: list[str]) -> str | None:
        once = (name for name in names if len(self.watch.shapes[name]) == 1)
        return next((name for name in once if not isinstance(self._names[name], _CONTAINERS)), None)

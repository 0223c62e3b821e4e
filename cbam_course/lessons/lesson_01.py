"""How the answers of lesson 01 are examined; the words stand in lesson_01.toml beside it."""

from collections.abc import Callable

import numpy
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..checks.answers import NothingReturned
from ..checks.behaviour import Raised, name_function, name_value, one_of, outcome
from ..checks.report import Find
from ..checks.values import as_numbers, close, show


def _noise(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# which-and-where


def _winner(x: Tensor) -> Tensor:
    """Return (N,): the channel with the largest mean; ties have no winner, so that no example rests on one."""
    return _largest(x.mean((2, 3)))


def _largest(values: Tensor) -> Tensor:
    best = values.topk(min(2, values.shape[1]), dim=1)
    if values.shape[1] > 1 and bool((best.values[:, 0] - best.values[:, 1] < 1e-3).any()):
        raise ValueError("there is no single largest value")
    return best.indices[:, 0]


def _place(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Return row and column, each (N,), of the largest value of maps (N, H, W)."""
    flat = _largest(maps.flatten(1))
    return flat // maps.shape[2], flat % maps.shape[2]


def _own_map(x: Tensor, channel: Tensor) -> Tensor:
    return x[torch.arange(len(x)), channel]


def _found(x: Tensor, channel: Tensor, maps: Tensor | None = None) -> Tensor:
    rows, columns = _place(_own_map(x, channel) if maps is None else maps)
    return torch.stack([channel, rows, columns], 1)


def _which_and_where(x: Tensor) -> Tensor:
    return _found(x, _winner(x))


def _divided(x: Tensor, by: int, rest_of: int) -> Tensor:
    channel = _winner(x)
    flat = _largest(_own_map(x, channel).flatten(1))
    return torch.stack([channel, flat // by, flat % rest_of], 1)


def _flat_index(x: Tensor) -> Tensor:
    channel = _winner(x)
    return torch.stack([channel, _largest(_own_map(x, channel).flatten(1))], 1)


_WHICH_AND_WHERE_WRONG = {
    "by-maximum": lambda x: _found(x, _largest(x.amax((2, 3)))),
    "columns-first": lambda x: _which_and_where(x)[:, [0, 2, 1]],
    "channel-last": lambda x: _which_and_where(x)[:, [1, 2, 0]],
    "wrong-width": one_of(
        lambda x: _divided(x, x.shape[2], x.shape[2]),
        lambda x: _divided(x, x.shape[3], x.shape[2]),
        lambda x: _divided(x, x.shape[2], x.shape[3]),
    ),
    "flat-index": _flat_index,
    "another-map": one_of(
        lambda x: _found(x, _winner(x), x.mean(1)),
        lambda x: _found(x, _winner(x), x.amax(1)),
        lambda x: _found(x, _winner(x), x.sum(1)),
    ),
    "one-channel-for-all": one_of(
        lambda x: _found(x, _winner(x.mean(0, keepdim=True)).expand(len(x))),
        lambda x: _found(x, _winner(x[:1]).expand(len(x))),
    ),
    "first-image-only": one_of(
        lambda x: _which_and_where(x[:1]),
        lambda x: _which_and_where(x[:1])[0],
        lambda x: _which_and_where(x[:1]).expand(len(x), -1),
    ),
    "counted-from-one": one_of(
        lambda x: _which_and_where(x) + 1, lambda x: _which_and_where(x) + torch.tensor([0, 1, 1])
    ),
    "smallest": one_of(
        lambda x: _which_and_where(-x),
        lambda x: _found(x, _winner(-x)),
        lambda x: _found(x, _winner(x), -_own_map(x, _winner(x))),
    ),
    "strongest-lines": lambda x: torch.stack(
        [_winner(x), *(_largest(_own_map(x, _winner(x)).mean(axis)) for axis in (2, 1))], 1
    ),
    "mean-not-number": one_of(
        lambda x: torch.stack([x.mean((2, 3)).amax(1), *_which_and_where(x).T[1:]], 1),
        lambda x: torch.stack([_own_map(x, _winner(x)).amax((1, 2)), *_which_and_where(x).T[1:]], 1),
    ),
    "absolute-values": one_of(
        lambda x: _which_and_where(x.abs()),
        lambda x: _found(x, _winner(x.abs())),
        lambda x: _found(x, _winner(x), _own_map(x, _winner(x)).abs()),
    ),
    "transposed": lambda x: _which_and_where(x).T,
}


def _maps_with_a_winner(seed: int, *shape: int) -> tuple[Tensor]:
    """Noise on levels that differ by more than it; one image's winner is not another's."""
    n, c = shape[:2]
    generator = torch.Generator().manual_seed(seed)
    levels = torch.stack([torch.randperm(c, generator=generator) for _ in range(n)]).view(n, c, 1, 1)
    x = torch.randn(shape, generator=generator) + 0.4 * levels - 0.5
    return (x,)


_FEATURE_MAPS = [
    _maps_with_a_winner(seed, *shape)
    for seed, shape in enumerate([(3, 4, 5, 7), (1, 3, 6, 4), (4, 2, 3, 3), (2, 5, 2, 6), (3, 3, 4, 5)])
]


def which_and_where(answer: object, find: Find) -> None:
    """Maps of several sizes, most of them not square, in which channels with the largest mean and maximum differ."""
    x = _FEATURE_MAPS[0][0]
    got = answer(x.clone())

    def name() -> str | None:
        return name_function(answer, _which_and_where, _WHICH_AND_WHERE_WRONG, _FEATURE_MAPS)

    right_shape = tuple(getattr(got, "shape", ())) == (3, 3)
    if find("shape", right_shape, name, expected=(3, 3), got=got):
        find.agrees("value", answer, _which_and_where, _FEATURE_MAPS, _WHICH_AND_WHERE_WRONG)
    else:
        find.smallest(answer, _which_and_where, _FEATURE_MAPS)


# which-axis

_RIGHT = ("columns", "error", "channels")
_WORDS = {"channels", "columns", "error"}
_READINGS = {
    "from-the-left": ("error", "channels", "error"),
    "eight-is-channels": ("channels", "channels", "channels"),
    "vector-is-channels": ("channels", "error", "channels"),
    "second-axis-forgotten": ("columns", "columns", "channels"),
    "pair-is-images-and-channels": ("columns", "channels", "channels"),
    "trailing-ones": ("columns", "error", "columns"),
    "axes-must-be-as-many": ("error", "error", "error"),
}


def which_axis(answer: object, find: Find) -> None:
    """Compare word by word; only the three together tell by which rule the shapes were lined up."""
    words = _words(answer)
    if not find("words", words is not None, got=show(answer)):
        return
    name = name_value(list(words), {slug: list(triple) for slug, triple in _READINGS.items()})
    for slug, word, right in zip("cde", words, _RIGHT, strict=True):
        find(slug, word == right, name, got=word)


def _words(answer) -> tuple[str, ...] | None:
    answer = answer.tolist() if isinstance(answer, numpy.ndarray) else answer
    if (
        not isinstance(answer, (tuple, list))
        or len(answer) != 3
        or not all(isinstance(w, str) for w in answer)
    ):
        return None
    words = tuple(word.strip().lower() for word in answer)
    return words if set(words) <= _WORDS else None


# scale-positions


def _scaled(x: Tensor, gate: Tensor) -> Tensor:
    return x * gate[:, None]


_SCALINGS = {
    "gate-without-axis": lambda x, gate: x * gate,
    "axis-at-the-end": one_of(lambda x, gate: x * gate[..., None], lambda x, gate: x * gate[:, :, None]),
    "gate-averaged": one_of(
        lambda x, gate: x * gate.mean(0), lambda x, gate: x * gate[0], lambda x, gate: x * gate[:1, None]
    ),
    "one-factor-for-an-image": lambda x, gate: x * gate.mean((1, 2))[:, None, None, None],
    "rows-and-columns": one_of(
        lambda x, gate: x * gate.transpose(1, 2)[:, None], lambda x, gate: x * gate.flip(1, 2)[:, None]
    ),
    "fixed-size": one_of(
        *(
            lambda x, gate, shape=shape: x * gate.view(shape)
            for shape in ((3, 1, 3, 3), (2, 1, 3, 5), (-1, 1, 3, 3), (3, 1, 4, 5))
        )
    ),
    "mask-returned": one_of(
        lambda x, gate: gate[:, None], lambda x, gate: gate[:, None].expand_as(x), lambda x, gate: gate
    ),
    "added": lambda x, gate: x + gate[:, None],
    "input-added": lambda x, gate: x + _scaled(x, gate),
    "divided": lambda x, gate: x / gate[:, None],
    "sigmoid-again": lambda x, gate: _scaled(x, gate.sigmoid()),
    "complement": lambda x, gate: _scaled(x, 1 - gate),
    "absolute-values": lambda x, gate: _scaled(x, gate.abs()),
}


def scale_positions(answer: object, find: Find) -> None:
    """A cube of 3 × 3 × 3 × 3 lets every wrong axis run through; batches of other sizes must work as well."""
    shapes = [(3, 3, 3, 3), (2, 4, 3, 5), (1, 2, 3, 3), (3, 2, 4, 5), (2, 2, 2, 2)]
    inputs = [
        (_noise(seed, *shape), _noise(seed + 20, *shape[:1], *shape[2:]).abs() + 0.2)
        for seed, shape in enumerate(shapes)
    ]
    inputs[-1][1][0] *= -1  # a factor may be negative
    got = answer(*(value.clone() for value in inputs[0]))

    def name() -> str | None:
        return name_function(answer, _scaled, _SCALINGS, inputs)

    if find("shape", tuple(getattr(got, "shape", ())) == (3,) * 4, name, expected=(3, 3, 3, 3), got=got):
        find.agrees("positions", answer, _scaled, inputs, _SCALINGS)
    else:
        find.smallest(answer, _scaled, inputs)


# centre-bug


def _centred(x: Tensor) -> Tensor:
    return x - x.mean((2, 3), keepdim=True)


def _without_mean_over(*axes: int) -> Callable:
    return lambda x: x - x.mean(axes, keepdim=True)


_CENTRINGS = {
    "kept-the-bug": lambda x: x - x.mean((2, 3)),
    "one-axis-short": one_of(lambda x: x - x.mean((2, 3))[..., None], lambda x: x - x.mean((2, 3))[:, None]),
    "turned-round": lambda x: -_centred(x),
    "mean-of-everything": lambda x: x - x.mean(),
    "mean-per-channel": _without_mean_over(0, 2, 3),
    "mean-per-image": _without_mean_over(1, 2, 3),
    "mean-over-channels": _without_mean_over(1),
    "one-axis-only": one_of(_without_mean_over(2), _without_mean_over(3)),
    "also-scaled": one_of(
        lambda x: _centred(x) / x.std((2, 3), keepdim=True),
        lambda x: _centred(x) / x.std((2, 3), keepdim=True, correction=0),
        lambda x: _centred(x) / x.amax((2, 3), keepdim=True),
        lambda x: _centred(x) / x.mean((2, 3), keepdim=True),
        lambda x: _centred(x) / x.var((2, 3), keepdim=True),
        F.instance_norm,
    ),
    "mean-added": lambda x: x + x.mean((2, 3), keepdim=True),
    "mean-returned": one_of(
        lambda x: x.mean((2, 3), keepdim=True),
        lambda x: x.mean((2, 3), keepdim=True).expand_as(x),
        lambda x: x.mean((2, 3)),
    ),
    "divided": lambda x: x / x.mean((2, 3), keepdim=True),
    "median": lambda x: x - x.flatten(2).median(2).values[..., None, None],
    "smallest": lambda x: x - x.amin((2, 3), keepdim=True),
    "largest": lambda x: x - x.amax((2, 3), keepdim=True),
    "sum-not-mean": lambda x: x - x.sum((2, 3), keepdim=True),
    "squared": lambda x: _centred(x) ** 2,
    "absolute": lambda x: _centred(x).abs(),
}


def _centre_inputs() -> list[tuple[Tensor]]:
    """Every channel of every image has a level of its own."""
    shapes = [(4, 4, 4, 4), (2, 3, 4, 5), (1, 3, 3, 2), (2, 3, 2, 3), (3, 1, 2, 2)]
    return [
        (_noise(seed, *shape) * 2 + 3 + torch.arange(float(shape[0] * shape[1])).view(*shape[:2], 1, 1),)
        for seed, shape in enumerate(shapes)
    ]


def centre_bug(answer: object, find: Find) -> None:
    """A cube first, on which every wrong axis runs through, then batches whose axes all differ."""
    inputs = _centre_inputs()
    cube = inputs[0][0]
    got = answer(cube.clone())

    def name() -> str | None:
        return name_function(answer, _centred, _CENTRINGS, inputs, tolerance=1e-3)

    right = isinstance(got, Tensor) and got.shape == cube.shape and got.is_floating_point()
    if not find("any-shape", right, name, expected=(4,) * 4, got=got):
        find.smallest(answer, _centred, inputs)
        return
    means = float(got.mean((2, 3)).abs().max())
    shift = got - cube
    bend = float((shift - shift.mean((2, 3), keepdim=True)).abs().max())
    holds = find("centred", means < 1e-4, name, off=means), find("only-shifted", bend < 1e-4, name, off=bend)
    if all(holds):
        find.agrees("any-shape", answer, _centred, inputs, _CENTRINGS, tolerance=1e-3)
    else:
        find.smallest(answer, _centred, inputs)


# read-the-maps

_PAIRS = {
    "swapped": [2, 0],
    "noise-taken-for-signal": one_of([0, 1], [1, 2], [1, 0], [2, 1]),
    "counted-from-one": [1, 3],
}


def read_the_maps(answer: object, find: Find) -> None:
    """Channel 0 holds a small bright square, channel 1 noise, channel 2 a raised level."""
    numbers = as_numbers(answer)
    pair = numbers is not None and len(numbers) == 2 and all(n in (0, 1, 2) for n in numbers)
    name = name_value(numbers, _PAIRS)
    if find("numbers", pair and numbers[0] != numbers[1], name, got=show(answer)):
        find("value", numbers == [0, 2], name, got=show(answer))


# without-a-channel


class _Breaks(nn.Module):
    """Raises when it runs, as a layer with the wrong number of channels would."""

    def forward(self, x):
        raise ValueError("this layer always raises")


class _WithShortcut(nn.Module):
    """A network that uses what ``start`` puts out twice, and in which ``middle.act`` stands two levels deep."""

    def __init__(self, last: nn.Module):
        super().__init__()
        self.start = nn.Conv2d(3, 3, 3, padding=1)
        self.copy = nn.Identity()
        self.middle = nn.Sequential()
        self.middle.add_module("conv", nn.Conv2d(3, 3, 3, padding=1))
        self.middle.add_module("act", nn.Tanh())
        self.last = last
        self.head = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        x = self.start(x)
        return self.head(self.last(x + self.middle(self.copy(x))))


def _network(last: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(8)
    network = _WithShortcut(last)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 2)
    return network.eval()


def _hooks(network: nn.Module) -> int:
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
    return sum(len(getattr(module, kind)) for module in network.modules() for kind in kinds)


def _changed_run(network: nn.Module, name: str, images: Tensor, change: Callable, *, before=False) -> Tensor:
    """Run the network with what a submodule puts out, or takes in, replaced by ``change`` of it."""
    module = network.get_submodule(name)
    handle = (
        module.register_forward_pre_hook(lambda m, inputs: change(inputs[0].clone()))
        if before
        else module.register_forward_hook(lambda m, inputs, output: change(output.clone()))
    )
    with handle, torch.no_grad():
        return network(images)


def _zero(*place: object) -> Callable:
    def change(x: Tensor) -> Tensor:
        x[place] = 0
        return x

    return change


def _only(channel: int) -> Callable:
    def change(x: Tensor) -> Tensor:
        alone = torch.zeros_like(x)
        alone[:, channel] = x[:, channel]
        return alone

    return change


def _own_mean(channel: int, axes: tuple[int, ...] = (1, 2)) -> Callable:
    def change(x: Tensor) -> Tensor:
        x[:, channel] = x[:, channel].mean(axes, keepdim=True)
        return x

    return change


def _modes(network: nn.Module) -> list[bool]:
    return [module.training for module in network.modules()]


_EVERY = slice(None)
_ASKED = [("middle.act", 1), ("start", 2), ("middle.conv", 0), ("last", 1)]


def without_a_channel(answer: object, find: Find) -> None:
    """Submodules at several depths, one whose output is used twice, and a network that raises on its way."""
    network = _network(nn.Tanh()).train()  # an answer that calls eval() leaves a trace
    network.start.register_forward_hook(lambda module, inputs, output: None)  # somebody else's
    images = _noise(9, 2, 3, 6, 6)
    kept, parts, modes = _weights(network), dict(network.named_modules()), _modes(network)
    runs = {}
    for name, channel in _ASKED:
        find.on(f"name={name!r}, channel={channel}")
        got = answer(network, name, channel, images.clone())
        runs[name, channel] = got.detach() if isinstance(got, Tensor) else got
        left = _hooks(network) - 1
        more = f"{abs(left)} more" if left > 0 else f"{abs(left)} fewer"
        if not find("clean", left == 0, "hook-left" if left > 0 else "all-hooks-removed", hooks=more):
            return
        if dict(network.named_modules()) != parts:
            find("same-parts", False, "submodule-exchanged")
            return
    find("same-parts", True)
    if not find("unchanged", _same_weights(kept, network), "weights-changed"):
        return
    if not find("same-mode", _modes(network) == modes, "mode-changed"):
        return
    right = {
        (name, channel): _changed_run(network, name, images, _zero(_EVERY, channel))
        for name, channel in _ASKED
    }
    wrong_at = next((place for place in right if not close(runs[place], right[place])), None)
    place = wrong_at or _ASKED[0]
    holds = find(
        "value",
        wrong_at is None,
        lambda: _wrong_run(runs, right, network, images),
        name=place[0],
        channel=place[1],
        expected=right[place],
        got=runs[place],
    )
    if holds:
        holds = find("shared", *_shortcut_kept(answer, network, images))
    if holds:
        _after_error(answer, find, images)


def _weights(network: nn.Module) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in network.state_dict().items()}


def _same_weights(kept: dict[str, Tensor], network: nn.Module) -> bool:
    now = network.state_dict()
    return now.keys() == kept.keys() and all(torch.equal(value, now[key]) for key, value in kept.items())


def _wrong_run(runs: dict, right: dict, network: nn.Module, images: Tensor) -> str | None:
    def each(change: Callable, **options) -> list:
        return [_changed_run(network, name, images, change(channel), **options) for name, channel in runs]

    def taken(change: Callable) -> list:
        seen = []
        for name, channel in runs:
            kept = []
            handle = network.get_submodule(name).register_forward_hook(lambda m, i, o, k=kept: k.append(o))
            with handle, torch.no_grad():
                network(images)
            seen.append(change(channel)(kept[0].clone()))
        return seen

    whole = _changed_run(network, "head", images, lambda x: x)
    wrong = {
        "nothing-changed": each(lambda channel: lambda x: x),
        "all-channels": each(lambda channel: torch.zeros_like),
        "all-but-this": each(_only),
        "a-row": each(lambda channel: _zero(_EVERY, _EVERY, channel)),
        "a-column": each(lambda channel: _zero(..., channel)),
        "input-changed": each(lambda channel: _zero(_EVERY, channel), before=True),
        "channel-fixed": one_of(*(each(lambda channel, c=c: _zero(_EVERY, c)) for c in range(3))),
        "counted-from-one": each(lambda channel: _zero(_EVERY, channel - 1)),
        "own-mean": one_of(each(_own_mean), each(lambda channel: _own_mean(channel, (0, 1, 2)))),
        "difference": one_of(*([sign * (run - whole) for run in right.values()] for sign in (1, -1))),
        "images-changed": [
            _changed_run(network, "start", images, _zero(_EVERY, channel), before=True) for _, channel in runs
        ],
        "the-map-itself": one_of(
            taken(lambda channel: _zero(_EVERY, channel)), taken(lambda channel: lambda x: x)
        ),
        "one-image-only": each(lambda channel: _zero(0, channel)),
        "last-map": [
            _zero(_EVERY, channel)(_changed_run(network, name, images, lambda x: x)) for name, channel in runs
        ],
    }
    return name_value(list(runs.values()), wrong, list(right.values()))


def _shortcut_kept(answer, network: nn.Module, images: Tensor) -> tuple[bool, str | None]:
    """``copy`` hands on its very input: where the hook writes into it, the shortcut loses the channel too."""
    got = outcome(answer, (network, "copy", 1, images))
    right = _changed_run(network, "copy", images, _zero(_EVERY, 1))
    both = _changed_run(network, "start", images, _zero(_EVERY, 1))
    if isinstance(got, Raised):
        raise got.error
    got = got.detach() if isinstance(got, Tensor) else got
    return close(got, right), "written-into" if close(got, both) else None


def _after_error(answer, find: Find, images: Tensor) -> None:
    """The network raises once behind the submodule asked for, and once before that was ever reached."""
    for name in ("start", "head"):
        network = _network(_Breaks())
        try:
            answer(network, name, 1, images.clone())
            came_through = False
        except ValueError:
            came_through = True
        except NothingReturned:  # the error was dropped, and with it the output
            came_through = False
        left = _hooks(network)
        mistake = "not-in-finally" if left else "error-swallowed"
        got = f"{left} left" if left else "no error"
        find("clean-after-error", came_through and not left, mistake, got=got)

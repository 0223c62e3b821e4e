"""How the answers of lesson 05 are examined; the words stand in lesson_05.toml beside it."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..checks.behaviour import Raised, first_difference, name_function, one_of
from ..checks.composed_probes import examine_composed_module
from ..checks.report import Find
from ..checks.values import as_letters, as_number, show
from ..data.scenes import Scenes, make_scenes
from ..inspection.capture import capture
from ..networks.baselines import ConstantGate
from ..training.fit import image_scores


def _row(find: Find, slug: str, answer: Callable, reference: Callable, inputs: list, mistake) -> bool:
    """Record one part of an answer whose mistake is named by the whole of it."""
    found = first_difference(answer, reference, inputs)
    if found is None:
        return find(slug, True)
    if isinstance(found.got, Raised) and mistake is None:
        find.on(show(found.arguments))
        raise found.got.error
    find(slug, False, mistake, expected=_first(found.expected), got=_first(found.got))
    find.smallest(answer, reference, inputs)
    return False


def _first(value: object) -> object:
    """The first three values of a map, which a report has room for."""
    return value.detach().flatten()[:3] if isinstance(value, Tensor) and value.numel() > 12 else value


# cbam


def cbam(answer: object, find: Find) -> None:
    """Two gates, one after the other; each is then examined with the other one held still."""
    examine_composed_module(answer, find)


# order-matters


class _Gate:
    """A gate with a name that a report can show."""

    def __init__(self, name: str, function: Callable[[Tensor], Tensor]):
        self.name, self.function = name, function

    def __call__(self, x: Tensor) -> Tensor:
        return self.function(x)

    def __deepcopy__(self, memo) -> "_Gate":
        return self

    def __repr__(self) -> str:
        return self.name


_BY_CHANNEL = (
    _Gate("σ(mean − max / 2)", lambda x: torch.sigmoid(x.mean((2, 3), True) - 0.5 * x.amax((2, 3), True))),
    _Gate("σ(2 · max)", lambda x: torch.sigmoid(2 * x.amax((2, 3), True))),
)
_BY_POSITION = (
    _Gate("σ(2 · mean − 0.7 · max)", lambda x: torch.sigmoid(2 * x.mean(1, True) - 0.7 * x.amax(1, True))),
    _Gate("σ(1 − mean)", lambda x: torch.sigmoid(1 - x.mean(1, True))),
)


def order_matters(answer: object, find: Find) -> None:
    """Each of the three against its definition, with two gates of each kind and maps of both signs."""
    inputs = [
        (_map(shape, seed), channel, spatial)
        for seed, shape in enumerate([(3, 4, 5, 6), (1, 2, 3, 3)])
        for channel, spatial in zip(_BY_CHANNEL, _BY_POSITION, strict=True)
    ]
    x, channel, spatial = inputs[0]
    got = answer(x.clone(), channel, spatial)
    three = isinstance(got, (tuple, list)) and len(got) == 3
    mistake = name_function(answer, _three, _ORDERS, inputs) if three else None
    right = three and all(isinstance(y, Tensor) and y.shape == x.shape for y in got)
    if not find("three", right, mistake, got=got):
        return
    find("given-gates", *_follows(answer, inputs, mistake))
    for place, slug in enumerate(("channel-first", "spatial-first", "parallel")):
        _row(find, slug, _part(answer, place), _part(_three, place), inputs, mistake)


def _map(shape: tuple, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) + 0.3


def _three(x, channel_gate, spatial_gate):
    refined, located = x * channel_gate(x), x * spatial_gate(x)
    parallel = x * channel_gate(x) * spatial_gate(x)
    return refined * spatial_gate(refined), located * channel_gate(located), parallel


def _part(function: Callable, place: int) -> Callable:
    return lambda x, channel_gate, spatial_gate: function(x, channel_gate, spatial_gate)[place]


def _follows(answer: Callable, inputs: list, mistake: str | None) -> tuple[bool, str | None]:
    """Whether another channel gate, and another spatial gate, changes each of the three; a name where it does not."""
    x, channel, spatial = inputs[0]
    before = answer(x.clone(), channel, spatial)
    others = answer(x.clone(), _BY_CHANNEL[1], spatial), answer(x.clone(), channel, _BY_POSITION[1])
    moved = [[not torch.equal(one, y) for one, y in zip(other, before, strict=True)] for other in others]
    return all(map(all, moved)), mistake if all(map(any, moved)) else "argument-ignored"


def _instead(*makers: Callable | None) -> Callable:
    """The three with some of them computed otherwise, from x and the two gates."""

    def wrong(x, c, s):
        right = _three(x, c, s)
        return tuple(y if make is None else make(x, c, s) for y, make in zip(right, makers, strict=True))

    return wrong


def _first_way(x, c, s):
    return _three(x, c, s)[0]


def _second_way(x, c, s):
    return _three(x, c, s)[1]


def _third_way(x, c, s):
    return _three(x, c, s)[2]


def _lost_channel(x, c, s):
    return x * s(x * c(x))


def _lost_spatial(x, c, s):
    return x * c(x * s(x))


_ORDERS = {
    "gates-of-x": one_of(
        _instead(_third_way, _third_way, None),
        _instead(_third_way, None, None),
        _instead(None, _third_way, None),
    ),
    "exchanged": _instead(_second_way, _first_way, None),
    "another-order": one_of(
        _instead(_third_way, _second_way, _first_way),
        _instead(None, _third_way, _second_way),
        _instead(_third_way, _first_way, _second_way),
        _instead(_second_way, _third_way, _first_way),
    ),
    "same-order-twice": one_of(
        _instead(None, _first_way, None),
        _instead(_second_way, None, None),
    ),
    "gates-added": one_of(
        _instead(None, None, lambda x, c, s: x * (c(x) + s(x))),
        _instead(None, None, lambda x, c, s: x + x * c(x) + x * s(x)),
    ),
    "outputs-averaged": _instead(None, None, lambda x, c, s: x * (c(x) + s(x)) / 2),
    "outputs-multiplied": _instead(None, None, lambda x, c, s: x * c(x) * x * s(x)),
    "first-gate-lost": one_of(
        _instead(_lost_channel, _lost_spatial, None),
        _instead(_lost_channel, None, None),
        _instead(None, _lost_spatial, None),
    ),
    "parallel-in-sequence": one_of(
        _instead(None, None, _first_way),
        _instead(None, None, _second_way),
    ),
    "one-gate-only": one_of(
        _instead(lambda x, c, s: x * c(x), lambda x, c, s: x * s(x), None),
        _instead(lambda x, c, s: x * s(x), lambda x, c, s: x * c(x), None),
    ),
    "extra-residual": lambda x, c, s: tuple(x + y for y in _three(x, c, s)),
    "gates-returned": one_of(
        lambda x, c, s: (s(x * c(x)) * c(x), c(x * s(x)) * s(x), c(x) * s(x)),
        lambda x, c, s: (s(x * c(x)), c(x * s(x)), c(x) * s(x)),
    ),
}


# inside-the-box


def make_box(seed: int, source: str, first: str, bias: bool, channels: int, kernel_size: int) -> tuple:
    """Return a CBAM that can only be called, and the kernel of its convolution.

    Args:
        seed: of its weights.
        source: ``"refined"`` or ``"x"``: what the spatial gate is computed from.
        first: ``"mean"`` or ``"max"``: the pool that meets plane 0 of the kernel.
        bias: whether its convolution has a bias, of 0.5 to 1.5 in size.
        channels: C of the maps it takes.
        kernel_size: of its convolution, in pixels.
    """
    generator = torch.Generator().manual_seed(seed)
    w1 = torch.randn(2, channels, generator=generator).double()
    w2 = torch.randn(channels, 2, generator=generator).double()
    kernel = torch.randn(1, 2, kernel_size, kernel_size, generator=generator).double() * 2 / kernel_size
    shift = (0.5 + torch.rand(1, generator=generator).item()) * (1 if seed % 2 else -1) if bias else 0.0

    def box(x: Tensor) -> Tensor:
        h = x.double()
        logit = sum(F.relu(z @ w1.T) @ w2.T for z in (h.mean((2, 3)), h.amax((2, 3))))
        refined = h * torch.sigmoid(logit)[:, :, None, None]
        seen = refined if source == "refined" else h
        pools = [seen.mean(1), seen.amax(1)]
        maps = torch.stack(pools if first == "mean" else pools[::-1], dim=1)
        return (refined * torch.sigmoid(F.conv2d(maps, kernel, padding="same") + shift)).to(x.dtype)

    return box, kernel.float()


_BOXES = [
    (seed, source, first, bias, channels, kernel_size)
    for seed, (channels, kernel_size) in enumerate([(4, 7), (6, 3)])
    for source in ("refined", "x")
    for first in ("mean", "max")
    for bias in (False, True)
]
_TOLD = ("source", "first", "bias")


def inside_the_box(answer: object, find: Find) -> None:
    """Boxes of every kind, two sizes of each; their answers are judged part by part."""
    told = []
    for number, (seed, *kind, channels, kernel_size) in enumerate(_BOXES):
        box, kernel = make_box(100 * seed + number, *kind, channels, kernel_size)
        find.on(f"{channels} channels, kernel {kernel_size} × {kernel_size}")
        got = answer(box, channels, kernel)
        told.append(_read_box(got))
        if not find("form", told[-1] is not None, got=got):
            return
    truth = [kind for _, *kind, _, _ in _BOXES]
    for place, slug in enumerate(_TOLD):
        said, true = [t[place] for t in told], [t[place] for t in truth]
        right = sum(a == b for a, b in zip(said, true, strict=True))
        find(slug, right == len(true), _box_mistake(place, told, truth), right=right, total=len(true))


def _read_box(got: object) -> tuple | None:
    if not isinstance(got, (tuple, list)) or len(got) != 3:
        return None
    source, first, bias = got
    if not isinstance(source, str) or not isinstance(first, str):
        return None
    source, first = source.strip().casefold(), first.strip().casefold()
    number = bias if isinstance(bias, bool) else _truth(bias)
    known = source in ("x", "refined") and first in ("mean", "max") and number is not None
    return (source, first, number) if known else None


def _truth(value: object) -> bool | None:
    """A truth value of numpy's or torch's."""
    kind = str(getattr(value, "dtype", ""))
    return bool(value) if kind.endswith("bool") and getattr(value, "ndim", 1) == 0 else None


def _box_mistake(place: int, told: list, truth: list) -> str | None:
    """Name what is wrong with one of the three parts, by which boxes it is wrong for."""
    said, true = [t[place] for t in told], [t[place] for t in truth]
    wrong = [a != b for a, b in zip(said, true, strict=True)]
    if len(set(said)) == 1:
        return "same-for-all"
    if all(wrong):
        return f"{_TOLD[place]}-reversed"
    biased, small = [t[2] for t in truth], [box[-1] == 3 for box in _BOXES]
    if place < 2 and not any(w for w, b in zip(wrong, biased, strict=True) if not b):
        return "bias-in-the-way"
    return "one-kernel-size" if not any(w for w, s in zip(wrong, small, strict=True) if not s) else None


# swap-the-planes


def swap_the_planes(answer: object, find: Find) -> None:
    """Kernels of several sizes, and the same map from both orders of pools."""
    generator = torch.Generator().manual_seed(8)
    inputs = [
        (torch.randn(shape, generator=generator),)
        for shape in ((1, 2, 7, 7), (1, 2, 3, 3), (1, 2, 5, 5), (1, 2, 1, 1))
    ]
    got = answer(inputs[0][0].clone())
    mistake = name_function(answer, _exchange, _KERNELS, inputs)
    right = isinstance(got, Tensor) and got.shape == inputs[0][0].shape
    if not find("shape", right, mistake, expected=tuple(inputs[0][0].shape), got=got):
        return
    _row(find, "same-map", answer, _exchange, inputs[:1], mistake)
    _row(find, "any-size", answer, _exchange, inputs[1:], mistake)


def _exchange(weight: Tensor) -> Tensor:
    return weight.flip(1)


_KERNELS = {
    "unchanged": lambda w: w.clone(),
    "turned-round": one_of(
        lambda w: w.flip(2, 3), lambda w: w.flip(1, 2, 3), lambda w: w.flip(2), lambda w: w.flip(3)
    ),
    "transposed": one_of(lambda w: w.mT, lambda w: w.transpose(0, 1), lambda w: w.flip(1).mT),
    "overwritten": one_of(lambda w: w[:, 1:].expand(-1, 2, -1, -1), lambda w: w[:, :1].expand(-1, 2, -1, -1)),
    "negated": one_of(lambda w: -w, lambda w: -w.flip(1)),
    "axis-lost": one_of(lambda w: w[0].flip(0), lambda w: w[0, [1, 0]]),
    "averaged": lambda w: w.mean(1, keepdim=True).expand(-1, 2, -1, -1),
}


# which-differ

_RIGHT = frozenset("BEG")
_MISSED = {"B": "missed-order", "E": "missed-batchnorm", "G": "missed-source"}
_EXTRA = {"A": "layer-kind", "C": "both-exchanged", "D": "pooling-call", "F": "zero-bias", "H": "same-width"}


def which_differ(answer: object, find: Find) -> None:
    """Letters in any form; the one that is missing, or too many, has a text of its own where it is the only one."""
    letters = as_letters(answer, "ABCDEFGH")
    if not find("letters", letters is not None, got=answer):
        return
    missed, extra = sorted(_RIGHT - letters), sorted(letters - _RIGHT)
    alone = len(missed) + len(extra) == 1
    given = ", ".join(sorted(letters))
    find("none-missed", not missed, _MISSED[missed[0]] if missed and alone else None, got=given)
    find("none-extra", not extra, _EXTRA[extra[0]] if extra and alone else None, got=given)


# feature-shrink


class _Scale(nn.Module):
    """Multiply each channel by a factor and shift it: a shift moves the mean and leaves the spread of a channel."""

    def __init__(self, factors: Tensor):
        super().__init__()
        self.factors = nn.Parameter(factors[:, None, None].clone())

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factors + 1.0


def feature_shrink(answer: object, find: Find) -> None:
    """Blocks that scale channels by known factors, each made afresh, also where features grow."""

    def asked(factors, x, blocks):
        return answer(_factory(factors), x, blocks)

    handed_in = asked(*_STACKS[0])
    if not find("number", as_number(handed_in) is not None, got=handed_in):
        return
    mistake = name_function(asked, _shrink, _LEFT, _STACKS, 1e-3)
    _row(find, "one", asked, _shrink, _STACKS[:1], mistake)
    _row(find, "stacked", asked, _shrink, _STACKS[1:3], mistake)
    _row(find, "channels", asked, _shrink, _STACKS[3:], mistake)


def _stack(factors: list, seed: int, scale: float = 4.0) -> tuple:
    """Factors of blocks, one for all channels or one for each of three, with an input and the number of blocks."""
    x = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(seed)) * scale + 1.5
    x = x * torch.tensor([1.0, 2.0, 0.5])[:, None, None]
    values = torch.tensor([f if isinstance(f, list) else [f] * 3 for f in factors])
    return values, x, len(factors)


_STACKS = [
    _stack([0.5], 3),
    _stack([0.5, 0.25, 0.8], 4),
    _stack([3.0, 1.0], 5, scale=40.0),
    _stack([[0.5, 0.1, 2.0], [1.0, 0.3, 0.4]], 6),
]


def _factory(factors: Tensor) -> Callable[[], nn.Module]:
    """Make blocks with these factors in turn, and with the last ones when more are asked for."""
    left = list(factors)
    return lambda: _Scale(left.pop(0) if len(left) > 1 else left[0])


def _outputs(factors: Tensor, x: Tensor, blocks: int) -> list[Tensor]:
    """x and what comes out of each block."""
    make, maps = _factory(factors), [x]
    with torch.no_grad():
        for _ in range(blocks):
            maps.append(make()(maps[-1]))
    return maps


def _shrink(factors, x, blocks):
    if x.numel() < 2 or x.std() == 0 or blocks < 1:
        raise ValueError("an input without spread")
    return (_outputs(factors, x, blocks)[-1].std() / x.std()).item()


def _left(measure: Callable[[Tensor, Tensor], Tensor | float]) -> Callable:
    """Compare x with the last output in another way."""
    return lambda factors, x, blocks: float(measure(x, _outputs(factors, x, blocks)[-1]))


def _reused(factors, x, blocks):
    return _shrink(factors[:1], x, blocks)


def _step(factors, x, blocks):
    before, after = _outputs(factors, x, blocks)[-2:]
    return (after.std() / before.std()).item()


def _alone(factors, x, blocks):
    make = _factory(factors)
    with torch.no_grad():
        return [(make()(x).std() / x.std()).item() for _ in range(blocks)]


def _summed(factors, x, blocks):
    make = _factory(factors)
    with torch.no_grad():
        return (sum(make()(x) for _ in range(blocks)).std() / x.std()).item()


def _by_channel(x: Tensor) -> Tensor:
    return x.std((0, 2, 3))


_LEFT = {
    "inverted": _left(lambda x, y: x.std() / y.std()),
    "variance": _left(lambda x, y: y.var() / x.var()),
    "one-module-reused": _reused,
    "one-block": lambda factors, x, blocks: _shrink(factors, x, 1),
    "one-too-many": lambda factors, x, blocks: _shrink(factors, x, blocks + 1),
    "one-too-few": lambda factors, x, blocks: (_outputs(factors, x, blocks - 1)[-1].std() / x.std()).item(),
    "last-block-only": one_of(_step, lambda factors, x, blocks: _alone(factors, x, blocks)[-1]),
    "difference": one_of(_left(lambda x, y: x.std() - y.std()), _left(lambda x, y: 1 - y.std() / x.std())),
    "not-divided": _left(lambda x, y: y.std()),
    "averages": one_of(
        _left(lambda x, y: y.mean() / x.mean()), _left(lambda x, y: y.abs().mean() / x.abs().mean())
    ),
    "norms": _left(lambda x, y: y.norm() / x.norm()),
    "largest": one_of(
        _left(lambda x, y: y.max() / x.max()), _left(lambda x, y: y.abs().max() / x.abs().max())
    ),
    "averaged-spreads": one_of(
        _left(lambda x, y: _by_channel(y).mean() / _by_channel(x).mean()),
        _left(lambda x, y: (_by_channel(y) / _by_channel(x)).mean()),
        _left(lambda x, y: y.std((2, 3)).mean() / x.std((2, 3)).mean()),
        _left(lambda x, y: (y.std((2, 3)) / x.std((2, 3))).mean()),
        _left(lambda x, y: y.std(1).mean() / x.std(1).mean()),
        _left(lambda x, y: y.std((1, 2, 3)).mean() / x.std((1, 2, 3)).mean()),
        _left(lambda x, y: (y.std((1, 2, 3)) / x.std((1, 2, 3))).mean()),
    ),
    "blocks-side-by-side": one_of(
        lambda factors, x, blocks: sum(_alone(factors, x, blocks)) / blocks, _summed
    ),
    "power-of-one": lambda factors, x, blocks: _shrink(factors, x, 1) ** blocks,
}


# who-does-the-work

_LEARNED = 0.33  # what marking every shape without a fault scores; a network without channel gates gets .22
_NEAR = 0.015
_TEST_SEED, _FRESH_SEED, _SCENES = 41, 42, 100


def who_does_the_work(answer: object, find: Find) -> None:
    """Score the trained network on scenes it has not seen, and average its gates again."""
    parts = isinstance(answer, (tuple, list)) and len(answer) == 4
    numbers = [as_number(value) for value in answer[1:3]] if parts else [None]
    form = parts and isinstance(answer[0], nn.Module) and None not in numbers and isinstance(answer[3], str)
    if not find("form", form, got=answer if not parts else answer[1:]):
        return
    network = copy.deepcopy(answer[0]).cpu().float().eval()
    test, fresh = (make_scenes(_SCENES, task="what", seed=seed) for seed in (_TEST_SEED, _FRESH_SEED))
    gates, trouble = _gates(network, test)
    if not find("gates", not trouble, got=trouble):
        return
    learned = _score(network, fresh)
    if not find("learned", learned >= _LEARNED, "not-trained", learned=learned):
        return
    true = {part: _averaged(network, gates, test, part) for part in ("channel", "spatial")}
    mistake = _work_mistake(network, gates, test, numbers, true)
    for part, said in zip(("channel", "spatial"), numbers, strict=True):
        find(part, abs(said - true[part]) <= _NEAR, mistake, expected=true[part], said=said)
    worker = min(true, key=lambda part: true[part])
    word = answer[3].strip().casefold()
    find("verdict", word == worker, "other-way-round" if word in true else None, got=answer[3])


def _gates(network: nn.Module, test: Scenes) -> tuple[dict[str, Tensor], str]:
    """The gates of all blocks on the test scenes, or what stands in the way."""
    try:
        with torch.no_grad(), capture(network) as record:
            network(test.inputs())
        blocks = [block.attention for block in network.blocks]
    except Exception as error:
        return {}, f"{type(error).__name__}: {error}"[:120]
    names = {f"blocks.{n}.attention.{part}" for n in range(len(blocks)) for part in ("channel", "spatial")}
    missing = sorted(names - set(record))
    return {name: values[0] for name, values in record.items()}, (f"no gate {missing[0]}" if missing else "")


def _score(network: nn.Module, scenes: Scenes) -> float:
    return image_scores(network, scenes.dense).mean().item()


def _averaged(network, gates, test, *parts: str, average: Callable | None = None, blocks=None) -> float:
    """The score with all gates of these parts replaced by a constant."""
    average = average or (lambda gate: gate.mean(0, keepdim=True))
    changed = copy.deepcopy(network)
    for number, block in enumerate(changed.blocks):
        for part in parts if blocks is None or number in blocks else ():
            gate = gates[f"blocks.{number}.attention.{part}"]
            setattr(block.attention, part, ConstantGate(average(gate)))
    return _score(changed, test)


def _work_mistake(network, gates, test, said: list, true: dict) -> str | None:
    """Give a name where the two numbers are those of one other way to do it, and of no second one."""
    right = [true["channel"], true["spatial"]]
    if _fits(said, right):
        return None
    last = (len(network.blocks) - 1,)

    def both(**change):
        return [_averaged(network, gates, test, part, **change) for part in ("channel", "spatial")]

    whole, neither = _score(network, test), _averaged(network, gates, test, "channel", "spatial")
    ways = {
        "exchanged": [right[::-1]],
        "nothing-replaced": [[whole, whole]],
        "both-replaced": [[right[0], neither], [neither, right[1]], [neither, neither]],
        "what-is-lost": [[whole - value for value in right]],
        "one-number-a-gate": [both(average=lambda gate: gate.mean())],
        "gates-of-one": [both(average=lambda gate: torch.ones(1))],
        "gates-of-zero": [both(average=lambda gate: torch.zeros(1))],
        "one-block": [
            # Where a block's gates hardly matter, replacing them is not told from replacing none.
            values
            for values in (both(blocks=(0,)), both(blocks=last))
            if not _fits(values, [whole, whole], 0.004)
        ],
        "one-image": [both(average=lambda gate: gate[:1])],
    }
    found = [name for name, values in ways.items() if any(_fits(said, value, 0.002) for value in values)]
    return found[0] if len(found) == 1 else None


def _fits(said: list, values: list, tolerance: float = _NEAR) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(said, values, strict=True))

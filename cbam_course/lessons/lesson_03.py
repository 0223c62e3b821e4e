"""How the answers of lesson 03 are examined; the words stand in lesson_03.toml beside it."""

import copy
from functools import partial

import torch
from torch import Tensor, nn

from ..checks.behaviour import name_function, name_value, one_of, outcome, same
from ..checks.channel_probes import examine_channel_module
from ..checks.report import Find
from ..checks.values import as_number, show
from ..data.scenes import make_scenes
from ..training.metrics import mean_iou


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# two-summaries


def _summaries(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.mean((2, 3)), x.amax((2, 3))


_MAPS = [
    (torch.randn(shape, generator=_seeded(3)) - 1,) for shape in ((2, 3, 4, 5), (1, 3, 4, 5), (3, 2, 4, 5))
]
_HAND = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]], [[0.0, 0.0], [0.0, 8.0]], [[-4.0, -2.0], [-3.0, -3.0]]]])
_OTHER_SIZES = [
    torch.randn(2, 3, *size, generator=_seeded(4)) - 1 for size in ((1, 1), (9, 2), (7, 8), (1, 6))
]
_TWO_SUMMARIES_WRONG = {
    "swapped": lambda x: (x.amax((2, 3)), x.mean((2, 3))),
    "same-twice": one_of(
        lambda x: (x.mean((2, 3)), x.mean((2, 3))), lambda x: (x.amax((2, 3)), x.amax((2, 3)))
    ),
    "maximum-of-zero": lambda x: (x.mean((2, 3)), x.amax((2, 3)).clamp(min=0)),
    "absolute-maximum": lambda x: (x.mean((2, 3)), x.abs().amax((2, 3))),
    "sum-not-mean": lambda x: (x.sum((2, 3)), x.amax((2, 3))),
    "median": lambda x: (x.flatten(2).median(2).values, x.amax((2, 3))),
    "positive-values-only": one_of(
        lambda x: (x.relu().mean((2, 3)), x.amax((2, 3))), lambda x: _summaries(x.relu())
    ),
    "cut-off-at-zero": lambda x: tuple(summary.relu() for summary in _summaries(x)),
    "place-not-value": lambda x: (x.mean((2, 3)), x.flatten(2).argmax(2)),
    "along-one-axis-first": one_of(
        lambda x: (x.mean((2, 3)), x.amax(3).mean(2)), lambda x: (x.mean((2, 3)), x.amax(2).mean(2))
    ),
    "minimum": lambda x: (x.mean((2, 3)), x.amin((2, 3))),
    "pooled-over-images": lambda x: (
        x.mean((0, 2, 3)).expand(len(x), -1),
        x.amax((0, 2, 3)).expand(len(x), -1),
    ),
}


def two_summaries(answer: object, find: Find) -> None:
    """Several images and channels, all axes of different lengths, values below 0 as well."""
    x = _MAPS[0][0]
    got = answer(x.clone())
    pair = isinstance(got, (tuple, list)) and len(got) == 2
    joined = isinstance(got, Tensor) and tuple(got.shape) in ((2, 3), (2, 6), (2, 2, 3))
    if not find("pair", pair, "one-tensor" if joined else None, got=show(got)):
        return
    shapes = [tuple(getattr(part, "shape", ())) for part in got]
    name = partial(_wrong_summary, got, shapes, x)
    if not find("shape", shapes == [(2, 3)] * 2, name, got=" and ".join(map(_shape_or_kind, got))):
        return
    if not _both_right(answer, find):
        find.smallest(answer, _summaries, _MAPS)
        return
    right = all(_agrees(answer, x) for x in _OTHER_SIZES)
    find("sizes", right, "fixed-size")


def _both_right(answer, find: Find) -> bool:
    def name() -> str | None:
        return name_function(answer, _summaries, _TWO_SUMMARIES_WRONG, [*_MAPS, (_HAND,)])

    words = {"values": "1, 3, 5, 7, then 0, 0, 0, 8, then −4, −2, −3, −3"}
    holds = []
    for place, slug in enumerate(("average", "maximum")):
        agree = all(same(answer(x.clone())[place], _summaries(x)[place]) for (x,) in [*_MAPS, (_HAND,)])
        mine, value = answer(_HAND.clone())[place], _summaries(_HAND)[place]
        holds.append(find(slug, agree, name, **words, expected=value, got=mine))
    return all(holds)


def _agrees(answer, x: Tensor) -> bool:
    try:
        return same(answer(x.clone()), _summaries(x))
    except (RuntimeError, ValueError, IndexError):
        return False


def _wrong_summary(got, shapes: list, x: Tensor) -> str | None:
    """Name what stands in the place of one of the two summaries, where its shape or its value tells."""
    second = got[1]
    if isinstance(second, tuple) and len(second) == 2 and same(second[0], x.amax((2, 3))):
        return "max-with-indices"
    if shapes[0] == (2, 3) and same(as_number(second), float(x.max())):
        return "maximum-of-all"
    pooled = [
        same(part, pool(axes))
        for part, pool in zip(got, (x.mean, x.amax), strict=True)
        for axes in ((0, 2, 3),)
    ]
    own = [same(part, right) for part, right in zip(got, _summaries(x), strict=True)]
    if any(pooled) and all(a or b for a, b in zip(pooled, own, strict=True)):
        return "pooled-over-images"
    return _wrong_shape(shapes)


def _shape_or_kind(part: object) -> str:
    if isinstance(part, Tensor):
        return f"a tensor of the shape {tuple(part.shape)}"
    return "a tuple" if isinstance(part, tuple) else f"a {type(part).__name__}"


def _wrong_shape(shapes: list) -> str | None:
    if shapes == [(2, 3, 1, 1)] * 2:
        return "kept-dimensions"
    if set(shapes) <= {(2, 3), (2, 3, 4), (2, 3, 5)}:
        return "one-axis-only"
    return "pooled-over-channels" if shapes in ([(2, 4, 5)] * 2, [(2, 1, 4, 5)] * 2) else None


# three-maps

_SHAPE = (1, 3, 4, 4)
_LEAST = 1.0


def three_maps(answer: object, find: Find) -> None:
    """Three feature maps: what SE's gates and those of the maximum alone make of them, whatever their weights."""
    maps = _three_maps(answer)
    if not find("maps", maps is not None, got=show(answer)):
        return
    first, second, third = maps
    blind = _far(first, second, "average") < 1e-4, _far(first, third, "maximum") < 1e-4
    seen = (
        _near(first, second, "maximum") >= _LEAST - 1e-6,
        _near(first, third, "average") >= _LEAST - 1e-6,
    )
    swapped = (
        _far(first, third, "average") < 1e-4 and _far(first, second, "maximum") < 1e-4 and not all(blind)
    )
    name = "exchanged" if swapped else None
    find("fools_se", blind[0], name or _why_not(first, second), got=_gates_differ(first, second, "average"))
    if blind[0]:
        got = _near(first, second, "maximum")
        find("maximum_tells", seen[0], _too_alike(first, second, "maximum"), got=got)
    find("fools_maximum", blind[1], name, got=_gates_differ(first, third, "maximum"))
    if blind[1]:
        got = _near(first, third, "average")
        find("average_tells", seen[1], _too_alike(first, third, "average"), got=got)


def _three_maps(answer: object) -> list[Tensor] | None:
    if isinstance(answer, Tensor) and answer.shape == (3, *_SHAPE):
        answer = list(answer)
    if not isinstance(answer, (tuple, list)) or len(answer) != 3:
        return None
    fits = all(isinstance(m, Tensor) and tuple(m.shape) == _SHAPE and not m.is_complex() for m in answer)
    if not fits or not all(bool(torch.isfinite(m).all()) for m in answer):
        return None
    return [m.detach().double() for m in answer]


def _summary(x: Tensor, which: str) -> Tensor:
    return x.mean((2, 3)) if which == "average" else x.amax((2, 3))


def _far(one: Tensor, other: Tensor, which: str) -> float:
    return float((_summary(one, which) - _summary(other, which)).abs().max())


def _near(one: Tensor, other: Tensor, which: str) -> float:
    return float((_summary(one, which) - _summary(other, which)).abs().min())


def _gates_differ(one: Tensor, other: Tensor, which: str) -> float:
    """The largest difference of the gates of ten modules with one pool and random weights."""
    generator, differences = _seeded(9), []
    for _ in range(10):
        w1, w2 = torch.randn(2, 3, 3, generator=generator, dtype=torch.float64)
        gates = [_layers(_summary(x, which), w1, w2).sigmoid() for x in (one, other)]
        differences.append((gates[0] - gates[1]).abs().max())
    return float(torch.stack(differences).max())


def _why_not(one: Tensor, other: Tensor) -> str | None:
    """The average over all channels together agrees, that of each channel does not."""
    together = abs(float(one.mean() - other.mean())) < 1e-4
    return "channels-together" if together else None


def _too_alike(one: Tensor, other: Tensor, which: str) -> str | None:
    if torch.equal(one, other):
        return "same-map"
    if torch.equal(one.flatten(2).sort(2).values, other.flatten(2).sort(2).values):
        return "pixels-moved"
    channels = (_summary(one, which) - _summary(other, which)).abs()[0]
    return "one-channel-only" if 0 < int((channels >= _LEAST).sum()) < len(channels) else None


# halfway-logit

_HALFWAY_LOGIT_WRONG = {
    "counted-twice": 2.0,
    "gate-not-logit": one_of(0.731, 0.7310586),
    "averaged-gates": one_of(0.611, 0.6107577),
    "one-image-only": one_of(3.0, -1.0, 1.5, -0.5),
    "difference": one_of(4.0, -2.0),
}


def halfway_logit(answer: object, find: Find) -> None:
    """f(a) = 3 / 2 and f(b) = −1 / 2, so f(a) + f(b) = 1."""
    number = as_number(answer)
    if find("number", number is not None, got=show(answer)):
        name = name_value(number, _HALFWAY_LOGIT_WRONG, 1.0, 0.006)
        find("value", abs(number - 1) <= 0.006, name, got=show(answer))


# third-summary and early-sigmoid-bug


def _layers(z: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    return torch.relu(z @ w1.T) @ w2.T


def _spread(x: Tensor) -> Tensor:
    return x.std((2, 3), correction=0)


def _gate_of(*summaries):
    """The function of (x, w1, w2) that sends these summaries through the MLP and adds the results."""
    return lambda x, w1, w2: sum(_layers(s(x), w1, w2) for s in summaries).sigmoid()


def _mean(x: Tensor) -> Tensor:
    return x.mean((2, 3))


def _peak(x: Tensor) -> Tensor:
    return x.amax((2, 3))


_THIRD = _gate_of(_mean, _peak, _spread)


def _branches(x, w1, w2) -> list[Tensor]:
    return [_layers(s(x), w1, w2) for s in (_mean, _peak, _spread)]


_THIRD_SUMMARY_WRONG = {
    "two-summaries-only": _gate_of(_mean, _peak),
    "maximum-replaced": _gate_of(_mean, _spread),
    "average-replaced": _gate_of(_peak, _spread),
    "divided-by-one-less": _gate_of(_mean, _peak, lambda x: x.std((2, 3))),
    "variance": one_of(
        _gate_of(_mean, _peak, lambda x: x.var((2, 3), correction=0)),
        _gate_of(_mean, _peak, lambda x: x.var((2, 3))),
    ),
    "summary-twice": one_of(
        _gate_of(_mean, _peak, _peak), _gate_of(_mean, _mean, _peak), _gate_of(_mean, _spread, _spread)
    ),
    "one-summary": one_of(_gate_of(_mean), _gate_of(_peak), _gate_of(_spread)),
    "minimum": _gate_of(_mean, _peak, lambda x: x.amin((2, 3))),
    "average-not-subtracted": _gate_of(_mean, _peak, lambda x: (x**2).mean((2, 3)).sqrt()),
    "absolute-deviation": _gate_of(
        _mean, _peak, lambda x: (x - _mean(x)[..., None, None]).abs().mean((2, 3))
    ),
    "not-divided": _gate_of(_mean, _peak, lambda x: _spread(x) * x[0, 0].numel() ** 0.5),
    "spread-of-the-image": _gate_of(
        _mean, _peak, lambda x: x.std((1, 2, 3), correction=0)[:, None].expand(x.shape[:2])
    ),
    "spread-over-images": _gate_of(_mean, _peak, lambda x: x.std((0, 2, 3), correction=0).expand(len(x), -1)),
    "activation-last": lambda x, w1, w2: sum(_branches(x, w1, w2)).relu().sigmoid(),
    "matrices-exchanged": lambda x, w1, w2: sum(
        torch.relu(s(x) @ w2) @ w1 for s in (_mean, _peak, _spread)
    ).sigmoid(),
    "past-the-mlp": lambda x, w1, w2: (
        _layers(_mean(x), w1, w2) + _layers(_peak(x), w1, w2) + _spread(x)
    ).sigmoid(),
    "added-before-mlp": lambda x, w1, w2: _layers(_mean(x) + _peak(x) + _spread(x), w1, w2).sigmoid(),
    "early-sigmoid": lambda x, w1, w2: sum(b.sigmoid() for b in _branches(x, w1, w2)),
    "averaged-gates": lambda x, w1, w2: sum(b.sigmoid() for b in _branches(x, w1, w2)) / 3,
    "averaged-logits": lambda x, w1, w2: (sum(_branches(x, w1, w2)) / 3).sigmoid(),
    "multiplied-gates": lambda x, w1, w2: torch.stack(_branches(x, w1, w2)).sigmoid().prod(0),
    "no-sigmoid": lambda x, w1, w2: sum(_branches(x, w1, w2)),
    "tanh-gate": lambda x, w1, w2: sum(_branches(x, w1, w2)).tanh(),
    "softmax": lambda x, w1, w2: sum(_branches(x, w1, w2)).softmax(1),
    "no-activation": lambda x, w1, w2: (((_mean(x) + _peak(x) + _spread(x)) @ w1.T) @ w2.T).sigmoid(),
    "larger-branch": lambda x, w1, w2: torch.stack(_branches(x, w1, w2)).amax(0).sigmoid(),
}


def _third_inputs() -> list[tuple[Tensor, Tensor, Tensor]]:
    generator, inputs = _seeded(8), []
    for (n, c, h, w), hidden in (((2, 3, 4, 5), 2), ((3, 4, 2, 3), 3), ((1, 5, 3, 2), 4), ((2, 2, 1, 4), 1)):
        x = 2 * torch.randn(n, c, h, w, generator=generator) + torch.randn(n, c, 1, 1, generator=generator)
        w1, w2 = (torch.randn(shape, generator=generator) for shape in ((hidden, c), (c, hidden)))
        inputs.append((x, w1, w2))
    return inputs


def third_summary(answer: object, find: Find) -> None:
    """Maps of several sizes, values of both signs, several hidden widths."""
    inputs = _third_inputs()
    got = answer(*(t.clone() for t in inputs[0]))
    right_shape = isinstance(got, Tensor) and tuple(got.shape) == (2, 3)
    if find("shape", right_shape, lambda: _third_shape(got), got=show(got)):
        find.agrees("value", answer, _THIRD, inputs, _THIRD_SUMMARY_WRONG)


def _third_shape(got: object) -> str | None:
    if not isinstance(got, Tensor):
        return None
    x, w1, w2 = _third_inputs()[0]
    gate = _THIRD(x, w1, w2)[:, :, None, None]
    if same(got, gate):
        return "kept-dimensions"
    return "scaled" if same(got, x * gate) else None


def _right_gate(average, maximum, w1, w2) -> Tensor:
    return (_layers(average, w1, w2) + _layers(maximum, w1, w2)).sigmoid()


_EARLY_SIGMOID_BUG_WRONG = {
    "early-sigmoid": lambda a, m, w1, w2: _layers(a, w1, w2).sigmoid() + _layers(m, w1, w2).sigmoid(),
    "averaged-gates": lambda a, m, w1, w2: (_layers(a, w1, w2).sigmoid() + _layers(m, w1, w2).sigmoid()) / 2,
    "clamped": lambda a, m, w1, w2: (_layers(a, w1, w2).sigmoid() + _layers(m, w1, w2).sigmoid()).clamp(
        max=1
    ),
    "multiplied-gates": lambda a, m, w1, w2: _layers(a, w1, w2).sigmoid() * _layers(m, w1, w2).sigmoid(),
    "sigmoid-twice": one_of(
        lambda a, m, w1, w2: (_layers(a, w1, w2).sigmoid() + _layers(m, w1, w2).sigmoid()).sigmoid(),
        lambda a, m, w1, w2: _right_gate(a, m, w1, w2).sigmoid(),
    ),
    "halved-logit": lambda a, m, w1, w2: ((_layers(a, w1, w2) + _layers(m, w1, w2)) / 2).sigmoid(),
    "added-before-mlp": one_of(
        lambda a, m, w1, w2: _layers(a + m, w1, w2).sigmoid(),
        lambda a, m, w1, w2: _layers((a + m) / 2, w1, w2).sigmoid(),
    ),
    "no-sigmoid": lambda a, m, w1, w2: _layers(a, w1, w2) + _layers(m, w1, w2),
    "one-branch": one_of(
        lambda a, m, w1, w2: _layers(a, w1, w2).sigmoid(),
        lambda a, m, w1, w2: _layers(m, w1, w2).sigmoid(),
        lambda a, m, w1, w2: (2 * _layers(a, w1, w2)).sigmoid(),
        lambda a, m, w1, w2: (2 * _layers(m, w1, w2)).sigmoid(),
    ),
    "no-activation": lambda a, m, w1, w2: (((a + m) @ w1.T) @ w2.T).sigmoid(),
    "activation-last": one_of(
        lambda a, m, w1, w2: torch.relu(_layers(a, w1, w2) + _layers(m, w1, w2)).sigmoid(),
        lambda a, m, w1, w2: (torch.relu(_layers(a, w1, w2)) + torch.relu(_layers(m, w1, w2))).sigmoid(),
    ),
    "sigmoid-between": lambda a, m, w1, w2: (
        (a @ w1.T).sigmoid() @ w2.T + (m @ w1.T).sigmoid() @ w2.T
    ).sigmoid(),
    "tanh-gate": lambda a, m, w1, w2: (_layers(a, w1, w2) + _layers(m, w1, w2)).tanh(),
    "softmax": lambda a, m, w1, w2: (_layers(a, w1, w2) + _layers(m, w1, w2)).softmax(1),
    "larger-branch": lambda a, m, w1, w2: torch.maximum(_layers(a, w1, w2), _layers(m, w1, w2)).sigmoid(),
    "subtracted": one_of(
        lambda a, m, w1, w2: (_layers(a, w1, w2) - _layers(m, w1, w2)).sigmoid(),
        lambda a, m, w1, w2: (_layers(m, w1, w2) - _layers(a, w1, w2)).sigmoid(),
    ),
}


def early_sigmoid_bug(answer: object, find: Find) -> None:
    """Random summaries and weights of several shapes, and the example of the lesson."""
    inputs = [_bug_input(seed, *shape) for seed, shape in enumerate([(3, 5, 4), (1, 4, 4), (2, 3, 1)])]
    hand = tuple(torch.tensor(v) for v in ([[4.0, 2.0]], [[7.0, 8.0]], [[-0.5, 0.5]], [[-1.0], [2.0]]))
    got = answer(*(t.clone() for t in inputs[0]))
    right_shape = isinstance(got, Tensor) and tuple(got.shape) == (3, 5)
    kept = same(got, _right_gate(*inputs[0])[:, :, None, None])
    if not find("shape", right_shape, "kept-dimensions" if kept else None, got=show(got)):
        return

    def name() -> str | None:
        return name_function(answer, _right_gate, _EARLY_SIGMOID_BUG_WRONG, [*inputs, hand])

    inside = bool(((got >= 0) & (got <= 1)).all())
    if find("range", inside, name, low=float(got.min()), high=float(got.max())):
        find.agrees("value", answer, _right_gate, [*inputs, hand], _EARLY_SIGMOID_BUG_WRONG)
    else:
        find.smallest(answer, _right_gate, inputs)


def _bug_input(seed: int, n: int, c: int, hidden: int) -> tuple[Tensor, ...]:
    generator = _seeded(6 + seed)
    average, w1, w2 = (torch.randn(s, generator=generator) for s in ((n, c), (hidden, c), (c, hidden)))
    return average, average + torch.rand(n, c, generator=generator) * 2, w1, w2


# channel-attention


def channel_attention(answer: object, find: Find) -> None:
    """One gate for each channel, from averages and maxima through one MLP."""
    examine_channel_module(answer, find, both_pools=True)


# read-the-patch

_ENOUGH = 0.4  # marking every shape scores a third at most


def read_the_patch(answer: object, find: Find) -> None:
    """Fresh scenes, with their own patch and with another one; nothing is trained here."""
    kind = isinstance(answer, nn.Module)
    if not find("network", kind, _no_network(answer), got=show(answer)):
        return
    scenes = make_scenes(150, task="what", seed=77)
    images, masks = scenes.inputs(), scenes.masks
    other = images.clone()
    other[:, :, :9, :9] = images.roll(1, 0)[:, :, :9, :9]
    network = copy.deepcopy(answer).eval()
    device = next((p.device for p in network.parameters()), images.device)
    with torch.no_grad():
        own = outcome(network, (images.to(device),))
    right = isinstance(own, Tensor) and own.shape == masks.shape and own.is_floating_point()
    if not find("map", right, _wrong_map(own, masks), got=show(own)):
        return
    with torch.no_grad():
        own, repainted = own.cpu(), network(other.to(device)).cpu()
    gate = _gate_in(network.to(images.device), images[:3])
    find("adds", gate is None, "a-gate", got=gate)
    before, after = (float(mean_iou(logits, masks).mean()) for logits in (own, repainted))
    enough = before >= _ENOUGH
    find("score", enough, lambda: _why_so_low(own, repainted, masks), got=before)
    if enough:
        find("asks", before - after >= 0.1, before=before, after=after)


def _gate_in(network: nn.Module, images: Tensor) -> str | None:
    """Return the class of a module that ran and multiplies whole channels by what it makes of the image."""
    ran: dict[nn.Module, torch.Size] = {}

    def note(module: nn.Module, inputs: tuple, output: object) -> None:
        if (
            len(inputs) == 1
            and isinstance(output, Tensor)
            and output.ndim == 4
            and inputs[0].shape == output.shape
        ):
            ran[module] = output.shape

    handles = [module.register_forward_hook(note) for module in network.modules()]
    with torch.no_grad():
        network(images)
    for handle in handles:
        handle.remove()
    return next((type(module).__name__ for module, shape in ran.items() if _scales(module, shape)), None)


def _scales(module: nn.Module, shape: torch.Size) -> bool:
    x = torch.rand(3, *shape[1:], generator=_seeded(5)) * torch.tensor([1.0, 2.0, 4.0]).view(3, 1, 1, 1) + 0.1
    with torch.no_grad():
        got = outcome(module, (x,))
    if not isinstance(got, Tensor) or got.shape != x.shape:
        return False
    factor = got / x
    spread, moves = factor.amax((2, 3)) - factor.amin((2, 3)), factor.amax(0) - factor.amin(0)
    return bool(spread.max() < 1e-3) and bool(moves.max() > 1e-2)


def _no_network(answer: object) -> str | None:
    if isinstance(answer, type):
        return "class-not-network"
    return "history" if hasattr(answer, "final") else None


def _wrong_map(got: object, masks: Tensor) -> str | None:
    joined = isinstance(got, Tensor) and got.shape == (len(masks), 1, *masks.shape[1:])
    return "extra-axis" if joined else None


def _why_so_low(own: Tensor, repainted: Tensor, masks: Tensor) -> str | None:
    """What was handed in may know the answer and tell it in another way."""
    if float(mean_iou(-own, masks).mean()) >= _ENOUGH:
        return "inverted"
    bounded = float(own.min()) >= 0 and float(own.max()) <= 1
    if bounded and float(mean_iou(own - 0.5, masks).mean()) >= _ENOUGH:
        return "probabilities"
    marked = float((own > 0).double().mean())
    if marked > 0.9:
        return "marks-everything"
    if marked < 0.002:
        return "marks-nothing"
    return "no-path" if torch.equal(own[masks], repainted[masks]) else None

"""How the answers of lesson 09 are examined; the words stand in lesson_09.toml beside it.

Nothing here looks at a clock: passes and kept maps are counted, operation by operation.
"""

import copy
import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..attention import CBAM
from ..checks.behaviour import Raised, name_value, one_of, outcome
from ..checks.report import Find
from ..checks.values import as_letters, as_number, close, show
from ..data.scenes import make_scenes
from ..inspection.cost import Traffic, count_traffic
from ..training.metrics import mean_iou

# count-passes

_PASSES = {"A": 1, "B": 1.5, "C": 0, "D": 2, "E": 2, "F": 2.5}
_MISCOUNTED = {
    "reads-only": {"A": 0.5, "B": 1, "C": 0, "D": 1, "E": 1.5, "F": 1.5},
    "writes-only": {"A": 0.5, "B": 0.5, "C": 0, "D": 1, "E": 0.5, "F": 1},
    "whole-reads": {"A": 2, "B": 3, "C": 0, "D": 4, "E": 4, "F": 5},
    "one-per-operation": one_of(
        {"A": 1, "B": 1, "C": 0, "D": 1, "E": 3, "F": 2}, {"A": 1, "B": 1, "C": 2, "D": 1, "E": 3, "F": 2}
    ),
    "in-place-is-free": one_of({**_PASSES, "A": 0.5}, {**_PASSES, "A": 0}),
    "view-copied": one_of({**_PASSES, "C": 1}, {**_PASSES, "C": 2}),
    "second-map-forgotten": one_of(
        {**_PASSES, "B": 1, "D": 1, "F": 2},
        {**_PASSES, "B": 1, "F": 2},
        {**_PASSES, "B": 1},
        {**_PASSES, "F": 2},
    ),
    "cat-copies-both": one_of(*({**_PASSES, "D": passes} for passes in (0, 1, 1.5))),
    "mean-as-a-whole-pass": {**_PASSES, "E": 3},
    "one-sweep": one_of(
        *({**_PASSES, "E": e, "F": f} for e in (1, 1.5, 2) for f in (1.5, 2.5) if (e, f) != (2, 2.5))
    ),
}


def count_passes(answer: object, find: Find) -> None:
    """A dictionary with six numbers."""
    numbers = _six_numbers(answer)
    if not find("numbers", numbers is not None, got=answer):
        return
    assert numbers is not None
    wrong = [letter for letter in _PASSES if abs(numbers[letter] - _PASSES[letter]) > 0.01]
    mistake = name_value(numbers, _MISCOUNTED, _PASSES, 0.01)
    find("counts", not wrong, mistake, right=6 - len(wrong), first=(wrong or [""])[0])


def _six_numbers(answer: object) -> dict[str, float] | None:
    if not isinstance(answer, Mapping):
        return None
    by_letter = {str(key).strip().upper(): as_number(value) for key, value in answer.items()}
    found = {letter: by_letter.get(letter) for letter in _PASSES}
    good = {letter: value for letter, value in found.items() if value is not None and math.isfinite(value)}
    return good if len(good) == len(_PASSES) else None


# What a function moves and keeps


class _AsModule(nn.Module):
    def __init__(self, function: Callable[..., Tensor]):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        y = self.function(x)
        # An answer without a gradient can be counted too, in evaluation.
        return y + 0 * x.sum() if x.requires_grad and not y.requires_grad else y


def _traffic(answer: Callable, x: Tensor) -> tuple[Traffic, int]:
    """What the answer moves and keeps, and the bytes of one map."""
    # Without the look at the input before and after, which moves bytes of its own.
    function = getattr(answer, "__wrapped__", answer)
    return count_traffic(_AsModule(function), x), x.numel() * x.element_size()


def _random(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _apart(*shape: int, seed: int) -> Tensor:
    """Values of both signs, no two alike."""
    count = math.prod(shape)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return ((order.float() - count / 2.7) * (8 / count)).view(shape)


# slow-line

_MAPS = [(_random(*shape, seed=number) * 2 + 0.5,) for number, shape in enumerate(
    ((2, 3, 6, 5), (1, 2, 4, 9), (3, 1, 7, 7), (1, 4, 2, 3), (2, 2, 12, 11))
)]  # fmt: skip
_PASSES_ALLOWED = 10


def _gated(around: Callable[[Tensor], Tensor], gate: Callable | None = None) -> Callable[[Tensor], Tensor]:
    def function(x: Tensor) -> Tensor:
        mean, spread = x.mean((2, 3), keepdim=True), x.std((2, 3), keepdim=True)
        if gate is not None:
            return gate(x, around(x), mean, spread)
        return x * torch.sigmoid((around(x) - mean) / (spread + 1))

    return function


def _average(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 5, 1, 2)


def _padded(mode: str) -> Callable[[Tensor], Tensor]:
    return lambda x: F.avg_pool2d(F.pad(x, (2, 2, 2, 2), mode=mode), 5, 1)


_OTHER_GATES = {
    "edge-not-zero": one_of(
        _gated(lambda x: F.avg_pool2d(x, 5, 1, 2, count_include_pad=False)),
        *(_gated(_padded(mode)) for mode in ("replicate", "reflect", "circular")),
    ),
    "maximum-around": _gated(lambda x: F.max_pool2d(x, 5, 1, 2)),
    "other-window": one_of(
        _gated(lambda x: F.avg_pool2d(x, 3, 1, 1)), _gated(lambda x: F.avg_pool2d(x, 7, 1, 3))
    ),
    "sum-not-mean": _gated(lambda x: 25 * _average(x)),
    "no-surroundings": one_of(
        _gated(lambda x: x), _gated(lambda x: x.mean((2, 3), keepdim=True).expand_as(x))
    ),
    "gate-returned": _gated(_average, lambda x, around, mean, spread: torch.sigmoid((around - mean) / (spread + 1))),
    "spread-left-out": _gated(_average, lambda x, around, mean, spread: x * torch.sigmoid(around - mean)),
    "mean-left-out": _gated(_average, lambda x, around, mean, spread: x * torch.sigmoid(around / (spread + 1))),
}  # fmt: skip


def slow_line(answer: Callable, find: Find) -> None:
    """The output on maps of several sizes; then what it moves."""
    if not find.agrees("output", answer, _gated(_average), _MAPS, _OTHER_GATES):
        return
    if getattr(answer, "changed", False):  # it cannot be run for a gradient then
        find("passes", False, "in-place-change", got="not counted, because the input was changed")
        return
    if not isinstance(answer(_MAPS[0][0].clone()), Tensor):
        find("passes", False, got="not counted, because what comes back is no tensor")
        return
    traffic, size = _traffic(answer, _random(4, 8, 32, 32, seed=9))
    moved = traffic.evaluation_moved / (2 * size)
    # Only who still writes all windows holds 25 maps at once.
    mistake = "windows-still-written" if traffic.evaluation_peak > 20 * size else None
    find("passes", moved <= _PASSES_ALLOWED, mistake, got=f"{moved:.1f}")


# top-two

_POOLED = [
    *(
        (_apart(*shape, seed=n),)
        for n, shape in enumerate(((2, 3, 4, 5), (1, 2, 1, 2), (3, 1, 6, 3), (1, 5, 3, 3)))
    ),
    (_apart(2, 2, 9, 8, seed=4) - 4,),  # most values far below 0
]


def _two_largest(x: Tensor) -> Tensor:
    return x.flatten(2).topk(2).values.mean(2)


_OTHER_POOLS = {
    "one-peak": lambda x: x.amax((2, 3)),
    "second-only": lambda x: x.flatten(2).topk(2).values[..., 1],
    "sum-not-mean": lambda x: x.flatten(2).topk(2).values.sum(2),
    "two-smallest": lambda x: x.flatten(2).topk(2, largest=False).values.mean(2),
    "largest-size": lambda x: x.flatten(2).gather(2, x.flatten(2).abs().topk(2).indices).mean(2),
    "mean-of-all": lambda x: x.mean((2, 3)),
    "both-returned": lambda x: x.flatten(2).topk(2).values,
    "axes-kept": lambda x: _two_largest(x)[:, :, None, None],
    "averaged-over-channels": lambda x: x.flatten(2).topk(2).values.mean(1),
    "over-all-channels": lambda x: x.flatten(1).topk(2).values.mean(1),
}


def top_two(answer: Callable, find: Find) -> None:
    """Values, then gradients, then what it moves and keeps."""
    if not find.agrees("values", answer, _two_largest, _POOLED, _OTHER_POOLS):
        return
    for number, (x,) in enumerate(_POOLED):
        weights = _random(*x.shape[:2], seed=number + 50)
        mine, right = (_gradient(function, x, weights) for function in (answer, _two_largest))
        if not find("gradient", mine is not None, "gradient-cut", got=show("none")):
            return
        assert mine is not None
        assert right is not None
        mistake = name_value(mine, _wrong_gradients(x, weights), right)
        if not find("gradient", close(mine, right), mistake, got=mine):
            return
    traffic, size = _traffic(answer, _apart(4, 8, 32, 32, seed=9))
    moved, kept = traffic.training_moved / (2 * size), traffic.saved / size
    # Only sorting keeps an index, of eight bytes, for every element.
    mistake = "still-sorts" if kept > 1.5 else None
    find("passes", moved <= 2.3, mistake, got=f"{moved:.2f}")
    find("kept", kept <= 1.1, mistake, got=f"{kept:.2f}")


def _gradient(function: Callable, x: Tensor, weights: Tensor) -> Tensor | None:
    x = x.clone().requires_grad_()
    result = function(x)
    if not isinstance(result, Tensor):  # an array of numpy's has no gradient
        return None
    total = (result * weights).sum()
    return torch.autograd.grad(total, x, allow_unused=True)[0] if total.requires_grad else None


def _wrong_gradients(x: Tensor, weights: Tensor) -> dict[str, object]:
    flat, grad = x.flatten(2), weights[:, :, None]
    places = flat.topk(2).indices
    none = torch.zeros_like(flat)

    def at(chosen: Tensor, value: Tensor) -> Tensor:
        return none.scatter(2, chosen, value.expand(chosen.shape)).view_as(x)

    return {
        "gradient-not-halved": at(places, grad),
        "one-peak-learns": one_of(at(places[..., :1], grad), at(places[..., :1], grad / 2)),
        "gradient-not-passed-on": one_of(
            at(places, torch.full_like(grad, 0.5)), at(places, torch.ones_like(grad))
        ),
        "all-learn": one_of((none + grad / flat.shape[2]).view_as(x), (none + grad).view_as(x)),
    }


# read-a-roofline

_FOLLOW = frozenset("ACEG")
_MISREAD = {
    "A": "bend-missed",
    "B": "bandwidth-for-arithmetic",
    "C": "floor-missed",
    "D": "limit-above-the-floor",
    "E": "bytes-missed",
    "F": "arithmetic-for-memory",
    "G": "gap-missed",
    "H": "operations-as-time",
}


def read_a_roofline(answer: object, find: Find) -> None:
    """Letters of the statements that follow."""
    letters = as_letters(answer, "ABCDEFGH")
    if not find("letters", letters is not None, got=answer):
        return
    assert letters is not None
    extra, missed = sorted(letters - _FOLLOW), sorted(_FOLLOW - letters)
    # One name for one error; with several none of them is the cause.
    mistake = _MISREAD[(extra + missed)[0]] if len(extra) + len(missed) == 1 else None
    find("none-extra", not extra, mistake, got=f"{len(extra)} of the letters")
    find("none-missed", not missed, mistake, got=f"{len(missed)} missing")


# fast-not-equal


class _Fast(CBAM):
    """The module of the exercise: a running maximum that begins at 0, and ties that are shared block by block."""

    def forward(self, x: Tensor) -> Tensor:
        gated = x * self.channel.gate(x)
        total = largest = torch.zeros_like(gated[:, :1])
        for eight in gated.split(8, dim=1):
            total = total + eight.sum(1, keepdim=True)
            largest = torch.maximum(largest, eight.amax(1, keepdim=True))
        maps = torch.cat([total / x.shape[1], largest], dim=1)
        return gated * torch.sigmoid(self.spatial.conv(maps))


def _pair() -> tuple[CBAM, CBAM]:
    torch.manual_seed(0)
    readable, fast = CBAM(16), _Fast(16)
    fast.load_state_dict(readable.state_dict())
    return readable, fast


def fast_not_equal(answer: object, find: Find) -> None:
    """Both inputs are given to both modules."""
    wanted = ("output", "gradient")
    inputs = [answer.get(name) for name in wanted] if isinstance(answer, Mapping) else []
    given = len(inputs) == 2 and all(isinstance(x, Tensor) for x in inputs)
    if not find("two", given, got=answer):
        return
    tensors = [x.detach() for x in inputs if isinstance(x, Tensor)]
    fits = [name for name, x in zip(wanted, tensors, strict=True) if not _fits(x)]
    bad = tensors[wanted.index(fits[0])] if fits else tensors[0]
    beyond = "beyond-ten" if _is_plain(bad) and _fits(bad.clamp(-10, 10)) else None
    if not find("form", not fits, beyond, got=f"{(fits or [''])[0]}: {_described(bad)}"):
        return
    tensors = [x.cpu().clone() for x in tensors]
    one, other = (_differences(x) for x in tensors)
    exchanged = _shows_gradient(*one) and other[0] > 1e-3
    find(
        "output",
        one[0] > 1e-3,
        lambda: "exchanged" if exchanged else _why_alike(tensors[0], one[0]),
        got=f"{one[0]:.5f}",
    )
    if not find(
        "agree", other[0] <= 1e-5, "exchanged" if exchanged else "outputs-differ-too", got=f"{other[0]:.5f}"
    ):
        return
    find("gradient", other[1] > 1e-3, lambda: _why_no_tie(tensors[1]), got=f"{other[1]:.5f}")


def _fits(x: Tensor) -> bool:
    sizes = x.ndim == 4 and x.shape[1] == 16 and all(1 <= n <= 16 for n in x.shape)
    return sizes and _is_plain(x) and bool((x.abs() <= 10).all())  # NaN is not <= 10


def _is_plain(x: Tensor) -> bool:
    return x.layout is torch.strided and not x.is_meta and x.dtype == torch.float32


def _described(x: Tensor) -> str:
    kind = str(x.dtype).removeprefix("torch.")
    largest = f", values up to ±{x.abs().max():.4g}" if _is_plain(x) and x.numel() else ""
    return f"{kind}, {tuple(x.shape)}{largest}"


def _differences(x: Tensor) -> tuple[float, float]:
    found = []
    for module in _pair():
        inner = x.clone().requires_grad_()
        y = module(inner)
        found.append((y.detach(), torch.autograd.grad(y.sum(), inner)[0]))
    (one, first), (other, second) = found
    return float((one - other).abs().max()), float((first - second).abs().max())


def _shows_gradient(outputs: float, gradients: float) -> bool:
    return outputs <= 1e-5 and gradients > 1e-3


def _maxima(x: Tensor) -> tuple[Tensor, Tensor]:
    """The gated maxima over channels (N, 1, H, W), and how many channels share each."""
    readable, _ = _pair()
    with torch.no_grad():
        gated = x * readable.channel.gate(x)
    largest = gated.amax(1, keepdim=True)
    return largest, (gated == largest).sum(1, keepdim=True)


def _why_alike(x: Tensor, difference: float) -> str | None:
    if bool((_maxima(x)[0] > 0).all()):
        return "a-positive-everywhere"
    return "too-small-a-step" if difference > 0 else None


def _why_no_tie(x: Tensor) -> str | None:
    largest, sharing = _maxima(x)
    if bool((sharing == 1).all()):
        return "no-tie"
    # Where the whole map is 0 the gate multiplies 0, so nothing of its gradient is left.
    if not bool(x.any()):
        return "all-zero"
    return "shared-alike" if bool((largest > 0).all()) else None


# cheapest-network

_ENOUGH, _MIB = 0.4, 1.1


def cheapest_network(answer: object, find: Find) -> None:
    """Fresh scenes, and the bytes that one of them moves; nothing is trained here."""
    mistake = (
        "class-not-network"
        if isinstance(answer, type)
        else "score-not-network"
        if _is_score(answer)
        else None
    )
    if not find("network", isinstance(answer, nn.Module), mistake, got=answer):
        return
    assert isinstance(answer, nn.Module)
    scenes = make_scenes(150, task="what", seed=77)
    images, masks = scenes.inputs(), scenes.masks
    network = copy.deepcopy(answer).eval()
    device = next((p.device for p in network.parameters()), images.device)
    with torch.no_grad():
        logits = outcome(network, (images.to(device),))
    right = isinstance(logits, Tensor) and logits.shape == masks.shape and logits.is_floating_point()
    joined = isinstance(logits, Tensor) and logits.shape == (len(masks), 1, *masks.shape[1:])
    got = logits if isinstance(logits, Raised) else show(logits)
    if not find("map", right, "extra-axis" if joined else None, got=got):
        return
    assert isinstance(logits, Tensor)
    logits = logits.cpu()
    score = float(mean_iou(logits, masks).mean())
    network = network.cpu()

    def low() -> str | None:
        return _why_so_low(logits, masks) or ("out-of-sight" if _blind(network, images[:4]) else None)

    find("score", score >= _ENOUGH, low, got=f"{score:.2f}")
    traffic = outcome(count_traffic, (_AsModule(network), images[:8]))
    if not isinstance(traffic, Traffic):
        find("moved", False, got=traffic)
        return
    moved = traffic.evaluation_moved / 8 / 2**20
    find("moved", moved <= _MIB, lambda: _why_so_much(network), got=f"{moved:.2f} MiB")


def _is_score(answer: object) -> bool:
    return as_number(answer) is not None or hasattr(answer, "final")


def _why_so_low(logits: Tensor, masks: Tensor) -> str | None:
    if float(mean_iou(-logits, masks).mean()) >= _ENOUGH:
        return "inverted"
    bounded = float(logits.min()) >= 0 and float(logits.max()) <= 1
    if bounded and float(mean_iou(logits - 0.5, masks).mean()) >= _ENOUGH:
        return "probabilities"
    marked = float((logits > 0).double().mean())
    return "marks-nothing" if marked < 0.001 else "marks-everything" if marked > 0.9 else None


def _blind(network: nn.Module, images: Tensor) -> bool:
    """Whether nothing in the corners, in one of which the patch stands, reaches the middle of the image."""
    other = images.clone()
    for rows in (slice(7), slice(-7, None)):
        for columns in (slice(7), slice(-7, None)):
            other[:, :, rows, columns] *= -1
    with torch.no_grad():
        seen, changed = (network(batch)[:, 22:26, 22:26] for batch in (images, other))
    return close(seen, changed, 1e-6)


def _why_so_much(network: nn.Module) -> str | None:
    """The network of the lesson, with all its channels and blocks, whatever the attention."""
    blocks = getattr(network, "blocks", None)
    if not isinstance(blocks, nn.Sequential):
        return None
    widths = [getattr(getattr(block, "conv", None), "out_channels", None) for block in blocks]
    return "as-wide-as-before" if widths == [16, 32, 48] else None

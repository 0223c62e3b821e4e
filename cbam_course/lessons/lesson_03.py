"""How the answers of lesson 03 are examined; the words stand in lesson_03.toml beside it."""

import torch

from ..checks.module_probes.channel_gate import examine_channel_module
from ..checks.report import Find
from ..checks.values import as_number, close, show

# two-summaries


def two_summaries(answer: object, find: Find) -> None:
    """Two images, three channels, all axes of different lengths, values below 0 as well."""
    x = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(3)) - 3
    got, expected = answer(x.clone()), (x.mean((2, 3)), x.amax((2, 3)))
    pair = isinstance(got, (tuple, list)) and len(got) == 2
    find("pair", pair, _one_tensor(got), got=show(got))
    if not pair:
        return
    shapes = [tuple(getattr(part, "shape", ())) for part in got]
    find("shape", shapes == [(2, 3)] * 2, _wrong_shape(shapes), got=shapes)
    if shapes != [(2, 3)] * 2:
        return
    hand = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]], [[0.0, 0.0], [0.0, 8.0]], [[-4.0, -2.0], [-3.0, -3.0]]]])
    by_hand = answer(hand.clone())
    words = {"values": "1, 3, 5, 7, then 0, 0, 0, 8, then −4, −2, −3, −3"}
    for name, part, right, mine in zip(("average", "maximum"), got, expected, by_hand, strict=True):
        value = hand.mean((2, 3)) if name == "average" else hand.amax((2, 3))
        holds = close(part, right) and close(mine, value)
        find(name, holds, _wrong_value(got, x), **words, expected=show(value), got=show(mine))
    find("sizes", *_sizes(answer))


def _sizes(summaries):
    for height, width in ((1, 1), (9, 2), (7, 8)):
        x = torch.randn(1, 2, height, width, generator=torch.Generator().manual_seed(4)) - 1
        try:
            got = summaries(x.clone())
        except (RuntimeError, ValueError):
            return False, "fixed-size"
        if not (close(got[0], x.mean((2, 3))) and close(got[1], x.amax((2, 3)))):
            return False, "fixed-size"
    return True, None


def _one_tensor(got) -> str | None:
    joined = isinstance(got, torch.Tensor) and tuple(got.shape) in ((2, 3), (2, 6), (2, 2, 3))
    return "one-tensor" if joined else None


def _wrong_shape(shapes) -> str | None:
    if (2, 3, 1, 1) in shapes:
        return "kept-dimensions"
    return "pooled-over-channels" if (2, 4, 5) in shapes or (2, 1, 4, 5) in shapes else None


def _wrong_value(got, x) -> str | None:
    average, maximum = x.mean((2, 3)), x.amax((2, 3))
    others = {
        "swapped": (maximum, average),
        "same-twice": (average, average),
        "maximum-of-zero": (average, maximum.clamp(min=0)),
        "absolute-maximum": (average, x.abs().amax((2, 3))),
    }
    wrong = next((s for s, v in others.items() if all(map(close, got, v))), None)
    return "same-twice" if all(close(part, maximum) for part in got) else wrong


# shared-mlp-parameters

_SHARED_MLP_PARAMETERS_WRONG = {
    8192: "unshared",
    2048: "one-layer",
    4096 + 16 + 128: "with-bias",
    2 * 4096 + 2 * (16 + 128): "unshared",
    6144: "concatenated",
    2 * 128 * 128: "no-reduction",
    128 * 128: "no-reduction",
}


def shared_mlp_parameters(answer: object, find: Find) -> None:
    """2 · 128 · 16 = 4096: the second pool adds none."""
    number = as_number(answer)
    whole = number is not None and float(number).is_integer()
    find("number", whole, got=show(answer))
    if whole:
        find("value", number == 4096, _SHARED_MLP_PARAMETERS_WRONG.get(int(number)), got=show(answer))


# mean-or-max

_RIGHT = ("neither", "mean", "max", "both")
_NAMES = {"average": "mean", "maximum": "max", "none": "neither"}
_MISTAKES = ("position-matters", "small-change-moves-the-maximum", "same-total", "mean-stands-still")


def mean_or_max(answer: object, find: Find) -> None:
    """One word for each pair of maps: which summary changes?"""
    words = _words(answer)
    find("words", words is not None, got=show(answer))
    if words is None:
        return
    for letter, word, right, mistake in zip("ABCD", words, _RIGHT, _MISTAKES, strict=True):
        find(f"pair_{letter.lower()}", word == right, mistake, got=word)


def _words(answer) -> list[str] | None:
    if (
        not isinstance(answer, (tuple, list))
        or len(answer) != 4
        or not all(isinstance(w, str) for w in answer)
    ):
        return None
    words = [_NAMES.get(w.strip().lower(), w.strip().lower()) for w in answer]
    return words if set(words) <= set(_RIGHT) else None


# halfway-logit

_HALFWAY_LOGIT_WRONG = {
    "counted-twice": 2.0,
    "gate-not-logit": 0.731,
    "averaged-gates": 0.611,
    "one-image-only": 3.0,
    "difference": 4.0,
}


def halfway_logit(answer: object, find: Find) -> None:
    """f(a) = 3 / 2 and f(b) = −1 / 2, so f(a) + f(b) = 1."""
    number = as_number(answer)
    find("number", number is not None, got=show(answer))
    if number is not None:
        find("value", close(number, 1.0, 0.006), _halfway_logit_mistake(number), got=show(answer))


def _halfway_logit_mistake(number: float) -> str | None:
    if number in (-1.0, 1.5, -0.5):
        return "one-image-only"
    if close(number, -2.0):
        return "difference"
    return next((slug for slug, value in _HALFWAY_LOGIT_WRONG.items() if close(number, value, 0.006)), None)


# early-sigmoid-bug


def _layers(z, w1, w2):
    return torch.relu(z @ w1.T) @ w2.T


def early_sigmoid_bug(answer: object, find: Find) -> None:
    """Random summaries and weights, three images of five channels, and the example of the lesson."""
    generator = torch.Generator().manual_seed(6)
    average, w1, w2 = (torch.randn(shape, generator=generator) for shape in ((3, 5), (4, 5), (5, 4)))
    maximum = average + torch.rand(3, 5, generator=generator) * 2
    inputs = average, maximum, w1, w2
    got = answer(*(t.clone() for t in inputs))
    right_shape = isinstance(got, torch.Tensor) and tuple(got.shape) == (3, 5)
    find("shape", right_shape, got=show(got))
    if not right_shape:
        return
    mistake = _early_sigmoid_bug_mistake(got, *inputs)
    inside = bool(((got >= 0) & (got <= 1)).all())
    find("range", inside, mistake, low=float(got.min()), high=float(got.max()))
    expected = (_layers(average, w1, w2) + _layers(maximum, w1, w2)).sigmoid()
    hand = [torch.tensor(v) for v in ([[4.0, 2.0]], [[7.0, 8.0]], [[-0.5, 0.5]], [[-1.0], [2.0]])]
    find("value", close(got, expected), mistake, got=show(answer(*hand)))


def _early_sigmoid_bug_mistake(got, average, maximum, w1, w2) -> str | None:
    a, m = _layers(average, w1, w2), _layers(maximum, w1, w2)
    wrong = {
        "early-sigmoid": a.sigmoid() + m.sigmoid(),
        "averaged-gates": (a.sigmoid() + m.sigmoid()) / 2,
        "clamped": (a.sigmoid() + m.sigmoid()).clamp(max=1),
        "multiplied-gates": a.sigmoid() * m.sigmoid(),
        "sigmoid-twice": (a.sigmoid() + m.sigmoid()).sigmoid(),
        "halved-logit": ((a + m) / 2).sigmoid(),
        "added-before-mlp": _layers(average + maximum, w1, w2).sigmoid(),
        "no-sigmoid": a + m,
        "one-branch": a.sigmoid(),
    }
    found = next((slug for slug, value in wrong.items() if close(got, value)), None)
    return "one-branch" if close(got, m.sigmoid()) else found


# channel-attention


def channel_attention(answer: object, find: Find) -> None:
    """One gate for each channel, from averages and maxima through one MLP."""
    examine_channel_module(answer, find, both_pools=True)

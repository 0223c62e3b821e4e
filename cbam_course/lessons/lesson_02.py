"""How the answers of lesson 02 are examined; the words stand in lesson_02.toml beside it."""

import torch

from ..checks.module_probes.channel_gate import examine_channel_module
from ..checks.report import Find
from ..checks.values import as_number, as_numbers, close, show

# squeeze


def squeeze(answer: object, find: Find) -> None:
    """Averages of a batch of two images whose every axis has another length."""
    x = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    x[0, 0] += 3  # so that sums, maxima and averages over other axes are told apart
    got, mean = answer(x.clone()), x.mean(dim=(2, 3))
    shape = tuple(getattr(got, "shape", ()))
    right_shape = shape == (2, 3)
    find("shape", right_shape, _squeeze_shape(shape), input=(2, 3, 4, 5), expected=(2, 3), got=show(got))
    if not right_shape:
        return
    hand = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]], [[0.0, 0.0], [0.0, 8.0]]]])
    by_hand = answer(hand.clone())
    holds = close(got, mean) and close(by_hand, hand.mean((2, 3)))
    values = "1, 3, 5, 7 and 0, 0, 0, 8"
    mistake = _squeeze_value(by_hand, hand) or ("fixed-size" if close(by_hand, hand.mean((2, 3))) else None)
    find("value", holds, mistake, values=values, expected=show(hand.mean((2, 3))), got=show(by_hand))
    for height, width in ((1, 1), (9, 2), (8, 8)):
        x = torch.randn(1, 2, height, width, generator=torch.Generator().manual_seed(2)) + 1
        got = _or_error(answer, x)
        if not close(got, x.mean((2, 3))):
            find("sizes", False, "fixed-size", height=height, width=width, got=show(got))
            return
    find("sizes", True)


def _or_error(function, x):
    """A window of a fixed size raises on a smaller map; that is an outcome here, not a crash."""
    try:
        return function(x.clone())
    except (RuntimeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def _squeeze_shape(shape: tuple) -> str | None:
    mistakes = {
        (2, 3, 1, 1): "kept-dimensions",
        (2, 4, 5): "pooled-over-channels",
        (2, 1, 4, 5): "pooled-over-channels",
        (3,): "pooled-over-batch",
        (1, 3): "pooled-over-batch",
        (1, 3, 1, 1): "pooled-over-batch",
        (3, 4, 5): "pooled-over-batch",
        (1, 3, 4, 5): "pooled-over-batch",
        (2, 3, 4): "one-axis-only",
        (2, 3, 5): "one-axis-only",
        (2, 3, 4, 1): "one-axis-only",
        (2, 3, 1, 5): "one-axis-only",
        (): "pooled-over-batch",
        (2,): "pooled-over-channels",
    }
    return mistakes.get(shape)


def _squeeze_value(got, x) -> str | None:
    others = {"maximum": x.amax((2, 3)), "sum-not-mean": x.sum((2, 3))}
    return next((slug for slug, value in others.items() if close(got, value)), None)


# excite-by-hand

_AVERAGES = torch.tensor([3.0, 1.0])
_W1 = torch.tensor([[1.0, -2.0], [-1.0, 1.0]])
_W2 = torch.tensor([[2.0, 1.0], [-1.0, 1.0]])
_TOLERANCE = 0.006  # two decimals, rounded either way


def excite_by_hand(answer: object, find: Find) -> None:
    """Compare with the gate and with what comes out when one step is left out or changed."""
    numbers = as_numbers(answer)
    two = numbers is not None and len(numbers) == 2
    find("number", two, got=show(answer))
    if two:
        logit = _W2 @ torch.relu(_W1 @ _AVERAGES)
        holds = close(numbers, logit.sigmoid(), _TOLERANCE)
        find("value", holds, _mistake(numbers, logit), got=show(answer))


def _mistake(numbers: list[float], logit: torch.Tensor) -> str | None:
    gate = logit.sigmoid()
    wrong = {
        "logit": logit,
        "no-relu": (_W2 @ _W1 @ _AVERAGES).sigmoid(),
        "softmax": logit.softmax(0),
        "scaled": _AVERAGES * gate,
        "transposed": (_W2.T @ torch.relu(_W1.T @ _AVERAGES)).sigmoid(),
        "swapped-channels": gate.flip(0),
    }
    return next((slug for slug, value in wrong.items() if close(numbers, value, _TOLERANCE)), None)


# se-parameters


def se_parameters(answer: object, find: Find) -> None:
    """2 · 256 · 16 = 8192."""
    number = as_number(answer)
    whole = number is not None and float(number).is_integer()
    find("number", whole, got=show(answer))
    if not whole:
        return
    wrong = {
        4096: "one-layer",
        8192 + 16 + 256: "with-bias",
        2 * 256 * 256: "no-reduction",
        256 * 256: "no-reduction",
    }
    find("value", number == 8192, wrong.get(int(number)), got=show(answer))


# squeeze-excitation


def squeeze_excitation(answer: object, find: Find) -> None:
    """One gate for each channel, from the averages alone."""
    examine_channel_module(answer, find, both_pools=False)


# se-scale-bug


def se_scale_bug(answer: object, find: Find) -> None:
    """A cube of 8 × 8 × 8 hides a gate on the wrong axis; factors that differ within a channel show it."""
    generator = torch.Generator().manual_seed(4)
    x = torch.rand(2, 8, 8, 8, generator=generator) + 0.5
    logit = torch.randn(2, 8, generator=generator) * 2
    expected = x * logit.sigmoid()[:, :, None, None]
    got = answer(x.clone(), logit.clone())
    if not isinstance(got, torch.Tensor) or got.shape != x.shape:
        find("runs", False, _wrong_shape(got, logit), expected=tuple(x.shape), got=show(got))
        return
    factor = (got / x).flatten(2)
    spread = factor.amax(2) - factor.amin(2)
    place = spread.flatten().argmax()
    one = factor.flatten(0, 1)[place]
    axis = _wrong_axis(got / x)
    find("channels", bool(spread.max() < 1e-4), axis, low=float(one.min()), high=float(one.max()))
    small = torch.tensor([[0.0, 2.0, -2.0]])
    ones = torch.ones(1, 3, 2, 5)
    if axis is None:
        find("sigmoid", close(got, expected), _wrong_factor(got, x, logit), got=_factors(answer, ones, small))
        _any_size(answer, find)


def _any_size(scale, find: Find):
    for shape in ((3, 4, 5, 2), (1, 2, 1, 1)):
        x, logit = torch.ones(shape), torch.linspace(-2, 2, shape[0] * shape[1]).view(shape[:2])
        got = scale(x, logit)
        if not close(got, x * logit.sigmoid()[:, :, None, None]):
            find("runs", False, None, expected=shape, got=show(got))
            return
    find("runs", True)


def _factors(scale, ones, logit) -> str:
    """What the learner's function makes of ones is the factor itself; an error here is shown in its place."""
    try:
        return show(scale(ones, logit)[0, :, 0, 0])
    except (RuntimeError, IndexError, TypeError) as error:
        return f"{type(error).__name__}: {error}"


def _wrong_shape(got, logit) -> str | None:
    flat = isinstance(got, torch.Tensor) and got.numel() == logit.numel()
    return "mask-returned" if flat else None


def _wrong_axis(factor) -> str | None:
    """Along which axis does the factor vary when it should only vary with image and channel?"""
    varies = {axis: bool((factor.amax(axis) - factor.amin(axis)).max() > 1e-4) for axis in (1, 2, 3)}
    if varies[3] and not varies[2]:
        return "last-axis"
    if varies[2] and not varies[3]:
        return "rows"
    return None


def _wrong_factor(got, x, logit) -> str | None:
    first = logit[:1].expand_as(logit)
    factors = {
        "softmax": logit.softmax(1),
        "no-sigmoid": logit,
        "batch-axis": first.sigmoid(),
    }
    mean = logit.mean(0, keepdim=True).expand_as(logit).sigmoid()
    wrong = next((s for s, f in factors.items() if close(got, x * f[:, :, None, None])), None)
    return wrong or ("batch-axis" if close(got, x * mean[:, :, None, None]) else None)

"""How an answer to the task se-scale-bug is examined; the words stand in se_scale_bug.toml beside it."""

import torch

from ..values import close, show


def examine(scale, find):
    """A cube of 8 × 8 × 8 hides a gate on the wrong axis; factors that differ within a channel show it."""
    generator = torch.Generator().manual_seed(4)
    x = torch.rand(2, 8, 8, 8, generator=generator) + 0.5
    logit = torch.randn(2, 8, generator=generator) * 2
    expected = x * logit.sigmoid()[:, :, None, None]
    got = scale(x.clone(), logit.clone())
    if not isinstance(got, torch.Tensor) or got.shape != x.shape:
        yield find("runs", False, _wrong_shape(got, logit), expected=tuple(x.shape), got=show(got))
        return
    factor = (got / x).flatten(2)
    spread = factor.amax(2) - factor.amin(2)
    place = spread.flatten().argmax()
    one = factor.flatten(0, 1)[place]
    axis = _wrong_axis(got / x)
    yield find("channels", bool(spread.max() < 1e-4), axis, low=float(one.min()), high=float(one.max()))
    small = torch.tensor([[0.0, 2.0, -2.0]])
    ones = torch.ones(1, 3, 2, 5)
    if axis is None:
        yield find(
            "sigmoid", close(got, expected), _wrong_factor(got, x, logit), got=_factors(scale, ones, small)
        )
        yield from _any_size(scale, find)


def _any_size(scale, find):
    for shape in ((3, 4, 5, 2), (1, 2, 1, 1)):
        x, logit = torch.ones(shape), torch.linspace(-2, 2, shape[0] * shape[1]).view(shape[:2])
        got = scale(x, logit)
        if not close(got, x * logit.sigmoid()[:, :, None, None]):
            yield find("runs", False, None, expected=shape, got=show(got))
            return
    yield find("runs", True)


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

"""How the answers of lesson 05 are examined; the words stand in lesson_05.toml beside it."""

import torch
from torch import nn
from torch.nn import functional as F

from ..checks.module_probes.composition import examine_composed_module
from ..checks.report import Find
from ..checks.values import as_letters, as_number, close, examine_whole_number, show

# cbam


def cbam(answer: object, find: Find) -> None:
    """Two gates, one after the other; each is then examined with the other one held still."""
    examine_composed_module(answer, find)


# cbam-parameters

_CHANNEL, _SPATIAL = 2 * 256 * 16, 2 * 7 * 7
_WRONG = {
    _CHANNEL: "spatial-forgotten",
    _SPATIAL: "channel-forgotten",
    _CHANNEL + 49: "one-plane",
    _CHANNEL + 49 * 256: "one-plane-per-channel",
    _CHANNEL + 2 * 49 * 256: "one-plane-per-channel",
    2 * _CHANNEL + _SPATIAL: "two-mlps",
    _CHANNEL // 2 + _SPATIAL: "one-layer",
    _CHANNEL + _SPATIAL + 1: "with-bias",
    _CHANNEL + _SPATIAL + 16 + 256: "with-bias",
    _CHANNEL + _SPATIAL + 16 + 256 + 1: "with-bias",
    _CHANNEL + _SPATIAL + 16 + 256 + 2: "with-bias",
    _CHANNEL * _SPATIAL: "multiplied",
}


def cbam_parameters(answer: object, find: Find) -> None:
    """2 · 256 · 16 of the MLP and 2 · 7 · 7 of the convolution."""
    examine_whole_number(answer, find, _CHANNEL + _SPATIAL, _WRONG)


# order-matters

_NAMES = ("channel-first", "spatial-first", "parallel")


def channel_gate(x):
    """A gate (N, C, 1, 1) that depends on averages and maxima, and so on what came before."""
    return torch.sigmoid(x.mean(dim=(2, 3), keepdim=True) - 0.5 * x.amax(dim=(2, 3), keepdim=True))


def spatial_gate(x):
    """A gate (N, 1, H, W) that depends on the mean and the maximum over channels."""
    return torch.sigmoid(2 * x.mean(dim=1, keepdim=True) - 0.7 * x.amax(dim=1, keepdim=True))


def other_gate(x):
    """A gate (N, 1, 1, 1) of another kind: an answer has to use the gates that it is given."""
    return torch.tanh(x.abs().mean(dim=(1, 2, 3), keepdim=True))


def order_matters(answer: object, find: Find) -> None:
    """Each of the three against its definition, with two pairs of gates."""
    x = torch.randn(3, 4, 5, 6, generator=torch.Generator().manual_seed(2)) + 0.3
    got = answer(x.clone(), channel_gate, spatial_gate)
    three = isinstance(got, (tuple, list)) and len(got) == 3
    right = three and all(getattr(y, "shape", None) == x.shape for y in got)
    find("three", right, _shape(got, three), got=_show(got, three))
    if not right:
        return
    mistake = _order_matters_mistake(got, x)
    for name, mine, expected in zip(_NAMES, got, _expected(x, channel_gate, spatial_gate), strict=True):
        first = show(torch.as_tensor(mine)[0, 0, 0, :3])
        find(name, close(mine, expected), mistake, expected=show(expected[0, 0, 0, :3]), got=first)
    others = _expected(x, other_gate, spatial_gate)
    again = answer(x.clone(), other_gate, spatial_gate)
    holds = isinstance(again, (tuple, list)) and len(again) == 3 and all(map(close, again, others))
    find("given-gates", holds, mistake)


def _expected(x, channel, spatial):
    first, second = x * channel(x), x * spatial(x)
    return first * spatial(first), second * channel(second), x * channel(x) * spatial(x)


def _shape(got, three: bool) -> str | None:
    shapes = [tuple(getattr(y, "shape", ())) for y in got] if three else []
    return "gates-returned" if shapes and any(len(s) == 4 and 1 in s[1:] for s in shapes) else None


def _show(got, three: bool) -> str:
    return ", ".join(map(show, got)) if three else show(got)


def _order_matters_mistake(got, x) -> str | None:
    """Compare with other ways to join the two gates."""
    channel, spatial = channel_gate, spatial_gate
    first, second, parallel = _expected(x, channel, spatial)
    refined, located = x * channel(x), x * spatial(x)
    wrong = {
        "gates-of-x": (parallel, parallel, parallel),
        "exchanged": (second, first, parallel),
        "gates-added": (first, second, x * (channel(x) + spatial(x))),
        "outputs-averaged": (first, second, (refined + located) / 2),
        "outputs-multiplied": (first, second, refined * located),
        "first-gate-lost": (x * spatial(refined), x * channel(located), parallel),
        "gates-returned": (
            spatial(refined) * channel(x),
            channel(located) * spatial(x),
            channel(x) * spatial(x),
        ),
    }
    slugs = [slug for slug, values in wrong.items() if all(map(close, got, values))]
    if not slugs and close(got[2], first):
        return "parallel-in-sequence"
    return slugs[0] if slugs else None


# cbam-bug


def cbam_bug(answer: object, find: Find) -> None:
    """Random maps and weights of several sizes, and a map on which the two ways differ by much."""
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(2, 4, 6, 7, generator=generator) + 0.4
    weights = [torch.randn(shape, generator=generator) for shape in ((2, 4), (4, 2), (1, 2, 3, 3))]
    got = answer(x.clone(), *(w.clone() for w in weights))
    right_shape = isinstance(got, torch.Tensor) and got.shape == x.shape
    mistake = _cbam_bug_mistake(got, x, *weights)
    find("shape", right_shape, mistake, expected=tuple(x.shape), got=show(got))
    if not right_shape:
        return
    expected = _cbam(x, *weights)
    find(
        "value",
        close(got, expected),
        mistake,
        expected=show(expected[0, 0, 0, :3]),
        got=show(got[0, 0, 0, :3]),
    )
    _closed_channel(answer, find, mistake)
    _any_size(answer, find, generator)


def _gates(x):
    return x.mean(dim=(2, 3)), x.amax(dim=(2, 3))


def _channel(x, w1, w2):
    logit = sum(torch.relu(z @ w1.T) @ w2.T for z in _gates(x))
    return torch.sigmoid(logit)[:, :, None, None]


def _spatial(x, kernel):
    pools = torch.stack([x.mean(1), x.amax(1)], dim=1)
    return torch.sigmoid(F.conv2d(pools, kernel, padding=kernel.shape[-1] // 2))


def _cbam(x, w1, w2, kernel):
    refined = x * _channel(x, w1, w2)
    return refined * _spatial(refined, kernel)


def _closed_channel(forward, find: Find, mistake):
    """Channel 0 is bright in a corner and the channel gate closes it: its spot must not open the map there."""
    x = torch.ones(1, 2, 5, 5) * 0.1
    x[0, 0, 1, 1] = 40.0
    w1, w2 = torch.tensor([[1.0, 0.0]]), torch.tensor([[-8.0], [0.0]])
    kernel = torch.zeros(1, 2, 3, 3)
    kernel[0, 1, 1, 1] = 1.0
    factor = forward(x.clone(), w1, w2, kernel)[0, 1] / (x[0, 1] * 0.5)
    expected = float(_spatial(x * _channel(x, w1, w2), kernel)[0, 0, 1, 1])
    holds = close(factor[1, 1], expected, 1e-3)
    return find("closed", holds, mistake, expected=expected, got=float(factor[1, 1]))


def _any_size(forward, find: Find, generator):
    for kernel_size, (n, c, h, w) in ((7, (1, 3, 4, 5)), (1, (3, 2, 1, 1))):
        shapes = (n, c, h, w), (1, c), (c, 1), (1, 2, kernel_size, kernel_size)
        inputs = [torch.randn(shape, generator=generator) for shape in shapes]
        got = forward(*(t.clone() for t in inputs))
        if not close(got, _cbam(*inputs)):
            return find("sizes", False, expected=(n, c, h, w), kernel=kernel_size, got=show(got))
    return find("sizes", True)


def _cbam_bug_mistake(got, x, w1, w2, kernel) -> str | None:
    """Compare with the other ways to wire the two gates."""
    channel, spatial = _channel(x, w1, w2), _spatial(x, kernel)
    refined, located = x * channel, x * spatial
    after = _spatial(refined, kernel)
    wrong = {
        "still-from-x": refined * spatial,
        "spatial-first": located * _channel(located, w1, w2),
        "channel-lost": x * after,
        "channel-twice": refined * channel * after,
        "map-of-the-gate": refined * _spatial(channel.expand_as(x), kernel),
        "spatial-lost": refined,
        "mask-returned": channel * after,
        "swapped-planes": refined * _spatial(refined, kernel.flip(1)),
    }
    found = next((slug for slug, value in wrong.items() if close(got, value)), None)
    return "mask-returned" if found is None and close(got, after) else found


# swap-the-planes


def swap_the_planes(answer: object, find: Find) -> None:
    """Kernels of several sizes, the same map from both orders of pools, and an input left as it was."""
    generator = torch.Generator().manual_seed(8)
    weight = torch.randn(1, 2, 7, 7, generator=generator)
    handed = weight.clone()
    got = answer(handed)
    got = got.detach() if isinstance(got, torch.Tensor) else got
    mistake = _swap_the_planes_mistake(got, weight)
    right_shape = isinstance(got, torch.Tensor) and got.shape == weight.shape
    find("shape", right_shape, mistake, expected=tuple(weight.shape), got=show(got))
    if not right_shape:
        return
    x = torch.randn(2, 5, 9, 8, generator=generator) + 0.5
    mean, maximum = x.mean(1, keepdim=True), x.amax(1, keepdim=True)
    before = F.conv2d(torch.cat([maximum, mean], 1), weight, padding=3)
    after = F.conv2d(torch.cat([mean, maximum], 1), got.to(weight.dtype), padding=3)
    off = float((before - after).abs().max())
    find("same-map", off < 1e-4, mistake, off=off)
    find("kept", close(handed, weight, 0.0), "in-place-change")
    for size in (1, 3):
        other = torch.randn(4, 2, size, size, generator=generator)
        mine = answer(other.clone())
        if not close(mine, other.flip(1)):
            find("any-size", False, None, expected=tuple(other.shape), got=show(mine))
            return
    find("any-size", True)


def _swap_the_planes_mistake(got, weight) -> str | None:
    """Compare with what else could have been turned round."""
    wrong = {
        "unchanged": weight,
        "turned-round": weight.flip(2, 3),
        "turned-round all": weight.flip(1, 2, 3),
        "turned-round rows": weight.flip(2),
        "turned-round columns": weight.flip(3),
        "transposed": weight.mT,
        "transposed planes": weight.transpose(0, 1),
        "overwritten": weight[:, 1:].expand(-1, 2, -1, -1),
        "overwritten first": weight[:, :1].expand(-1, 2, -1, -1),
        "negated": -weight,
    }
    found = next((slug for slug, value in wrong.items() if close(got, value)), None)
    return found.split()[0] if found else None


# which-differ

_RIGHT = frozenset("BEG")
_MISSED = {"B": "missed-order", "E": "missed-batchnorm", "G": "missed-source"}
_EXTRA = {"A": "layer-kind", "C": "both-exchanged", "D": "pooling-call", "F": "zero-bias", "H": "same-width"}


def which_differ(answer: object, find: Find) -> None:
    """Letters in any form; each one that is missing or too many has a text of its own."""
    letters = as_letters(answer, "ABCDEFGH")
    find("letters", letters is not None, got=show(answer))
    if letters is None:
        return
    missed = sorted(_RIGHT - letters)
    extra = sorted(letters - _RIGHT)
    given = ", ".join(sorted(letters))
    find("none-missed", not missed, _MISSED[missed[0]] if missed else None, got=given)
    find("none-extra", not extra, _EXTRA[extra[0]] if extra else None, got=given)


# feature-shrink


class _Scale(nn.Module):
    """Multiply by a factor and shift: the shift moves the mean and leaves the standard deviation."""

    def __init__(self, factor: float):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, x):
        return x * self.factor + 1.0


def feature_shrink(answer: object, find: Find) -> None:
    """Blocks that scale by known factors, each made afresh."""
    x = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(3)) * 4 + 1.5
    factors = [0.5, 0.25, 0.8]
    handed_in = answer(_factory(factors), x.clone(), 3)
    got = as_number(handed_in)
    mistake = _feature_shrink_mistake(got, x, factors)
    find("number", got is not None, got=show(handed_in))
    if got is None:
        return
    one = as_number(answer(_factory([0.5]), x.clone(), 1))
    find("one", close(one, 0.5, 1e-3), mistake, got=show(one))
    find("stacked", close(got, 0.1, 1e-3), mistake, got=show(got))
    changed = as_number(answer(_factory([3.0, 1.0]), x.clone() * 10, 2))
    find("any", close(changed, 3.0, 1e-2), mistake, got=show(changed))


def _factory(factors: list[float]):
    """Make blocks with these factors in turn, and with the last one when more are asked for."""
    left = list(factors)
    return lambda: _Scale(left.pop(0) if len(left) > 1 else left[0])


def _feature_shrink_mistake(got, x, factors) -> str | None:
    """Compare with other readings of "how much is left"."""
    y = x
    for factor in factors:
        y = y * factor + 1.0
    ratio, first = (y.std() / x.std()).item(), factors[0]
    reused = first ** len(factors)
    wrong = {
        "inverted": 1 / ratio,
        "variance": ratio**2,
        "one-module-reused": reused,
        "one-block": first,
        "last-block-only": factors[-1],
        "last-block-only step": (y.std() / ((y - 1.0) / factors[-1]).std()).item(),
        "difference": (x.std() - y.std()).item(),
        "difference share": 1 - ratio,
        "not-divided": y.std().item(),
        "averages": (y.mean() / x.mean()).item(),
        "averages absolute": (y.abs().mean() / x.abs().mean()).item(),
        "norms": (y.norm() / x.norm()).item(),
        "blocks-side-by-side": sum(factors) / len(factors),
    }
    found = next((slug for slug, value in wrong.items() if close(got, value, 1e-3)), None)
    return found.split()[0] if found else None

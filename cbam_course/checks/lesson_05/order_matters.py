"""How an answer to the task order-matters is examined; the words stand in order_matters.toml beside it."""

import torch

from ..values import close, show

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


def examine(arrange, find):
    """Each of the three against its definition, with two pairs of gates."""
    x = torch.randn(3, 4, 5, 6, generator=torch.Generator().manual_seed(2)) + 0.3
    got = arrange(x.clone(), channel_gate, spatial_gate)
    three = isinstance(got, (tuple, list)) and len(got) == 3
    right = three and all(getattr(y, "shape", None) == x.shape for y in got)
    yield find("three", right, _shape(got, three), got=_show(got, three))
    if not right:
        return
    mistake = _mistake(got, x)
    for name, mine, expected in zip(_NAMES, got, _expected(x, channel_gate, spatial_gate), strict=True):
        first = show(torch.as_tensor(mine)[0, 0, 0, :3])
        yield find(name, close(mine, expected), mistake, expected=show(expected[0, 0, 0, :3]), got=first)
    others = _expected(x, other_gate, spatial_gate)
    again = arrange(x.clone(), other_gate, spatial_gate)
    holds = isinstance(again, (tuple, list)) and len(again) == 3 and all(map(close, again, others))
    yield find("given-gates", holds, mistake)


def _expected(x, channel, spatial):
    first, second = x * channel(x), x * spatial(x)
    return first * spatial(first), second * channel(second), x * channel(x) * spatial(x)


def _shape(got, three: bool) -> str | None:
    shapes = [tuple(getattr(y, "shape", ())) for y in got] if three else []
    return "gates-returned" if shapes and any(len(s) == 4 and 1 in s[1:] for s in shapes) else None


def _show(got, three: bool) -> str:
    return ", ".join(map(show, got)) if three else show(got)


def _mistake(got, x) -> str | None:
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

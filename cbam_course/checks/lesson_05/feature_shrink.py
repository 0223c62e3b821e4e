"""How an answer to the task feature-shrink is examined; the words stand in feature_shrink.toml beside it."""

import torch
from torch import nn

from ..values import as_number, close, show


class _Scale(nn.Module):
    """Multiply by a factor and shift: the shift moves the mean and leaves the standard deviation."""

    def __init__(self, factor: float):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, x):
        return x * self.factor + 1.0


def examine(shrink, find):
    """Blocks that scale by known factors, each made afresh."""
    x = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(3)) * 4 + 1.5
    factors = [0.5, 0.25, 0.8]
    handed_in = shrink(_factory(factors), x.clone(), 3)
    got = as_number(handed_in)
    mistake = _mistake(got, x, factors)
    yield find("number", got is not None, got=show(handed_in))
    if got is None:
        return
    one = as_number(shrink(_factory([0.5]), x.clone(), 1))
    yield find("one", close(one, 0.5, 1e-3), mistake, got=show(one))
    yield find("stacked", close(got, 0.1, 1e-3), mistake, got=show(got))
    changed = as_number(shrink(_factory([3.0, 1.0]), x.clone() * 10, 2))
    yield find("any", close(changed, 3.0, 1e-2), mistake, got=show(changed))


def _factory(factors: list[float]):
    """Make blocks with these factors in turn, and with the last one when more are asked for."""
    left = list(factors)
    return lambda: _Scale(left.pop(0) if len(left) > 1 else left[0])


def _mistake(got, x, factors) -> str | None:
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

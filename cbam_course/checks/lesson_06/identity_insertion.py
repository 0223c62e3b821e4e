"""How an answer to the task identity-insertion is examined; the words stand in identity_insertion.toml beside it."""

import torch
from torch import nn

from ..values import close, show

X = torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(3))


class Gate(nn.Module):
    """Stands for the attention: a learned factor for every channel, between 0 and 1."""

    def __init__(self):
        super().__init__()
        self.logit = nn.Parameter(torch.tensor([-2.0, -0.5, 0.3, 1.0]))

    def forward(self, x):
        return x * torch.sigmoid(self.logit).view(1, -1, 1, 1)


GATED = Gate()(X).detach()


def examine(cls, find):
    """A fresh instance; then its learned number set to 1, to ½, and to 0.3."""
    gate = Gate()
    module = cls(gate)
    fresh = module(X.clone())
    value = fresh.detach() if isinstance(fresh, torch.Tensor) else fresh
    zeroed = not close(gate.logit.detach(), Gate().logit.detach())
    mistake = "zeroed-attention" if zeroed else _start(value)
    yield find("start", close(value, X, 0.0), mistake, got=_distance(value))
    if not close(value, X, 0.0):
        return
    own = [p for p in module.parameters() if p is not gate.logit]
    count = sum(p.numel() for p in own)
    wrong = "not-learned" if count == 0 else "one-per-channel"
    yield find("one-number", count == 1, wrong, got=f"{count} values")
    if count == 1:
        yield from _blended(module, own[0], find)
    yield from _trained(module, gate, own[0] if count == 1 else None, find)


def _blended(module, number, find):
    """With the number at 1 and at ½."""
    outputs = {}
    for value in (1.0, 0.5):
        outputs[value] = _at(module, number, value).detach()
    yield find("full", close(outputs[1.0], GATED), _full(outputs[1.0]), got=_distance(outputs[1.0], GATED))
    middle = (X + GATED) / 2
    yield find("halfway", close(outputs[0.5], middle), None, got=_distance(outputs[0.5], middle))
    _at(module, number, 0.0)


def _trained(module, gate, number, find):
    owned = any(p is gate.logit for p in module.parameters())
    if number is not None:
        gradient = _gradient(module, number)
        yield find("learns", bool(gradient.abs().sum() > 0), "no-gradient", got=show(gradient))
    yield find("registered", owned, "attention-not-registered", expected=4, got="none of them")
    if number is not None:
        _at(module, number, 0.3)
        gradient = _gradient(module, gate.logit)
        yield find("attention-learns", bool((gradient != 0).all()), "attention-frozen", got=show(gradient))


def _at(module, number, value: float):
    with torch.no_grad():
        number.fill_(value)
    return module(X.clone())


def _gradient(module, parameter):
    """The gradient of a weighted sum of the outputs, 0 where the graph does not reach the parameter."""
    y = module(X.clone())
    total = (y * torch.linspace(0.5, 2, y.numel()).view_as(y)).sum()
    if not total.requires_grad:
        return torch.zeros_like(parameter)
    (gradient,) = torch.autograd.grad(total, parameter, allow_unused=True)
    return torch.zeros_like(parameter) if gradient is None else gradient


def _start(got) -> str | None:
    wrong = {
        "starts-at-one": GATED,
        "half-at-start": (X + GATED) / 2,
        "zero-output": torch.zeros_like(X),
        "added-not-blended": X + GATED,
    }
    return next((slug for slug, value in wrong.items() if close(got, value)), None)


def _full(got) -> str | None:
    wrong = {"added-not-blended": X + GATED, "reversed": 2 * X - GATED}
    found = next((slug for slug, value in wrong.items() if close(got, value)), None)
    share = ((got - X) / (GATED - X)).flatten()
    between = 0 < float(share.mean()) < 1 and close(share, share.mean().expand_as(share), 1e-3)
    return "squashed" if found is None and between else found


def _distance(got, expected=X) -> str:
    if not isinstance(got, torch.Tensor) or got.shape != expected.shape:
        return show(got)
    return f"a difference of up to {float((got - expected).abs().max()):.3f}"

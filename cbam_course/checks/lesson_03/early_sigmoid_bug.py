"""How an answer to the task early-sigmoid-bug is examined; the words stand in early_sigmoid_bug.toml beside it."""

import torch

from ..values import close, show


def _layers(z, w1, w2):
    return torch.relu(z @ w1.T) @ w2.T


def examine(channel_gate, find):
    """Random summaries and weights, three images of five channels, and the example of the lesson."""
    generator = torch.Generator().manual_seed(6)
    average, w1, w2 = (torch.randn(shape, generator=generator) for shape in ((3, 5), (4, 5), (5, 4)))
    maximum = average + torch.rand(3, 5, generator=generator) * 2
    inputs = average, maximum, w1, w2
    got = channel_gate(*(t.clone() for t in inputs))
    right_shape = isinstance(got, torch.Tensor) and tuple(got.shape) == (3, 5)
    yield find("shape", right_shape, got=show(got))
    if not right_shape:
        return
    mistake = _mistake(got, *inputs)
    inside = bool(((got >= 0) & (got <= 1)).all())
    yield find("range", inside, mistake, low=float(got.min()), high=float(got.max()))
    expected = (_layers(average, w1, w2) + _layers(maximum, w1, w2)).sigmoid()
    hand = [torch.tensor(v) for v in ([[4.0, 2.0]], [[7.0, 8.0]], [[-0.5, 0.5]], [[-1.0], [2.0]])]
    yield find("value", close(got, expected), mistake, got=show(channel_gate(*hand)))


def _mistake(got, average, maximum, w1, w2) -> str | None:
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

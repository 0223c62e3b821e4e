"""How an answer to the task cbam-bug is examined; the words stand in cbam_bug.toml beside it."""

import torch
from torch.nn import functional as F

from ..values import close, show


def examine(forward, find):
    """Random maps and weights of several sizes, and a map on which the two ways differ by much."""
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(2, 4, 6, 7, generator=generator) + 0.4
    weights = [torch.randn(shape, generator=generator) for shape in ((2, 4), (4, 2), (1, 2, 3, 3))]
    got = forward(x.clone(), *(w.clone() for w in weights))
    right_shape = isinstance(got, torch.Tensor) and got.shape == x.shape
    mistake = _mistake(got, x, *weights)
    yield find("shape", right_shape, mistake, expected=tuple(x.shape), got=show(got))
    if not right_shape:
        return
    expected = _cbam(x, *weights)
    yield find(
        "value",
        close(got, expected),
        mistake,
        expected=show(expected[0, 0, 0, :3]),
        got=show(got[0, 0, 0, :3]),
    )
    yield _closed_channel(forward, find, mistake)
    yield _any_size(forward, find, generator)


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


def _closed_channel(forward, find, mistake):
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


def _any_size(forward, find, generator):
    for kernel_size, (n, c, h, w) in ((7, (1, 3, 4, 5)), (1, (3, 2, 1, 1))):
        shapes = (n, c, h, w), (1, c), (c, 1), (1, 2, kernel_size, kernel_size)
        inputs = [torch.randn(shape, generator=generator) for shape in shapes]
        got = forward(*(t.clone() for t in inputs))
        if not close(got, _cbam(*inputs)):
            return find("sizes", False, expected=(n, c, h, w), kernel=kernel_size, got=show(got))
    return find("sizes", True)


def _mistake(got, x, w1, w2, kernel) -> str | None:
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

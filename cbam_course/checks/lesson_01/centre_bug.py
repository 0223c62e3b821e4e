"""How an answer to the task centre-bug is examined; the words stand in centre_bug.toml beside it."""

import torch

from ..values import close, show


def examine(centre, find):
    """A cube first, on which every wrong axis runs through, then a batch whose axes all differ."""
    generator = torch.Generator().manual_seed(6)
    cube = torch.randn(4, 4, 4, 4, generator=generator) * 2 + 3
    cube += torch.arange(16.0).view(4, 4, 1, 1)  # every channel of every image has a level of its own
    got = centre(cube.clone())
    if not isinstance(got, torch.Tensor) or got.shape != cube.shape:
        yield find("any-shape", False, None, expected=(4, 4, 4, 4), got=show(got))
        return
    mistake = _mistake(got, cube)
    means = float(got.mean((2, 3)).abs().max())
    yield find("centred", means < 1e-4, mistake, off=means)
    shift = got - cube
    bend = float((shift - shift.mean((2, 3), keepdim=True)).abs().max())
    yield find("only-shifted", bend < 1e-4, mistake, off=bend)
    if mistake is None:
        x = torch.randn(2, 3, 4, 5, generator=generator) + 1
        other = centre(x.clone())
        holds = close(other, x - x.mean((2, 3), keepdim=True))
        yield find("any-shape", holds, None, expected=(2, 3, 4, 5), got=show(other))


def _mistake(got, x) -> str | None:
    keep = {"keepdim": True}
    centred = x - x.mean((2, 3), **keep)
    wrong = {
        "kept-the-bug": x - x.mean((2, 3)),
        "mean-of-everything": x - x.mean(),
        "mean-per-channel": x - x.mean((0, 2, 3), **keep),
        "mean-per-image": x - x.mean((1, 2, 3), **keep),
        "mean-over-channels": x - x.mean(1, **keep),
    }
    named = next((slug for slug, value in wrong.items() if close(got, value)), None)
    ratio = got / centred
    scaled = bool((ratio.amax((2, 3)) - ratio.amin((2, 3)) < 1e-2).all()) and not close(got, centred)
    return named or ("also-scaled" if scaled else None)

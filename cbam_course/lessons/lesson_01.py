"""How the answers of lesson 01 are examined; the words stand in lesson_01.toml beside it."""

import torch
from torch import nn

from ..checks.report import Find
from ..checks.values import as_numbers, close, show

# both-pools


def both_pools(answer: object, find: Find) -> None:
    """A batch whose axes all differ in length, with values of both signs."""
    x = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(3))
    got = answer(x.clone())
    pair = isinstance(got, (tuple, list)) and len(got) == 2
    indices = pair and isinstance(got[1], tuple)
    find("pair", pair and not indices, "max-with-indices" if indices else None, got=show(got))
    if not pair or indices:
        return
    first, second = got
    space, channels = x.mean((2, 3)), x.amax(1)
    mistake = _both_pools_mistake(first, second, x)
    find("space", close(first, space), mistake, expected=show(space), got=show(first))
    find("channels", close(second, channels), mistake, expected=show(channels), got=show(second))


def _both_pools_mistake(first, second, x) -> str | None:
    space, channels = x.mean((2, 3)), x.amax(1)
    if close(first, channels) and close(second, space):
        return "swapped"
    if _same_values(first, space) and _same_values(second, channels):
        return "kept-dimensions"
    if close(first, x.amax((2, 3))) or close(second, x.mean(1)):
        return "statistic-exchanged"
    if any(close(first, x.mean(a)) for a in (1, (0, 1))) or close(second, x.amax((2, 3))):
        return "axes-exchanged"
    return None


def _same_values(got, expected) -> bool:
    return (
        isinstance(got, torch.Tensor)
        and got.numel() == expected.numel()
        and close(got.flatten(), expected.flatten())
    )


# which-axis

_RIGHT = ("columns", "error", "channels")
_WORDS = {"channels", "columns", "error"}


def which_axis(answer: object, find: Find) -> None:
    """Compare word by word; the whole triple tells which rule was used."""
    words = _words(answer)
    find("words", words is not None, got=show(answer))
    if words is None:
        return
    mistakes = _mistakes(words)
    for slug, word, right, mistake in zip("cde", words, _RIGHT, mistakes, strict=True):
        find(slug, word == right, mistake, got=word)


def _words(answer) -> tuple[str, ...] | None:
    if (
        not isinstance(answer, (tuple, list))
        or len(answer) != 3
        or not all(isinstance(w, str) for w in answer)
    ):
        return None
    words = tuple(word.strip().lower() for word in answer)
    return words if set(words) <= _WORDS else None


def _mistakes(words: tuple[str, ...]) -> tuple[str | None, str | None, str | None]:
    """From the left, (8,) meets the 2 images and fails, (2, 8) fits, and (8, 1, 1) fails."""
    if words == ("error", "channels", "error"):
        return ("from-the-left",) * 3
    c = "vector-is-channels" if words[0] == "channels" else None
    return c, "equal-sizes-fit", "trailing-ones"


# scale-positions


def scale_positions(answer: object, find: Find) -> None:
    """A cube of 3 × 3 × 3 × 3 lets every wrong axis run through; a batch of other sizes must work as well."""
    generator = torch.Generator().manual_seed(5)
    cube, gate = (torch.rand(shape, generator=generator) + 0.5 for shape in ((3, 3, 3, 3), (3, 3, 3)))
    got = answer(cube.clone(), gate.clone())
    right_shape = isinstance(got, torch.Tensor) and got.shape == cube.shape
    mask = isinstance(got, torch.Tensor) and got.numel() == gate.numel()
    find("shape", right_shape, "mask-returned" if mask else None, expected=(3, 3, 3, 3), got=show(got))
    if not right_shape:
        return
    off = _off(got, cube * gate[:, None])
    if off < 1e-5:  # right on the cube: the sizes may still be written into the code
        x, other = torch.rand(2, 4, 3, 5, generator=generator), torch.rand(2, 3, 5, generator=generator)
        off = _off(answer(x.clone(), other.clone()), x * other[:, None])
    find("positions", off < 1e-5, _scale_positions_mistake(got, cube, gate), off=off)


def _off(got, expected) -> float:
    if not isinstance(got, torch.Tensor) or got.shape != expected.shape:
        return float("inf")
    return float((got - expected).abs().max())


def _scale_positions_mistake(got, x, gate) -> str | None:
    wrong = {
        "gate-without-axis": [x * gate],
        "axis-at-the-end": [x * gate[..., None], x * gate[:, :, None]],
        "gate-averaged": [x * gate.mean(0), x * gate[0], x * gate[:1, None]],
        "mask-returned": [gate[:, None].expand_as(x)],
        "added": [x + gate[:, None]],
    }
    return next((slug for slug, values in wrong.items() if any(_off(got, v) < 1e-5 for v in values)), None)


# centre-bug


def centre_bug(answer: object, find: Find) -> None:
    """A cube first, on which every wrong axis runs through, then a batch whose axes all differ."""
    generator = torch.Generator().manual_seed(6)
    cube = torch.randn(4, 4, 4, 4, generator=generator) * 2 + 3
    cube += torch.arange(16.0).view(4, 4, 1, 1)  # every channel of every image has a level of its own
    got = answer(cube.clone())
    if not isinstance(got, torch.Tensor) or got.shape != cube.shape:
        find("any-shape", False, None, expected=(4, 4, 4, 4), got=show(got))
        return
    mistake = _centre_bug_mistake(got, cube)
    means = float(got.mean((2, 3)).abs().max())
    find("centred", means < 1e-4, mistake, off=means)
    shift = got - cube
    bend = float((shift - shift.mean((2, 3), keepdim=True)).abs().max())
    find("only-shifted", bend < 1e-4, mistake, off=bend)
    if mistake is None:
        x = torch.randn(2, 3, 4, 5, generator=generator) + 1
        other = answer(x.clone())
        holds = close(other, x - x.mean((2, 3), keepdim=True))
        find("any-shape", holds, None, expected=(2, 3, 4, 5), got=show(other))


def _centre_bug_mistake(got, x) -> str | None:
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


# read-the-maps


def read_the_maps(answer: object, find: Find) -> None:
    """Channel 0 holds a small bright square, channel 1 noise, channel 2 a raised level."""
    numbers = as_numbers(answer)
    pair = numbers is not None and len(numbers) == 2 and all(n in (0, 1, 2, 3) for n in numbers)
    one_based = pair and numbers == [1, 3]
    valid = pair and 3 not in numbers and numbers[0] != numbers[1]
    find("numbers", valid, "counted-from-one" if one_based else None, got=show(answer))
    if valid:
        mistake = "noise-taken-for-signal" if 1 in numbers else "swapped"
        find("value", numbers == [0, 2], mistake, got=show(answer))


# polite-hook


class _Breaks(nn.Module):
    """Raises when it runs, as a layer with the wrong number of channels would."""

    def forward(self, x):
        raise ValueError("this layer always raises")


def _network(last: nn.Module) -> nn.Sequential:
    generator = torch.Generator().manual_seed(8)
    network = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Tanh(), nn.Conv2d(3, 3, 3, padding=1), last)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 3)
    return network.eval()


def _hooks(network: nn.Module) -> int:
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
    return sum(len(getattr(module, kind)) for module in network.modules() for kind in kinds)


def polite_hook(answer: object, find: Find) -> None:
    """Ask for a layer in the middle, whose input, output and surroundings all have the same shape."""
    network = _network(nn.Tanh())
    images = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(9))
    steps = [images]
    for layer in network:
        steps.append(layer(steps[-1]).detach())
    got = answer(network, "2", images.clone())
    value = got.detach() if isinstance(got, torch.Tensor) else got
    find("value", close(value, steps[3]), _wrong_value(value, steps, network), name="2", got=show(value))
    if isinstance(got, torch.Tensor):
        find("detached", not got.requires_grad, "not-detached")
    left = _hooks(network)
    find("unchanged", left > 0 or close(network(images).detach(), steps[4]))
    find("clean", left == 0, "hook-left", hooks=left)
    if left == 0:
        _after_error(answer, find, images)


def _after_error(grab, find: Find, images):
    network = _network(_Breaks())
    try:
        grab(network, "1", images.clone())
        came_through = False
    except ValueError:
        came_through = True
    left = _hooks(network)
    mistake = "not-in-finally" if left else "error-swallowed"
    got = f"{left} hooks left" if left else "no error"
    return find("clean-after-error", came_through and not left, mistake, got=got)


def _wrong_value(got, steps, network) -> str | None:
    wrong = {"final-output": steps[4], "input-taken": steps[2], "called-alone": network[2](steps[0]).detach()}
    return next((slug for slug, value in wrong.items() if close(got, value)), None)

"""How an answer to the task polite-hook is examined; the words stand in polite_hook.toml beside it."""

import torch
from torch import nn

from ..values import close, show


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


def examine(grab, find):
    """Ask for a layer in the middle, whose input, output and surroundings all have the same shape."""
    network = _network(nn.Tanh())
    images = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(9))
    steps = [images]
    for layer in network:
        steps.append(layer(steps[-1]).detach())
    got = grab(network, "2", images.clone())
    value = got.detach() if isinstance(got, torch.Tensor) else got
    yield find(
        "value", close(value, steps[3]), _wrong_value(value, steps, network), name="2", got=show(value)
    )
    if isinstance(got, torch.Tensor):
        yield find("detached", not got.requires_grad, "not-detached")
    left = _hooks(network)
    yield find("unchanged", left > 0 or close(network(images).detach(), steps[4]))
    yield find("clean", left == 0, "hook-left", hooks=left)
    if left == 0:
        yield _after_error(grab, find, images)


def _after_error(grab, find, images):
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

"""What every attention module must do, whatever its gate: shape, no side effects, images apart, gradients."""

import torch
from torch import nn

from ..values import show
from .instances import Probe, build, construct, noise, refresh


def examine_basics(cls: type, arguments: tuple, shape: tuple, find, masks: tuple):
    """Yield the first findings and return a probe, or None where nothing more can be tested.

    ``masks`` are shapes of gates without axes of length 1: they tell a returned gate from other shapes.
    """
    module = construct(cls, *arguments)
    if not isinstance(module, nn.Module):
        yield find(
            "shape", False, "not-a-module", got=f"an object of type {type(module).__name__}", input=shape
        )
        return None
    with torch.no_grad():
        got = module(noise(shape).float())
    right = isinstance(got, torch.Tensor) and got.shape == shape
    yield find("shape", right, _shape_mistake(got, masks), input=shape, got=show(got))
    if not right:
        return None
    probe = build(cls, *arguments, shape=shape)
    x = noise(shape)
    finite = bool(torch.isfinite(probe(x)).all())
    yield find("finite", finite, None if finite else "not-finite")
    if not finite:
        return None
    yield find("unchanged", *_unchanged(probe, x))
    same = torch.equal(probe(x), probe(x))
    yield find("repeatable", same, "random")
    if not same:
        return None
    apart = images_apart(probe, x)
    yield find("images", apart, "batch-mixed")
    return probe if apart else None


def _shape_mistake(got: object, masks: tuple) -> str | None:
    if got is None:
        return "nothing-returned"
    if not isinstance(got, torch.Tensor):
        return "not-a-tensor"
    lengths = tuple(length for length in got.shape if length != 1)
    return "mask-returned" if lengths in masks else None


def _unchanged(probe: Probe, x) -> tuple[bool, str]:
    given = x.to(probe.dtype, copy=True)
    before = given.clone()
    with torch.no_grad():
        probe.run(given)
    return torch.equal(given, before), "in-place"


def images_apart(probe: Probe, x) -> bool:
    """The first image's result stays when the others change, and when it comes alone."""
    other = x.clone()
    other[1:] = x[1:].flip(2) * 3 + 1
    together = probe(x)[:1]
    return _near(probe, together, probe(other)[:1]) and _near(probe, together, _alone(probe, x))


def _alone(probe: Probe, x):
    try:
        return probe(x[:1])
    except (RuntimeError, ValueError, IndexError):  # squeeze() removes the batch axis of a single image
        return None


def _near(probe: Probe, one, other) -> bool:
    if other is None or one.shape != other.shape:
        return False
    return bool(((one - other).abs() <= probe.tolerance * (1 + one.abs())).all())


def examine_gradients(probe: Probe, shape: tuple, find):
    """Every parameter tensor learns; a dead ReLU row is no mistake, so several batches and values are tried."""
    named = dict(probe.module.named_parameters())
    learning, passes = set(), False
    for seed in range(4):
        refresh(probe.module, seed + 10)
        x = noise(shape, seed).to(probe.dtype)
        learning |= _names_with_gradient(probe, x, named)
        passes = passes or _through_gate(probe, x)  # a difference across a kink disagrees
    idle = [name for name in named if name not in learning]
    if not named:
        mistake = "unregistered"
    elif not learning or not idle:
        mistake = "detached-gate"
    else:
        mistake = "unused-parameters"
    got = f"none for {', '.join(idle)}" if idle else "one that ignores that x also passes through the gate"
    yield find("learns", bool(named) and not idle and passes, mistake, got=got)


def _names_with_gradient(probe: Probe, x, named: dict) -> set[str]:
    with torch.enable_grad():
        out = probe.run(x.clone())
        if not out.requires_grad or not named:
            return set()
        values = [value for value in named.values() if value.requires_grad]
        weights = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)
        gradients = torch.autograd.grad((out * weights).sum(), values, allow_unused=True)
    ids = {id(v) for v, g in zip(values, gradients, strict=True) if g is not None and bool((g != 0).any())}
    return {name for name, value in named.items() if id(value) in ids}


def _through_gate(probe: Probe, x) -> bool:
    """The gradient along one direction is that of the output; without the gate's part of it they differ."""
    if probe.dtype is not torch.float64:
        return True  # too coarse for differences
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(3), dtype=x.dtype)
    weights = torch.linspace(-1, 1, x.numel(), dtype=x.dtype).view_as(x)
    step = 1e-6
    difference = ((probe(x + step * direction) - probe(x - step * direction)) * weights).sum() / (2 * step)
    with torch.enable_grad():
        leaf = x.clone().requires_grad_()
        out = probe.run(leaf * 1)  # a module may write into what it is given; a leaf forbids that
        if not out.requires_grad:
            return False
        (gradient,) = torch.autograd.grad((out * weights).sum(), leaf)
    return bool((difference - (gradient * direction).sum()).abs() <= 1e-3 * (1 + difference.abs()))

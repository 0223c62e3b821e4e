"""What every attention module must do, whatever its gate, and the instances on which it is tried.

An experiment constructs an input and reads output / input: nothing depends on names of layers or on their order.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from .report import Find

Module = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Probe:
    """Something that maps a feature map to a feature map, and how precisely it computes."""

    run: Module
    dtype: torch.dtype = torch.float64
    module: nn.Module | None = None

    @property
    def tolerance(self) -> float:
        """Differences of logits below this are rounding."""
        return 1e-6 if self.dtype is torch.float64 else 1e-4

    def __call__(self, x: Tensor) -> Tensor:
        """Run on a copy, so that a module that writes into its input spoils no other experiment."""
        with torch.no_grad():
            return self.run(x.to(self.dtype, copy=True))

    def factor(self, x: Tensor) -> Tensor:
        """What each number of x was multiplied by; x must hold no 0."""
        return self(x).double() / x.to(self.dtype).double()

    def through(self, run: Module) -> "Probe":
        """The same precision for something made from this module."""
        return replace(self, run=run)


def build(cls: type, *arguments: int, shape: tuple[int, ...], seed: int = 0) -> Probe:
    """Construct the learner's class positionally and give its parameters fresh values."""
    module = construct(cls, *arguments, seed=seed)
    x = noise(shape, seed)
    with torch.no_grad():
        module(x.float())  # lazy layers take their shape from the first input
    refresh(module, seed)
    _settle(module, x)
    return _most_precise(module, x)


def construct(cls: type, *arguments: int, seed: int = 0) -> nn.Module:
    """Return a copy in eval(): layers that the learner keeps outside the class stay as they are."""
    torch.manual_seed(seed)
    module = cls(*arguments)
    if not isinstance(module, nn.Module):
        return module
    try:
        return copy.deepcopy(module).eval()
    except (RuntimeError, TypeError, AttributeError):  # a tensor with a history cannot be copied
        return module.eval()


@torch.no_grad()
def _settle(module: nn.Module, x: Tensor, steps: int = 10) -> None:
    """Make the parameters smaller until no gate is so far open or closed that its logit cannot be read.

    Matrices get a fair size from ``refresh``; weights kept as one flat vector do not show their fan-in.
    """
    strong = (2.5 * x).float()
    for _ in range(steps):
        factor = module(strong.clone()).double() / strong.double()
        bounded = bool(((factor >= 0) & (factor <= 1)).all())
        if not bounded or float(logit(factor).abs().max()) < _READABLE:
            return
        for parameter in module.parameters():
            parameter.mul_(0.7)


_READABLE = 12.0  # a logit; beyond about 16 a gate in float32 is 1


def _most_precise(module: nn.Module, x: Tensor) -> Probe:
    """Double precision where the module computes in it; one that insists on float32 somewhere is taken at that."""
    try:
        probe = Probe(double := copy.deepcopy(module).double(), torch.float64, double)
        with torch.no_grad():
            if double(x.double()).dtype is torch.float64 and not _coarse(probe, x):
                return probe
    except (RuntimeError, TypeError, AttributeError):
        pass
    return Probe(module, torch.float32, module)


def _coarse(probe: Probe, x: Tensor) -> bool:
    """Whether the factor moves in steps of float32: along a line as short as this it is straight otherwise."""
    below, here, above = (probe.factor(x + step) for step in (-1e-5, 0, 1e-5))
    return bool(((below + above - 2 * here).abs() > 1e-9).double().mean() > 0.05)


@torch.no_grad()
def refresh(module: nn.Module, seed: int) -> None:
    """Give every parameter and BatchNorm statistic a signed value away from 0, which a fresh layer may lack."""
    generator = torch.Generator().manual_seed(1000 + seed)
    for parameter in module.parameters():
        fan_in = max(1, parameter.numel() // max(1, parameter.shape[0])) if parameter.ndim else 1
        scale = 0.8 / fan_in**0.5 if parameter.ndim > 1 else 0.4
        parameter.copy_(signed(parameter.shape, generator) * scale)
    for name, statistic in module.named_buffers():
        owner = module.get_submodule(name.rpartition(".")[0])
        # Without weights of its own a BatchNorm cannot be silenced; with the mean 0 it turns nothing into nothing.
        if name.endswith("running_mean") and getattr(owner, "affine", True):
            statistic.copy_(signed(statistic.shape, generator) * 0.2)
        elif name.endswith("running_var"):
            statistic.copy_(signed(statistic.shape, generator).abs())


def signed(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Magnitudes from 0.5 to 1.5 with random signs: never close to 0."""
    size = torch.rand(shape, generator=generator, dtype=torch.float64) + 0.5
    sign = torch.randint(0, 2, shape, generator=generator) * 2 - 1
    return size * sign


def noise(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    """A feature map without zeros whose channels and images have levels of their own."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=generator, dtype=torch.float64)
    x = x + torch.randn(shape[:2], generator=generator, dtype=torch.float64)[..., None, None]
    return torch.where(x.abs() < 0.05, 0.05, x)


def logit(gate: Tensor) -> Tensor:
    """The number before the sigmoid."""
    return torch.logit(gate.clamp(1e-12, 1 - 1e-12))


def first_failure(cls: type, arguments: tuple, shape: tuple, find: Find):
    """Record a finding where an ordinary input fails for a known reason; any other error is raised."""
    try:
        _run(cls, arguments, noise(shape))
    except (RuntimeError, ValueError, IndexError) as error:
        mistake = _reason(cls, arguments, shape)
        if mistake is None or isinstance(error, (NotImplementedError, RecursionError)):
            raise
        find("shape", False, mistake, input=shape, got=f"{type(error).__name__}: {error}"[:160])
        return True
    return False


def _run(cls: type, arguments: tuple, x: Tensor) -> Tensor | None:
    module = construct(cls, *arguments)
    if not isinstance(module, nn.Module):
        return None
    with torch.no_grad():
        return module(x.float())


def _works(cls: type, arguments: tuple, x: Tensor) -> bool:
    try:
        got = _run(cls, arguments, x)
        return isinstance(got, Tensor) and got.shape == x.shape
    except (RuntimeError, ValueError, IndexError, TypeError, ZeroDivisionError):
        return False


def _reason(cls: type, arguments: tuple, shape: tuple) -> str | None:
    if len(arguments) == 1:
        return _spatial_reason(cls, shape)
    channels = shape[1]
    if len(arguments) == 3 and _works(cls, (*arguments[:2], 1), noise(shape)):
        return "padding-missing"
    cube = noise((channels, channels, channels, channels))
    if _works(cls, arguments, cube):
        with torch.no_grad():
            factor = _run(cls, arguments, cube).double() / cube
        return "wrong-axis" if _spread(factor, 1) < 1e-4 else None
    sizes = (1, 4, 7, 8, 14, 16, 28, 32, 56, 64)
    works = [_works(cls, arguments, noise((2, channels, size, size))) for size in sizes]
    if any(works):
        return None if all(works) else "fixed-size"  # one that asks for square maps has no fixed size
    return "hidden-width-zero" if _works(cls, (512, arguments[1]), noise((2, 512, 5, 6))) else None


def _spread(values: Tensor, axis: int) -> float:
    return float((values.amax(axis) - values.amin(axis)).max())


def _spatial_reason(cls: type, shape: tuple) -> str | None:
    if _works(cls, (1,), noise(shape)):
        return "padding-missing"
    return "pooled-over-space" if _works(cls, (7,), noise((2, 1, 5, 6))) else None


def examine_basics(cls: type, arguments: tuple, shape: tuple, find: Find, masks: tuple):
    """Record the first findings and return a probe, or None where nothing more can be tested.

    ``masks`` are shapes of gates without axes of length 1: they tell a returned gate from other shapes.
    """
    module = construct(cls, *arguments)
    if not isinstance(module, nn.Module):
        find("shape", False, "not-a-module", got=f"an object of type {type(module).__name__}", input=shape)
        return None
    with torch.no_grad():
        got = module(noise(shape).float())
    right = _is_map(got) and got.shape == shape
    find("shape", right, _shape_mistake(got, masks), input=shape, got=got)
    if not right:
        return None
    probe = build(cls, *arguments, shape=shape)
    x = noise(shape)
    finite = bool(torch.isfinite(probe(x)).all())
    find("finite", finite, None if finite else "not-a-number")
    if not finite:
        return None
    find("unchanged", *_unchanged(probe, x))
    same = torch.equal(probe(x), probe(x))
    find("repeatable", same, "random")
    if not same:
        return None
    apart = images_apart(probe, x)
    if not find("images", apart, lambda: _mixed(probe, x)):
        _tell_images(cls, arguments, find)
        return None
    return probe


def _tell_images(cls: type, arguments: tuple, find: Find) -> None:
    """Show one small image by itself and in company, in the smallest module that the answer can be."""
    small = {1: (1,), 2: (2, 1), 3: (2, 1, 1)}.get(len(arguments), arguments)
    one = torch.tensor([[[[1.0, 2.0]], [[3.0, 1.0]]]], dtype=torch.float64)
    pair = torch.cat([one, 5 * one.flip(1)])
    try:
        probe = build(cls, *small, shape=tuple(pair.shape))
        alone, together = probe.factor(one), probe.factor(pair)[:1]
    except Exception:  # it works for other sizes only, so there is no such example
        return
    find.show("one_image_twice", image=one, its_factor_alone=alone, its_factor_beside_another=together)


def show_two_images(find: Find, sentence: str, make: Callable[[], Probe], one: list, other: list) -> None:
    """Show two small images and what a module multiplies them by, in an instance as small.

    Args:
        find: as the examiner gets it.
        sentence: what they have in common, a sentence of texts.toml.
        make: makes the instance.
        one: an image of two channels as nested lists, (2, H, W), without zeros.
        other: the other image.
    """
    images = [torch.tensor([image], dtype=torch.float64) for image in (one, other)]
    try:
        probe = make()
        factors = [probe.factor(image) for image in images]
    except Exception:  # it works for other sizes only, so there is no such example
        return
    find.show(sentence, image_A=images[0], factor_A=factors[0], image_B=images[1], factor_B=factors[1])


def _is_map(got: object) -> bool:
    """Whether this is a tensor of floating-point numbers that can be read."""
    readable = isinstance(got, Tensor) and got.layout is torch.strided and not got.is_meta
    return readable and got.is_floating_point()


def _shape_mistake(got: object, masks: tuple) -> str | None:
    if not isinstance(got, torch.Tensor):
        return "not-a-tensor"
    lengths = tuple(length for length in got.shape if length != 1)
    return "mask-returned" if lengths in masks else None


def _unchanged(probe: Probe, x) -> tuple[bool, str]:
    given = x.to(probe.dtype, copy=True)
    before = given.clone()
    with torch.no_grad():
        probe.run(given)
    return torch.equal(given, before), "in-place-change"


def images_apart(probe: Probe, x) -> bool:
    """The result of the first image, and of the last, stays when the others change, and when it comes alone."""
    together = probe(x)
    for one in (slice(0, 1), slice(len(x) - 1, len(x))):
        other = x.flip(2) * 3 + 1
        other[one] = x[one]
        if not _near(probe, together[one], probe(other)[one]):
            return False
        if not _near(probe, together[one], _alone(probe, x[one])):
            return False
    return True


def _mixed(probe: Probe, x) -> str:
    """One image may lend its gates to all of them; otherwise the images are mixed, or one alone fails."""
    factor = probe.factor(x)
    alone = [_alone(probe, x[i : i + 1]) for i in (0, len(x) - 1)]
    for i, result in zip((0, -1), alone, strict=True):
        own = result is not None and _near(probe, probe(x)[i][None], result)
        if own and bool((factor - factor[i]).abs().max() < 1e-5):
            return "gates-of-one-image"
    apart = _near(probe, probe(x)[:2], probe(x[:2]))
    lost = [result is None or result.shape != x[:1].shape for result in alone]
    return "squeezed-batch" if apart and all(lost) else "batch-mixed"


def _alone(probe: Probe, image):
    try:
        return probe(image)
    except (RuntimeError, ValueError, IndexError):  # squeeze() removes the batch axis of a single image
        return None


def _near(probe: Probe, one, other) -> bool:
    if other is None or one.shape != other.shape:
        return False
    return bool(((one - other).abs() <= probe.tolerance * (1 + one.abs())).all())


def examine_gate_module(
    cls: type,
    arguments: tuple,
    shape: tuple,
    masks: tuple,
    find: Find,
    *,
    factor: Callable[[Probe, tuple, Find], bool],
    in_range: Callable[[Probe, Find], bool],
    gate: Callable[[Probe], None],
) -> None:
    """Examine a module with one gate, in the order in which one mistake hides another.

    Args:
        cls, arguments: the class, and what its instance is made with.
        shape: of the input.
        masks: as in :func:`examine_basics`.
        find: records the findings.
        factor: whether the output is the input times a factor of the right shape.
        in_range: whether the factors lie in (0, 1), so that their logits can be read.
        gate: finds out how the factors come about.
    """
    if first_failure(cls, arguments, shape, find):
        return
    probe = examine_basics(cls, arguments, shape, find, masks)
    if probe is None or not factor(probe, shape, find):
        return
    if in_range(probe, find):
        gate(probe)
    examine_gradients(probe, shape, find)


def examine_gradients(probe: Probe, shape: tuple, find: Find):
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
    got = got if named else "no parameters in the module"
    find("learns", bool(named) and not idle and passes, mistake, got=got)


def _names_with_gradient(probe: Probe, x, named: dict) -> set[str]:
    with torch.enable_grad():
        out = probe.run(x.clone())
        if not out.requires_grad or not named:
            return set()
        values = [value for value in named.values() if value.requires_grad]
        weights = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)
        gradients = _gradients((out * weights).sum(), values)
    ids = {id(v) for v, g in zip(values, gradients, strict=True) if g is not None and bool((g != 0).any())}
    return {name for name, value in named.items() if id(value) in ids}


def _gradients(value: Tensor, of: list[Tensor]) -> list[Tensor | None]:
    """The graph is the learner's: where an operation in place has spoilt it, there are no gradients."""
    try:
        return list(torch.autograd.grad(value, of, allow_unused=True))
    except RuntimeError:
        return [None] * len(of)


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
        (gradient,) = _gradients((out * weights).sum(), [leaf])
    if gradient is None:
        return False
    return bool((difference - (gradient * direction).sum()).abs() <= 1e-3 * (1 + difference.abs()))


_EDGE = 1e-6


@dataclass(frozen=True)
class Line:
    """Factors at three places of a line so short that whatever is smooth is straight along it, each (K,).

    The places are moderate: no gate is far open or closed. ``branches`` are factors for two averages and two maxima,
    (2, 2, K), where both pools belong to the gate.
    """

    places: tuple[Tensor, Tensor, Tensor]
    branches: Tensor | None = None
    precise: bool = True

    def straight(self, undo: Callable[[Tensor], Tensor]) -> bool:
        """Whether the factor, with its last function undone, moves along straight lines and does move."""
        below, here, above = (undo(place) for place in self.places)
        bend, move = (below + above - 2 * here).abs(), (above - below).abs()
        moves = move > 1e-6
        known = torch.isfinite(bend) & moves
        relative, rounding = (1e-6, 1e-10) if self.precise else (5e-3, 2e-5)
        straight = (bend < relative * move + rounding)[known]
        return bool(known.any()) and bool(straight.double().mean() > 0.8)

    def two_gates_added(self) -> bool:
        """Both pools move the factor, and what the average adds to it does not depend on the maximum."""
        if self.branches is None:
            return False
        average, maximum = self.branches[1] - self.branches[0], self.branches[:, 1] - self.branches[:, 0]
        both = min(float(average.abs().max()), float(maximum.abs().max())) > 1e-3
        return both and bool((average[1] - average[0]).abs().max() < (1e-6 if self.precise else 1e-4))


def examine_range(
    moderate: Tensor, strong: Tensor, find: Find, axes: tuple[int, ...], line: Callable[[], Line]
):
    """Judge factors that the answer gave for moderate and for strong inputs; return whether logits can be read.

    ``line`` is called only where the name of a mistake is looked for.
    """
    low, high = float(strong.min()), float(strong.max())
    inside = low >= -_EDGE and high <= 1 + _EDGE
    moves = float(moderate.max() - moderate.min()) >= _EDGE  # strong inputs may close every gate, or open it
    mistake = _softmax(moderate, axes)
    if mistake is None and not inside:
        mistake = _outside(line(), low, high)
    narrow = inside and min(low, float(moderate.min())) >= 0.5 - _EDGE
    constant = inside and high - low < _EDGE and not moves
    if mistake is None and narrow:
        mistake = _too_narrow(moderate, strong)
    if constant:
        mistake = "constant-gate"
    holds = inside and not narrow and not constant and mistake is None
    find("range", holds, mistake, low=low, high=high)
    return holds


def _softmax(gates: Tensor, axes: tuple[int, ...]) -> str | None:
    """A softmax adds up to 1, over channels, or over positions."""
    total = gates.sum(axes)
    return "softmax" if gates.shape[axes[0]] > 1 and bool(((total - 1).abs() < 1e-4).all()) else None


def _outside(line: Line, low: float, high: float) -> str | None:
    """Undo what may stand at the end: where that leaves straight lines, it did stand there."""
    if line.two_gates_added() and low >= -_EDGE and high <= 2 + _EDGE:
        return "gate-up-to-two"
    if line.straight(lambda factor: torch.logit(factor - 1)) and low >= 1 - _EDGE and high <= 2 + _EDGE:
        return "extra-residual"
    if line.straight(torch.atanh) and low >= -1 - _EDGE and high <= 1 + _EDGE:
        return "tanh-gate"
    return "no-sigmoid" if line.straight(lambda factor: factor) else None


def _too_narrow(moderate: Tensor, strong: Tensor) -> str | None:
    """Strong inputs of both signs close a gate here and open it there."""
    low, high = float(strong.min()), float(strong.max())
    ends = [float(torch.sigmoid(torch.tensor(top, dtype=torch.float64))) for top in (1.0, 2.0)]
    if low < 0.51 and any(abs(high - end) < 5e-3 for end in ends):
        return "sigmoid-twice"
    shut = ((moderate - 0.5).abs() < 1e-9).double().mean()
    return "activation-last" if shut > 0.02 and high > 0.95 else None

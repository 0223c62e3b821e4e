"""Read off what an attention module computes, step by step, from its parameters and from what it returns.

A learner's class may name its layers as it likes, write them as 1×1 convolutions, and order the pools either way. So
every reading that the shapes of the parameters allow is tried, and the one that returns what the module returns is
taken, or none.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import permutations, product
from math import isqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# How far apart two float32 computations of one gate may lie; readings that differ in kind lie much farther apart.
TOLERANCE = 1e-5
_PADDINGS = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate"}


@dataclass(frozen=True, eq=False)
class ChannelGate:
    """``sigmoid(sum over pools of second @ relu(first @ pool + first_bias), + second_bias)``, all float64.

    Args:
        pools: ``("mean", "max")`` (CBAM), ``("mean",)`` (SE) or ``("max",)``, over the positions.
        first, first_bias: (h, C) and (h,).
        second, second_bias: (C, h) and (C,); the bias as it stands in the sum, once.
    """

    pools: tuple[str, ...]
    first: Tensor
    first_bias: Tensor
    second: Tensor
    second_bias: Tensor

    kind = "channel"

    def steps(self, x: Tensor) -> dict[str, Tensor]:
        """Return pools (N, C), hidden units (N, h), logit and gate (N, C) by name, from x (N, C, H, W)."""
        pooled = {"mean": x.mean(dim=(2, 3)), "max": x.amax(dim=(2, 3))}
        steps = {name: pooled[name] for name in self.pools}
        hidden = {name: torch.relu(pooled[name] @ self.first.T + self.first_bias) for name in self.pools}
        steps |= {f"hidden.{name}": units for name, units in hidden.items()}
        logit = sum(hidden.values()) @ self.second.T + self.second_bias
        return steps | {"logit": logit, "gate": logit.sigmoid()}

    def gate(self, x: Tensor) -> Tensor:
        """Return the factor of each channel, shape (N, C, 1, 1)."""
        return self.steps(x)["gate"][:, :, None, None]


@dataclass(frozen=True, eq=False)
class SpatialGate:
    """``sigmoid(scale * conv([mean; max]) + shift)``, the pools over the channels, all float64.

    Args:
        kernel: (2, k, k), first the plane of the mean, then that of the maximum.
        scale, shift: of a BatchNorm in ``eval`` mode and of a bias; 1 and 0 without them.
        padding: ``"zeros"``, ``"reflect"`` or ``"replicate"``.
    """

    kernel: Tensor
    scale: float
    shift: float
    padding: str

    kind = "spatial"

    def steps(self, x: Tensor) -> dict[str, Tensor]:
        """Return both pools, logit and gate by name, each (N, H, W), from x (N, C, H, W)."""
        planes = torch.stack([x.mean(dim=1), x.amax(dim=1)], dim=1)
        half = self.kernel.shape[-1] // 2
        padded = F.pad(planes, (half,) * 4, mode=_PADDINGS[self.padding])
        logit = self.scale * F.conv2d(padded, self.kernel[None])[:, 0] + self.shift
        return {"mean": planes[:, 0], "max": planes[:, 1], "logit": logit, "gate": logit.sigmoid()}

    def gate(self, x: Tensor) -> Tensor:
        """Return the factor of each position, shape (N, 1, H, W)."""
        return self.steps(x)["gate"][:, None]


@dataclass(frozen=True)
class Mirror:
    """The gates of a module in the order in which they work; without any the module changes nothing.

    Args:
        gates: at most one :class:`ChannelGate` and one :class:`SpatialGate`.
        parallel: both are computed from the module's input, and not the second from what the first lets through.
    """

    gates: tuple[ChannelGate | SpatialGate, ...] = ()
    parallel: bool = False

    def forward(self, x: Tensor) -> Tensor:
        """Return what the module returns, in float64."""
        y = x = x.double()
        for gate in self.gates:
            y = y * gate.gate(x if self.parallel else y)
        return y


@contextmanager
def as_it_stands(model: nn.Module) -> Iterator[nn.Module]:
    """Run ``model`` without gradients and in ``eval`` mode; afterwards each module is in the mode it was in."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            yield model
    finally:
        for module, training in modes.items():
            module.training = training


def find_mirror(module: nn.Module, maps: Sequence[Tensor]) -> Mirror | None:
    """Return the steps of ``module``, or ``None`` where it is built in another way.

    Args:
        module: attention that maps (N, C, H, W) to the same shape.
        maps: feature maps (N, C, H, W) of one C that it will be used on, in its dtype and on its device. The
            reading has to agree with the module on these and on random maps of the same sizes.
    """
    if isinstance(module, nn.Identity):
        return Mirror()
    generator = torch.Generator().manual_seed(0)
    tried = []
    for x in maps:
        noise = torch.randn(2, *x.shape[1:], generator=generator) + 0.5
        tried += [x.detach(), noise.to(x)]
    with as_it_stands(module):
        try:
            wanted = [module(x.clone()).double().cpu() for x in tried]
        except Exception:  # the module is a learner's: where it cannot run, there is nothing to mirror
            return None
    tried = [x.double().cpu() for x in tried]
    if any(y.shape != x.shape for x, y in zip(tried, wanted, strict=True)):
        return None
    best, error = None, TOLERANCE
    for candidate in _candidates(module, tried[0].shape[1], min(min(x.shape[2:]) for x in tried)):
        difference = max(_difference(candidate.forward(x), y) for x, y in zip(tried, wanted, strict=True))
        if difference < error:
            best, error = candidate, difference
    return best


def _difference(a: Tensor, b: Tensor) -> float:
    largest = ((a - b).abs() / (1 + b.abs())).max().item()
    return largest if largest == largest else float("inf")


def _candidates(module: nn.Module, channels: int, side: int) -> Iterator[Mirror]:
    parameters = _Parameters(module, channels)
    channel, spatial = list(parameters.channel_gates()), list(parameters.spatial_gates(side))
    yield Mirror()
    yield from (Mirror((gate,)) for gate in channel + spatial)
    for a, b in product(channel, spatial):
        yield from (Mirror((a, b)), Mirror((b, a)), Mirror((a, b), parallel=True))


class _Parameters:
    """A module's parameters sorted by shape: matrices of an MLP, a kernel over two planes, vectors, a BatchNorm."""

    def __init__(self, module: nn.Module, channels: int):
        self.channels = channels
        self.norms = [m for m in module.modules() if isinstance(m, nn.BatchNorm2d) and m.num_features == 1]
        of_norms = {id(p) for norm in self.norms for p in norm.parameters()}
        self.matrices, self.kernels, self.vectors, planes = [], [], [], []
        for parameter in module.parameters():
            value = parameter.detach().double().cpu()
            flat = (
                value.reshape(value.shape[:2]) if value.ndim > 2 and value.shape[2:].numel() == 1 else value
            )
            if id(parameter) in of_norms:
                continue
            if flat.ndim == 2 and channels in flat.shape:
                self.matrices.append(flat)
            elif value.ndim <= 1:
                self.vectors.append(value.reshape(-1))
            elif _odd_side(value.numel() / 2):
                self.kernels.append(value.reshape(2, *[_odd_side(value.numel() / 2)] * 2))
            elif _odd_side(value.numel()):
                planes.append(value.reshape(1, *[_odd_side(value.numel())] * 2))
        if len(planes) == 2 and planes[0].shape == planes[1].shape:
            self.kernels.append(torch.cat(planes))

    def channel_gates(self) -> Iterator[ChannelGate]:
        """Yield every reading of two matrices as an MLP; a square one fits either way round."""
        if len(self.matrices) != 2:
            return
        # A single number is the bias of a convolution, or of the first layer where that has a single unit.
        longer = [v for v in self.vectors if len(v) > 1]
        chosen = [longer, *([*longer, v] for v in self.vectors if len(v) == 1)]
        for (a, b), vectors in product(permutations(self.matrices), chosen):
            for first, second in product((a, a.T), (b, b.T)):
                hidden = len(first)
                if first.shape != (hidden, self.channels) or second.shape != (self.channels, hidden):
                    continue
                for one, two in _biases(vectors, hidden, self.channels):
                    for pools in (("mean", "max"), ("mean",), ("max",)):
                        for times in {1, len(pools)}:
                            yield ChannelGate(pools, first, one, second, times * two)

    def spatial_gates(self, side: int) -> Iterator[SpatialGate]:
        """Yield every reading of a kernel: both orders of its planes, and each way to pad."""
        if len(self.kernels) != 1 or len(self.norms) > 1:
            return
        scale, shift = _folded(self.norms[0]) if self.norms else (1.0, 0.0)
        kernels = self.kernels[0], self.kernels[0].flip(0)
        biases = [0.0, *(v.item() for v in self.vectors if len(v) == 1)]
        for kernel, bias, padding in product(kernels, biases, _PADDINGS):
            if padding != "reflect" or kernel.shape[-1] // 2 < side:
                yield SpatialGate(kernel, scale, scale * bias + shift, padding)


def _odd_side(pixels: float) -> int:
    """Return the side of a square kernel with so many pixels if it is a whole odd number, else 0."""
    side = isqrt(int(pixels))
    return side if side * side == pixels and side % 2 else 0


def _biases(vectors: list[Tensor], hidden: int, channels: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield every way to read all the vectors as the biases of the two layers."""
    zeros = torch.zeros(hidden, dtype=torch.float64), torch.zeros(channels, dtype=torch.float64)
    if len(vectors) > 2:
        return
    for order in permutations([*vectors, *[None] * (2 - len(vectors))]):
        one, two = (zero if bias is None else bias for bias, zero in zip(order, zeros, strict=True))
        if one.shape == zeros[0].shape and two.shape == zeros[1].shape:
            yield one, two


def _folded(norm: nn.BatchNorm2d) -> tuple[float, float]:
    """Return the factor and the summand that a BatchNorm of one channel is in ``eval`` mode."""
    weight, bias = (1.0, 0.0) if norm.weight is None else (norm.weight.item(), norm.bias.item())
    scale = weight / (norm.running_var.item() + norm.eps) ** 0.5
    return scale, bias - scale * norm.running_mean.item()

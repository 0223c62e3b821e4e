"""An instance of the learner's class with fresh values in every parameter, ready to be probed."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

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
        return 1e-6 if self.dtype is torch.float64 else 2e-3

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


def _most_precise(module: nn.Module, x: Tensor) -> Probe:
    """Double precision where the module allows it; a tensor made in forward may insist on float32."""
    try:
        double = copy.deepcopy(module).double()
        with torch.no_grad():
            if double(x.double()).dtype is torch.float64:
                return Probe(double, torch.float64, double)
    except (RuntimeError, TypeError, AttributeError):
        pass
    return Probe(module, torch.float32, module)


@torch.no_grad()
def refresh(module: nn.Module, seed: int) -> None:
    """Give every parameter and BatchNorm statistic a signed value away from 0, which a fresh layer may lack."""
    generator = torch.Generator().manual_seed(1000 + seed)
    for parameter in module.parameters():
        fan_in = max(1, parameter.numel() // max(1, parameter.shape[0])) if parameter.ndim else 1
        scale = 0.8 / fan_in**0.5 if parameter.ndim > 1 else 0.4
        parameter.copy_(signed(parameter.shape, generator) * scale)
    for name, statistic in module.named_buffers():
        if name.endswith("running_mean"):
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

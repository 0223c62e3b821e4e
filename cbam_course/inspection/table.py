"""The parameters and multiply-adds of the CBAM paper's tables, counted again: ``python -m cbam_course table``."""

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

import torch
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from torch import nn

from ..attention import CBAM, SqueezeExcitation
from ..networks.places import Places
from ..networks.probe import probe
from ..networks.resnet import IMAGENET, imagenet_resnet
from .cost import Cost, count_cost

ATTENTION: dict[str, Callable[[int], nn.Module]] = {
    "plain": lambda channels: nn.Identity(),
    "SE, with biases": partial(SqueezeExcitation, convention="paper"),
    "CBAM, paper": partial(CBAM, convention="paper"),
    "CBAM, lesson": CBAM,
    "SE, without biases": SqueezeExcitation,
}
_IMAGE = (1, 3, 224, 224)
_CAPTION = (
    "Above: parameters. Below: multiply-adds of convolutions and matrix products, in billions, for one image of "
    "224 × 224 pixels. Attention stands at the end of every residual branch, before the addition.\n"
    "The stride stands {stride} The parameters are the same, the multiply-adds are not: ResNet-50 needs 3.858 "
    "billion with the stride in the first 1×1 convolution of a block, 4.089 with it in the 3×3 after that.\n"
    "Multiply-adds are not time: pooling and the multiplication by the gate count nothing here."
)
_STRIDE = {
    "1x1": "as in the papers in the first 1×1 convolution of a Bottleneck (--stride 3x3 for torchvision's).",
    "3x3": "as in torchvision in the 3×3 convolution of a Bottleneck (--stride 1x1 for the papers').",
}


class Row(NamedTuple):
    """What one network costs with one kind of attention."""

    network: str
    attention: str
    parameters: int
    macs: int


def cost_rows(networks: Iterable[str] = tuple(IMAGENET), *, stride: str = "1x1") -> Iterator[Row]:
    """Count network after network with every kind of attention at the end of its residual branches.

    Attention changes no shape, so its cost is added to that of the plain network, place by place.

    Args:
        networks: names for :func:`cbam_course.networks.resnet.imagenet_resnet`.
        stride: the convolution of a Bottleneck that has the stride, ``"1x1"`` (the papers) or ``"3x3"``.
    """
    for name in networks:
        with torch.device("meta"):
            model = imagenet_resnet(name, stride=stride)
        plain, sizes = count_cost(model, _IMAGE), Counter(_branch_sizes(model))
        for attention, factory in ATTENTION.items():
            added = [(times, count_cost(factory(size[1]), size)) for size, times in sizes.items()]
            yield Row(name, attention, *_total(plain, added))


def _branch_sizes(model: nn.Module) -> list[tuple[int, ...]]:
    """Return the size (1, C, H, W) of the feature map at the end of every residual branch."""
    watch = probe(model)
    return [(1, *watch.shapes[name][0][1:]) for name in Places(model, watch).find("residual")]


def _total(plain: Cost, added: list[tuple[int, Cost]]) -> Cost:
    parameters = sum(times * cost.parameters for times, cost in added)
    return Cost(plain.parameters + parameters, plain.macs + sum(times * cost.macs for times, cost in added))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``python -m cbam_course table`` to a parser."""
    parser.add_argument(
        "networks", nargs="*", type=_network, metavar="NETWORK", help=f"any of {', '.join(IMAGENET)}"
    )
    parser.add_argument("--stride", choices=list(_STRIDE), default="1x1", help="where a Bottleneck strides")


def _network(name: str) -> str:
    if name not in IMAGENET:
        raise argparse.ArgumentTypeError(f"no such network: {name}; choose from {', '.join(IMAGENET)}")
    return name


def run(options: argparse.Namespace) -> int:
    """Print the table and return the exit status."""
    rows = cost_rows(options.networks or IMAGENET, stride=options.stride)
    console = Console()
    console.print(_as_table(rows))
    console.print(_CAPTION.format(stride=_STRIDE[options.stride]), highlight=False)
    return 0


def _as_table(rows: Iterable[Row]) -> Table:
    table = Table(title="Parameters and multiply-adds with attention", box=SIMPLE_HEAD, padding=(0, 0, 0, 1))
    table.add_column("network", min_width=16)
    for attention in ATTENTION:
        table.add_column(attention, justify="right", width=10)
    cells: dict[str, list[str]] = {}
    for row in rows:
        cells.setdefault(row.network, []).append(f"{row.parameters:,}\n{row.macs / 1e9:.3f}")
    for network, values in cells.items():
        table.add_row(network, *values)
    return table

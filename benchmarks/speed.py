"""How much longer a network takes with attention: ratios of medians, from one interleaved run.

    python benchmarks/speed.py                     # ResNet-50 at 112 px on one CPU thread, about a minute
    python benchmarks/speed.py --network resnet18 --size 64 --rounds 5

Run by hand; never part of the tests. Every round times each network once, in turn, so that a busy moment
of the machine hits all of them alike.
"""

import argparse
import csv
import platform
import statistics
import sys
import time
from datetime import date

import torch
import torchvision

from cbam_course import CBAM, SqueezeExcitation, insert_attention

VARIANTS = {"plain": None, "SE": SqueezeExcitation, "CBAM": CBAM}


def build(name: str, attention) -> torch.nn.Module:
    """Return the network in eval mode, with attention on each residual branch if asked for."""
    model = torchvision.models.get_model(name, weights=None)
    if attention is not None:
        insert_attention(model, attention)
    return model.eval()


def measure(models: dict, x: torch.Tensor, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each network in each round; the first round only warms up."""
    seconds = {name: [] for name in models}
    with torch.inference_mode():
        for number in range(rounds + 1):
            for name, model in models.items():
                start = time.perf_counter()
                model(x)
                if number:
                    seconds[name].append(time.perf_counter() - start)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="resnet50", help="a classification network of torchvision")
    parser.add_argument("--size", type=int, default=112, help="height and width of the input in pixels")
    parser.add_argument("--batch", type=int, default=4, help="images at a time")
    parser.add_argument("--rounds", type=int, default=15, help="how often each network is timed")
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    models = {name: build(options.network, attention) for name, attention in VARIANTS.items()}
    x = torch.randn(options.batch, 3, options.size, options.size)
    medians = {n: statistics.median(s) for n, s in measure(models, x, options.rounds).items()}
    writer = csv.writer(sys.stdout)
    writer.writerow(
        ["network", "variant", "seconds", "ratio to plain", "threads", "torch", "processor", "date"]
    )
    for name, median in medians.items():
        ratio = f"{median / medians['plain']:.2f}"
        where = (options.threads, torch.__version__, platform.processor() or platform.machine(), date.today())
        writer.writerow([options.network, name, f"{median:.4f}", ratio, *where])


if __name__ == "__main__":
    main()

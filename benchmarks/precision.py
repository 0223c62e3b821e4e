"""What lower precision and channels_last save in training: ratios of medians, from one interleaved run.

    python benchmarks/precision.py                          # a CIFAR ResNet-20 with CBAM on this CPU
    python benchmarks/precision.py --batch 256 --rounds 9   # a GPU is used where there is one

Run by hand; never part of the tests. Every round times each way once, in turn, so that a busy moment of the
machine hits all of them alike. One step is forward, backward and the optimiser.
"""

import argparse
import csv
import platform
import statistics
import sys
import time
from datetime import date

import torch
from torch.nn import functional as F

from cbam_course import CBAM, insert_attention
from cbam_course.doctor import device
from cbam_course.networks.resnet import CifarResNet

# name -> memory format and number format; the first is what the others are compared with
WAYS = {
    "float32": (torch.contiguous_format, torch.float32),
    "float32, channels_last": (torch.channels_last, torch.float32),
    "bfloat16, channels_last": (torch.channels_last, torch.bfloat16),
}


def training_step(way: str, batch: int):
    """Return a function that makes one step of training and returns the loss."""
    memory_format, number_format = WAYS[way]
    torch.manual_seed(0)
    model = insert_attention(CifarResNet(), lambda channels: CBAM(channels, 4)).to(
        device(), memory_format=memory_format
    )
    optimiser = torch.optim.AdamW(model.parameters())
    images = torch.randn(batch, 3, 32, 32).to(device(), memory_format=memory_format)
    labels = torch.arange(batch, device=device()) % 10
    low = number_format is not torch.float32

    def step() -> float:
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast(device().type, dtype=torch.bfloat16, enabled=low):
            loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimiser.step()
        return loss.item()  # waits for a GPU

    return step


def measure(steps: dict, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each way in each round; the first round only warms up."""
    seconds = {name: [] for name in steps}
    for number in range(rounds + 1):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            if number:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=64, help="images at a time")
    parser.add_argument("--rounds", type=int, default=15, help="how often each way is timed")
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch on a CPU")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    seconds = measure({way: training_step(way, options.batch) for way in WAYS}, options.rounds)
    medians = {way: statistics.median(values) for way, values in seconds.items()}
    writer = csv.writer(sys.stdout)
    writer.writerow(["way", "ms", "ratio", "batch", "rounds", "threads", "device", "torch", "date"])
    name = torch.cuda.get_device_name() if device().type == "cuda" else platform.machine()
    for way, median in medians.items():
        ratio = round(median / medians["float32"], 2)
        row = [way, round(1000 * median, 1), ratio, options.batch, options.rounds, options.threads]
        writer.writerow([*row, name, torch.__version__, date.today()])


if __name__ == "__main__":
    main()

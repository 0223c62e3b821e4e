"""What a second thread gives and takes in training, alone and beside other programs. Run by hand.

    python benchmarks/threads.py            # a few minutes; writes benchmarks/threads.csv

Threads of torch wait for each other after every operation, by default in a loop that burns the processor (the
environment variable ``OMP_WAIT_POLICY=passive``, set before torch is loaded, lets them sleep). Each line is a process
of its own that trains the same small network; the busy programs are started here and ended here. What else was
running is told by the load average before the start.
"""

import argparse
import csv
import os
import statistics
import subprocess
import sys
from datetime import date
from itertools import product
from pathlib import Path

import torch

from cbam_course.inspection.cost import processor_name

FIT = """
import time, torch
from cbam_course import CBAM, fit, make_scenes
from cbam_course.networks.small_cnn import SmallCNN
torch.set_num_threads({threads})
torch.manual_seed(0)
scenes = make_scenes({images}, seed=0)
data = scenes.inputs(), scenes.labels
model = SmallCNN(5, attention=lambda channels: CBAM(channels, 4))
start, used = time.perf_counter(), time.process_time()
fit(model, data, data, epochs=1, progress=False)
print(time.perf_counter() - start, time.process_time() - used)
"""
WAITING = {"spinning": {}, "passive": {"OMP_WAIT_POLICY": "passive"}}


def seconds(threads: int, waiting: str, images: int) -> tuple[float, float]:
    """Train in a process of its own; return seconds on the clock and seconds of processor time."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    code = FIT.format(threads=threads, images=images)
    done = subprocess.run(
        [sys.executable, "-c", code], env=env | WAITING[waiting], capture_output=True, text=True, check=True
    )
    clock, processor = done.stdout.splitlines()[-1].split()  # fit may say something above
    return float(clock), float(processor)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured, in turn")
    parser.add_argument("--images", type=int, default=2000, help="in the one epoch that is trained")
    parser.add_argument("--busy", type=int, nargs="*", default=[0, 2], help="programs that compute beside it")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".csv"))
    options = parser.parse_args()
    rows = []
    for busy in options.busy:
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        programs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
        try:
            found = {key: [] for key in product((1, 2), WAITING)}
            for _ in range(options.rounds):
                for threads, waiting in found:
                    found[threads, waiting].append(seconds(threads, waiting, options.images))
        finally:
            for program in programs:
                program.kill()
                program.wait()
        for (threads, waiting), values in found.items():
            clock, processor = (statistics.median(column) for column in zip(*values, strict=True))
            rows.append(
                {
                    "busy programs": busy,
                    "load before": f"{load:.1f}",
                    "threads": threads,
                    "waiting": waiting,
                    "seconds": f"{clock:.2f}",
                    "processor seconds": f"{processor:.2f}",
                    "rounds": options.rounds,
                    "images": options.images,
                    "cores": os.cpu_count(),
                    "processor": processor_name(),
                    "torch": torch.__version__,
                    "date": date.today(),
                }
            )
            print(rows[-1], flush=True)
    with options.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()

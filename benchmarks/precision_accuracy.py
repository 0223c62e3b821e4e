"""Is lower precision as accurate? Five seeds of CBAM on the task ``where``, paired.

    python benchmarks/precision_accuracy.py --precision bfloat16 > benchmarks/precision_accuracy.csv

Prints one row per run, and the paired difference to standard error. Without units for the format a processor
emulates it: slower, with the same rounding.
"""

import argparse
import csv
import sys

import torch

from cbam_course import fit
from cbam_course.experiments.data import data_named
from cbam_course.experiments.models import model_named
from cbam_course.experiments.run import versions
from cbam_course.statistics import paired_difference
from cbam_course.training.fit import image_scores


def accuracy(seed: int, precision: str, images: int, epochs: int) -> tuple[float, float]:
    """Train with one seed; return the score on the test set and the seconds."""
    splits = data_named("scenes-where").splits(images, seed)
    torch.manual_seed(seed)
    model = model_named("cbam").build("small", splits.classes)
    options = {"epochs": epochs, "seed": seed, "precision": precision, "progress": False}
    history = fit(model, splits.train, splits.validation, **options)
    return image_scores(model, splits.test).mean().item(), history.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--precision", default="bfloat16", choices=["bfloat16", "float16"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--images", type=int, default=3000)
    parser.add_argument("--epochs", type=int, default=8)
    options = parser.parse_args()
    writer = csv.writer(sys.stdout)
    writer.writerow(["precision", "seed", "accuracy", "seconds", "images", "epochs", "device", "versions"])
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    scores = {"float32": [], options.precision: []}
    for seed in range(options.seeds):
        for precision, values in scores.items():
            value, seconds = accuracy(seed, precision, options.images, options.epochs)
            values.append(value)
            row = [precision, seed, round(value, 4), round(seconds, 1), options.images, options.epochs]
            writer.writerow([*row, device, versions()])
            sys.stdout.flush()
    names = (options.precision, "float32")
    print(paired_difference(scores[options.precision], scores["float32"], names), file=sys.stderr)


if __name__ == "__main__":
    main()

"""Measure where gates and Grad-CAM point, beside the baselines: ``python tools/measure_pointing.py --out TABLE``.

Two kinds of image with an answer for each pixel:

* scenes ("where"), a small network with CBAM in every block, trained here for each seed: the spatial gate of the
  last block, and Grad-CAM of the same block for the class that the network answers;
* photographs of the Oxford-IIIT Pet test set at 32 × 32 pixels, the ResNet-20 for CIFAR-10 that travels with the
  course: Grad-CAM of its last stage for cat or dog, whichever it finds likelier. The border of a trimap counts as
  outside.

``random weights`` is the same network before any training. The table has one row for each map, source and measure;
its interval is over images. A few minutes on one core. Without a copy of the photographs a sentence says so, and
their rows are left out.
"""

import argparse
from functools import partial
from pathlib import Path

import pandas as pd
import torch

from cbam_course import CBAM, fit
from cbam_course.data.cifar10 import CLASS_NAMES
from cbam_course.data.download import DataNotFound
from cbam_course.data.pets import load_pets
from cbam_course.data.photos import to_float
from cbam_course.data.scenes import scene_splits
from cbam_course.inspection.capture import gates_by_depth
from cbam_course.inspection.gradcam import grad_cam, rank_agreement
from cbam_course.inspection.pointing import pointing_table
from cbam_course.networks.pretrained import pretrained_resnet20
from cbam_course.networks.resnet import CifarResNet
from cbam_course.networks.small_cnn import SmallCNN
from cbam_course.statistics import mean_interval

GATE, CAM = "spatial gate", "Grad-CAM"
TRAINING = {"learning_rate": 0.01, "batch_size": 32, "progress": False}


def scene_maps(model, images):
    """Return the spatial gate of the last block and Grad-CAM of what it reads, each (N, 6, 6)."""
    gate = gates_by_depth(model, images)["blocks.2.attention.spatial"][:, 0]
    return {GATE: gate, CAM: grad_cam(model, model.blocks[2].pool, to_float(images))}


def agreement_row(maps, images):
    """Return how alike the two kinds of map rank the positions, over the images where neither is constant."""
    found = rank_agreement(maps[GATE], maps[CAM])
    found = found[~found.isnan()]
    interval = mean_interval(found)._asdict() if len(found) else {"mean": float("nan")}
    return {
        "map": f"{GATE} with {CAM}",
        "source": "own",
        "measure": "rank agreement",
        **interval,
        "images": len(found),
    }


def measure_scenes(seed, images, training_images, epochs):
    train, validation, test = scene_splits(training_images, seed=seed, validation=200, test=images)
    torch.manual_seed(seed)
    model = SmallCNN(len(test.class_names), attention=partial(CBAM, reduction_ratio=4))
    untrained = scene_maps(model, test.images)
    score = fit(
        model, train.classification, validation.classification, epochs=epochs, seed=seed, **TRAINING
    ).epochs[-1]
    maps = scene_maps(model, test.images)
    table = pointing_table(maps, test.masks, untrained, tolerance=2)
    table = pd.concat([table, pd.DataFrame([agreement_row(maps, images)])], ignore_index=True)
    return table.assign(data="scenes-where", network="SmallCNN, CBAM", seed=seed, accuracy=score.score)


def measure_pets(images):
    pets = load_pets("test", n=images, size=32, download=False)
    torch.manual_seed(0)
    networks = {"trained": pretrained_resnet20(), "untrained": CifarResNet().eval()}
    wanted = [CLASS_NAMES.index(name) for name in ("cat", "dog")]

    def score(logits):
        return logits[:, wanted].amax(dim=1)

    inputs = to_float(pets.images)
    maps = {
        name: {CAM: grad_cam(model, model.layer3, inputs, score=score)} for name, model in networks.items()
    }
    table = pointing_table(maps["trained"], pets.masks, maps["untrained"], tolerance=1)
    return table.assign(data="pets", network="ResNet-20, CIFAR-10")


def main(argv=None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="the table, a CSV file")
    parser.add_argument("--seeds", type=int, default=5, help="networks trained on scenes, at least 1")
    parser.add_argument("--images", type=int, default=1000, help="scenes and photographs to measure on, each")
    parser.add_argument("--training-images", type=int, default=3000)
    parser.add_argument("--epochs", type=int, default=8)
    options = parser.parse_args(argv)
    tables = [
        measure_scenes(seed, options.images, options.training_images, options.epochs)
        for seed in range(options.seeds)
    ]
    try:
        tables.append(measure_pets(options.images))
    except DataNotFound as error:
        print(f"No photographs, so their rows are left out: {error}")
    table = pd.concat(tables, ignore_index=True)
    first = ["data", "network", "seed", "accuracy", "map", "source", "measure"]
    table = table[[*first, *(name for name in table if name not in first)]]
    table.to_csv(options.out, index=False, float_format="%.5f", lineterminator="\n")
    print(
        table.groupby(["data", "map", "source", "measure"], sort=False)["mean"]
        .mean()
        .unstack()
        .round(3)
        .to_string()
    )


if __name__ == "__main__":
    main()

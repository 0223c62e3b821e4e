"""Train the small network that travels with the course: a CIFAR ResNet-20, by ``fit``, on CIFAR-10.

    CBAM_COURSE_DATA=FOLDER python tools/train_checkpoint.py --images 50000 --epochs 4

FOLDER holds ``cifar-10-batches-py``. Writes the weights into the package and what made them into ``results``.
"""

import argparse
import json
import os
import platform
import sys
import time
from hashlib import sha256
from pathlib import Path

import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor

from cbam_course import fit
from cbam_course.networks.resnet import CifarResNet

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = ROOT / "cbam_course" / "networks" / "weights" / "resnet20_cifar10.safetensors"
RECORD = ROOT / "results" / "checkpoint.json"


def main() -> None:
    """Train, save, and record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=50_000, help="training images, the first ones; 50000")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=1e-2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    train, test = (cifar10(train=True), cifar10(train=False))
    torch.manual_seed(options.seed)
    model, start = CifarResNet(), time.time()
    history = fit(
        model,
        tuple(part[: options.images] for part in train),
        test,
        epochs=options.epochs,
        seed=options.seed,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
    )
    WEIGHTS.parent.mkdir(exist_ok=True)
    save_file({key: value.cpu().contiguous() for key, value in model.state_dict().items()}, WEIGHTS)
    record(options, history, time.time() - start)


def cifar10(*, train: bool) -> tuple[Tensor, Tensor]:
    """Return uint8 images (N, 3, 32, 32) and labels (N,)."""
    data = torchvision.datasets.CIFAR10(os.environ["CBAM_COURSE_DATA"], train=train, download=False)
    return torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(data.targets)


def record(options: argparse.Namespace, history, seconds: float) -> None:
    """Write down what made the weights and what they reach."""
    RECORD.write_text(
        json.dumps(
            {
                "file": WEIGHTS.relative_to(ROOT).as_posix(),
                "sha256": sha256(WEIGHTS.read_bytes()).hexdigest(),
                "network": "cbam_course.networks.resnet.CifarResNet(blocks=3, num_classes=10)",
                "data": f"CIFAR-10, the first {options.images} training images, tested on all 10,000 test images",
                "command": f"CBAM_COURSE_DATA=FOLDER python tools/train_checkpoint.py {' '.join(sys.argv[1:])}",
                "seed": options.seed,
                "epochs": options.epochs,
                "test accuracy after each epoch": [round(epoch.score, 4) for epoch in history.epochs],
                "seconds": round(seconds),
                "device": f"{history.device}, {torch.get_num_threads()} thread(s), {history.precision}",
                "versions": {"python": platform.python_version(), "torch": torch.__version__},
            },
            indent=2,
        )
        + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()

"""Attention modules side by side: ratios of medians, from one interleaved run. Run by hand; never part of the tests.

    python benchmarks/attention.py                            # everything, writes benchmarks/attention.csv
    python benchmarks/attention.py --only cbam --rounds 5  # one part, prints it

The work is done in a process of its own whose allocator is fixed before it starts. On one thread what is counted is
the processor time of the process, so that another program's turn is not in it; a busy machine still makes every
number larger, through the caches that the programs share. Every round runs each module in turn, twice, and times the
second run.
Lines with a `ratio` are relative to the first line of their group.
"""

import argparse
import csv
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from datetime import date
from functools import partial
from itertools import product
from pathlib import Path

import tables
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from cbam_course import CBAM, SqueezeExcitation, check, fit, insert_attention, make_scenes
from cbam_course.attention.fused import fuse
from cbam_course.inspection.cost import count_traffic, fixed_allocator, processor_name
from cbam_course.networks.small_cnn import SmallCNN

SHAPES = ((32, 64, 32, 32), (16, 256, 28, 28), (8, 512, 14, 14))
COLUMNS = (
    "group", "shape", "memory format", "mode", "what", "milliseconds", "ratio", "unit", "peak/input", "saved/input",
)  # fmt: skip


class Naive(nn.Module):
    """CBAM as tutorials show it: adaptive pools and ``torch.max`` with its indices."""

    def __init__(self, channels: int, reduction: int = 16):
        super().__init__()
        self.average, self.maximum = nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1)
        hidden = max(1, channels // reduction)
        self.mlp = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False), nn.ReLU(), nn.Conv2d(hidden, channels, 1, bias=False)
        )
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x * torch.sigmoid(self.mlp(self.average(x)) + self.mlp(self.maximum(x)))
        mean = torch.mean(x, dim=1, keepdim=True)
        maximum, _ = torch.max(x, dim=1, keepdim=True)
        return x * torch.sigmoid(self.conv(torch.cat([mean, maximum], dim=1)))


class NaiveSE(nn.Module):
    """SE as tutorials show it: an adaptive pool, ``view``, ``expand_as``."""

    def __init__(self, channels: int, reduction: int = 16):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        hidden = max(1, channels // reduction)
        self.mlp = nn.Sequential(
            nn.Linear(channels, hidden, bias=False),
            nn.ReLU(),
            nn.Linear(hidden, channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        n, c, _, _ = x.shape
        return x * self.mlp(self.pool(x).view(n, c)).view(n, c, 1, 1).expand_as(x)


class Authors(nn.Module):
    """CBAM built as its authors' released code builds it: pools with the map's size as window, a BatchNorm."""

    def __init__(self, channels: int, reduction: int = 16):
        super().__init__()
        hidden = max(1, channels // reduction)
        self.mlp = nn.Sequential(
            nn.Flatten(), nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels)
        )
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)
        self.norm = nn.BatchNorm2d(1, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[2:]
        logit = self.mlp(F.avg_pool2d(x, size, stride=size)) + self.mlp(F.max_pool2d(x, size, stride=size))
        x = x * torch.sigmoid(logit).unsqueeze(2).unsqueeze(3).expand_as(x)
        maps = torch.cat([torch.max(x, 1)[0].unsqueeze(1), torch.mean(x, 1).unsqueeze(1)], dim=1)
        return x * torch.sigmoid(self.norm(self.conv(maps)))


def cbam_modules(channels: int) -> dict[str, nn.Module]:
    from timm.layers.cbam import CbamModule

    return {
        "naive": Naive(channels),
        "readable": CBAM(channels),
        "fused": fuse(CBAM(channels)),
        "fused, paper": fuse(CBAM(channels, convention="paper")),
        "timm": CbamModule(channels),
        "authors": Authors(channels),
        "torch.compile": torch.compile(CBAM(channels)),
    }


def se_modules(channels: int) -> dict[str, nn.Module]:
    from timm.layers import SEModule
    from torchvision.ops import SqueezeExcitation as TorchvisionSE

    return {
        "naive": NaiveSE(channels),
        "readable": SqueezeExcitation(channels),
        "fused": fuse(SqueezeExcitation(channels)),
        "timm": SEModule(channels),
        "torchvision": TorchvisionSE(channels, max(1, channels // 16)),
        "torch.compile": torch.compile(SqueezeExcitation(channels)),
    }


def evaluation(module: nn.Module, x: Tensor, _):
    module.eval()
    with torch.no_grad():
        module(x)


def training(module: nn.Module, x: Tensor, grad: Tensor):
    module.train()
    x = x.detach().requires_grad_()
    module(x).backward(grad)
    module.zero_grad(set_to_none=True)


def medians(work: dict, rounds: int, clock) -> dict[str, float]:
    """Return the median seconds of each piece of work over rounds of all; three rounds warm up.

    Each runs twice and the second time counts: it finds its own data in the caches and not its predecessor's.
    """
    seconds = {name: [] for name in work}
    for number in range(rounds + 3):
        for name, run in work.items():
            run()
            start = clock()
            run()
            if number >= 3:
                seconds[name].append(clock() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def modules(group, make, options, clock):
    """The modules of one kind, on every shape, in both memory formats and both modes."""
    for shape, layout in product(SHAPES, (torch.contiguous_format, torch.channels_last)):
        made = make(shape[1])
        if options.without_compile:
            del made["torch.compile"]
        yield from _modules(group, made, shape, layout, options, clock)


def _modules(group, made, shape, layout, options, clock):
    x, grad = (torch.randn(shape).to(memory_format=layout) for _ in range(2))
    size = x.numel() * x.element_size()
    for mode in (evaluation, training):
        torch._dynamo.reset()
        work, broken = {}, {}
        for name, module in made.items():
            try:
                mode(module, x, grad)
                work[name] = partial(mode, module, x, grad)
            except Exception as error:  # no compiler, or one that gives up: told in the table
                broken[name] = type(error).__name__
        found = medians({"x * 1.0": lambda: x * 1.0, **work}, options.rounds, clock)
        unit = found.pop("x * 1.0")
        for name, seconds in found.items():
            row = {
                "group": group, "shape": "x".join(map(str, shape)), "memory format": str(layout).split(".")[1],
                "mode": mode.__name__, "what": name, "milliseconds": f"{1e3 * seconds:.3f}",
                "ratio": f"{seconds / found['naive']:.2f}", "unit": f"{seconds / unit:.1f}",
            }  # fmt: skip
            if name != "torch.compile":  # a compiled graph cannot be watched
                traffic = count_traffic(made[name], x)
                peak = traffic.evaluation_peak if mode is evaluation else traffic.training_peak
                row |= {"peak/input": f"{peak / size:.2f}", "saved/input": f"{traffic.saved / size:.2f}"}
            yield row
        for name, reason in broken.items():
            yield {
                "group": group,
                "shape": "x".join(map(str, shape)),
                "mode": mode.__name__,
                "what": f"{name}: {reason}",
            }


class OnePixel(CBAM):
    """CBAM of the first pixel alone: the calls and the weights, and next to nothing of the map. Evaluation only."""

    def forward(self, x: Tensor) -> Tensor:
        super().forward(x[:, :, :1, :1])
        return x


ATTENTION = {
    "SE": SqueezeExcitation,
    "SE, fused": SqueezeExcitation,
    "CBAM": CBAM,
    "CBAM, fused": CBAM,
    "CBAM, one pixel": OnePixel,
}


def networks(options, clock):
    """ResNet-50 at 112 px, plain and with attention on every residual branch."""
    made = {}
    for name in ("plain", *ATTENTION):
        torch.manual_seed(0)
        made[name] = torchvision.models.resnet50(weights=None)
        if name != "plain":
            insert_attention(made[name], ATTENTION[name])
        if name.endswith("fused"):
            fuse(made[name])
    for layout in (torch.contiguous_format, torch.channels_last):
        x = torch.randn(4, 3, 112, 112).to(memory_format=layout)
        for mode in (evaluation, training):
            for model in made.values():
                model.to(memory_format=layout)
            work = {
                name: partial(mode, model, x, torch.ones(4, 1000))
                for name, model in made.items()
                if mode is evaluation or ATTENTION.get(name) is not OnePixel
            }
            found = medians(work, max(3, options.rounds // 3), clock)
            for name, seconds in found.items():
                yield {
                    "group": "ResNet-50 at 112 px", "shape": "4x3x112x112",
                    "memory format": str(layout).split(".")[1], "mode": mode.__name__,
                    "what": name, "milliseconds": f"{1e3 * seconds:.1f}",
                    "ratio": f"{seconds / found['plain']:.2f}",
                }  # fmt: skip


def course(options, clock):
    """What learners wait for."""
    scenes = make_scenes(1280, seed=0)
    images, labels = scenes.inputs(), scenes.labels
    found = medians(
        {
            "bare loop of the same steps": lambda: _bare_loop(images, labels),
            "fit": lambda: fit(
                _small(), (images, labels), (images[:64], labels[:64]), epochs=2, progress=False
            ),
        },
        max(3, options.rounds // 5),
        clock,
    )
    bare = found["bare loop of the same steps"]
    for name, seconds in found.items():
        yield _course_row("fit, 40 steps", name, seconds, seconds / bare)
    statements = ("import torch", "import torch, cbam_course; cbam_course.CBAM")
    rounds = [[_import_seconds(statement) for statement in statements] for _ in range(6)]
    with_torch, all_of_it = map(statistics.median, zip(*rounds[1:], strict=True))  # the first read the disk
    yield _course_row("import", "torch", with_torch)
    yield _course_row("import", "cbam_course.CBAM beyond torch", all_of_it - with_torch)
    for number in ("first check", "later check"):
        start = clock()
        check("squeeze-excitation", SqueezeExcitation)
        yield _course_row("check", number, clock() - start)
    for task in ("what", "where", "near"):
        start = clock()
        try:
            make_scenes(10_000, task=task)
        except (ValueError, TypeError):
            continue
        yield _course_row("10,000 scenes", task, clock() - start)


def _course_row(group, what, seconds, ratio=None):
    return {
        "group": group,
        "what": what,
        "milliseconds": f"{1e3 * seconds:.1f}",
        "ratio": f"{ratio:.3f}" if ratio else "",
    }


def _small() -> nn.Module:
    torch.manual_seed(0)
    return SmallCNN(5, attention=lambda channels: CBAM(channels, 4))


def _bare_loop(images: Tensor, labels: Tensor) -> None:
    """The steps of ``fit`` and nothing else: no checks, no bar, no history."""
    model = _small().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=0.01)
    steps = 2 * len(images) // 64
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps + 1)
    order = torch.Generator().manual_seed(0)
    for _ in range(2):
        model.train()
        for chosen in torch.randperm(len(images), generator=order).split(64):
            x = images[chosen].to(memory_format=torch.channels_last)
            optimiser.zero_grad(set_to_none=True)
            loss = F.cross_entropy(model(x), labels[chosen])
            loss.backward()
            loss.item()
            optimiser.step()
            schedule.step()
        model.eval()
        with torch.no_grad():
            logits = model(images[:64].to(memory_format=torch.channels_last))
            F.cross_entropy(logits, labels[:64]).item()
            (logits.argmax(1) == labels[:64]).float().mean().item()


def _import_seconds(statement: str) -> float:
    code = f"import time; start = time.process_time(); {statement}; print(time.process_time() - start)"
    return float(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    )


PARTS = {
    "cbam": partial(modules, "CBAM", cbam_modules),
    "se": partial(modules, "SE", se_modules),
    "networks": networks,
    "course": course,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=PARTS, help="one part; by default all of them")
    parser.add_argument("--rounds", type=int, default=15, help="how often each is timed")
    parser.add_argument(
        "--without-compile", action="store_true", help="spare the minutes that compiling takes"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument(
        "--out", type=Path, help="the table; benchmarks/attention.csv when everything is measured"
    )
    options = parser.parse_args()
    if not os.environ.get("CBAM_COURSE_MEASURING"):
        fixed = os.environ | fixed_allocator(options.threads) | {"CBAM_COURSE_MEASURING": "1"}
        with tempfile.TemporaryDirectory() as home:
            sys.exit(
                subprocess.run([sys.executable, *sys.argv], env=fixed | {"CBAM_COURSE_HOME": home}).returncode
            )
    torch.set_num_threads(options.threads)
    clock = time.process_time if options.threads == 1 else time.perf_counter
    torch.manual_seed(0)
    out = options.out or (None if options.only else Path(__file__).with_suffix(".csv"))
    where = {
        "threads": options.threads, "processor": processor_name(), "torch": torch.__version__,
        "torchvision": torchvision.__version__, "python": platform.python_version(), "date": date.today(),
    }  # fmt: skip
    with out.open("w", newline="", encoding="utf-8") if out else nullcontext(sys.stdout) as file:
        writer = csv.DictWriter(file, (*COLUMNS, *where))
        writer.writeheader()
        for name, part in PARTS.items():
            if options.only in (None, name):
                for row in part(options, clock):
                    writer.writerow(row | where)
                    file.flush()  # what is finished stays if the rest is stopped
    if out == Path(__file__).with_suffix(".csv"):
        tables.main()


if __name__ == "__main__":
    main()

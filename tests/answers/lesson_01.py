"""Answers to the tasks of lesson 01: right ones written differently, wrong ones under their mistakes."""

import torch
from torch.nn import functional as F

RIGHT: dict[str, list] = {}
WRONG: dict[str, dict] = {}


# both-pools

RIGHT["both-pools"] = [
    lambda x: (x.mean(dim=(2, 3)), x.amax(dim=1)),
    lambda x: [x.flatten(2).mean(-1), x.max(dim=1).values],
    lambda x: (F.adaptive_avg_pool2d(x, 1).flatten(1), x.max(1)[0]),
]

WRONG["both-pools"] = {
    "swapped": [lambda x: (x.amax(1), x.mean((2, 3)))],
    "kept-dimensions": [lambda x: (x.mean((2, 3), keepdim=True), x.amax(1, keepdim=True))],
    "axes-exchanged": [lambda x: (x.mean(1), x.amax((2, 3)))],
    "statistic-exchanged": [lambda x: (x.amax((2, 3)), x.mean(1)), lambda x: (x.mean((2, 3)), x.mean(1))],
    "max-with-indices": [lambda x: (x.mean((2, 3)), tuple(x.max(1)))],
}


# which-axis

RIGHT["which-axis"] = [
    ("columns", "error", "channels"),
    ["columns", "error", "channels"],
    ("Columns", " error", "CHANNELS"),
]

WRONG["which-axis"] = {
    "from-the-left": [("error", "channels", "error")],
    "equal-sizes-fit": [("columns", "columns", "channels"), ("columns", "channels", "channels")],
    "vector-is-channels": [("channels", "error", "channels")],
    "trailing-ones": [("columns", "error", "columns"), ("columns", "error", "error")],
}


# scale-positions

RIGHT["scale-positions"] = [
    lambda x, gate: x * gate.unsqueeze(1),
    lambda x, gate: gate[:, None] * x,
    lambda x, gate: torch.einsum("nchw,nhw->nchw", x, gate),
    lambda x, gate: torch.stack([image * own for image, own in zip(x, gate, strict=True)]),
]

WRONG["scale-positions"] = {
    "gate-without-axis": [lambda x, gate: x * gate],
    "gate-averaged": [lambda x, gate: x * gate.mean(0), lambda x, gate: x * gate[0]],
    "axis-at-the-end": [lambda x, gate: x * gate[..., None], lambda x, gate: x * gate[:, :, None]],
    "mask-returned": [lambda x, gate: gate[:, None], lambda x, gate: gate[:, None].expand_as(x)],
    "added": [lambda x, gate: x + gate[:, None]],
}


# centre-bug

RIGHT["centre-bug"] = [
    lambda x: x - x.mean(dim=(2, 3), keepdim=True),
    lambda x: x - x.mean((2, 3))[:, :, None, None],
    lambda x: (x.flatten(2) - x.flatten(2).mean(-1, keepdim=True)).view_as(x),
    lambda x: torch.stack([torch.stack([c - c.mean() for c in image]) for image in x]),
]

WRONG["centre-bug"] = {
    "kept-the-bug": [lambda x: x - x.mean((2, 3))],
    "mean-of-everything": [lambda x: x - x.mean()],
    "mean-per-channel": [lambda x: x - x.mean((0, 2, 3), keepdim=True)],
    "mean-per-image": [lambda x: x - x.mean((1, 2, 3), keepdim=True)],
    "mean-over-channels": [lambda x: x - x.mean(1, keepdim=True)],
    "also-scaled": [lambda x: (x - x.mean((2, 3), keepdim=True)) / x.std((2, 3), keepdim=True)],
}


# read-the-maps

RIGHT["read-the-maps"] = [(0, 2), [0, 2], torch.tensor([0, 2])]

WRONG["read-the-maps"] = {
    "swapped": [(2, 0)],
    "noise-taken-for-signal": [(0, 1), (1, 2)],
    "counted-from-one": [(1, 3)],
}


# polite-hook


def with_finally(model, name, images):
    kept = []
    handle = model.get_submodule(name).register_forward_hook(lambda m, inputs, output: kept.append(output))
    try:
        model(images)
    finally:
        handle.remove()
    return kept[0].detach()


def with_statement(model, name, images):
    kept = {}

    def keep(module, inputs, output):
        kept["map"] = output.detach().clone()

    with dict(model.named_modules())[name].register_forward_hook(keep), torch.no_grad():
        model(images)
    return kept["map"]


def without_a_graph(model, name, images):
    kept = []
    handle = model.get_submodule(name).register_forward_hook(lambda m, inputs, output: kept.append(output))
    try:
        with torch.no_grad():
            model(images)
    finally:
        handle.remove()
    return kept[0]


def _taken(pick, *, detach=True, remove=True, swallow=False, careful=True):
    def grab(model, name, images):
        kept = []
        handle = model.get_submodule(name).register_forward_hook(lambda m, i, o: kept.append(pick(i, o)))
        try:
            model(images)
        except ValueError:
            if careful:
                handle.remove()
            if not swallow:
                raise
        if remove:
            handle.remove()
        return (kept[0].detach() if detach else kept[0]) if kept else None

    return grab


def called_alone(model, name, images):
    return model.get_submodule(name)(images).detach()


RIGHT["polite-hook"] = [with_finally, with_statement, without_a_graph]

WRONG["polite-hook"] = {
    "final-output": [lambda model, name, images: model(images).detach()],
    "input-taken": [_taken(lambda i, o: i[0])],
    "not-detached": [_taken(lambda i, o: o, detach=False)],
    "hook-left": [_taken(lambda i, o: o, remove=False)],
    "not-in-finally": [_taken(lambda i, o: o, careful=False)],
    "error-swallowed": [_taken(lambda i, o: o, swallow=True)],
    "called-alone": [called_alone],
}

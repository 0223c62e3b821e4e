"""Answers to the tasks of lesson 01: right ones written differently, wrong ones under their mistakes."""

import copy

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

RIGHT: dict[str, list] = {}
WRONG: dict[str, dict] = {}


# which-and-where


def found_by_loop(x):
    rows = []
    for image in x:
        channel = max(range(len(image)), key=lambda c: float(image[c].sum()))
        best = image[channel].max()
        row, column = (image[channel] == best).nonzero()[0]
        rows.append([channel, int(row), int(column)])
    return torch.tensor(rows)


def found_by_unravelling(x):
    channel = x.flatten(2).mean(-1).max(1).indices
    maps = torch.stack([image[c] for image, c in zip(x, channel, strict=True)])
    places = [np.unravel_index(int(m.argmax()), m.shape) for m in maps]
    return torch.tensor([[int(c), int(i), int(j)] for c, (i, j) in zip(channel, places, strict=True)])


def found_by_gathering(x):
    n, _, h, w = x.shape
    channel = F.adaptive_avg_pool2d(x, 1).view(n, -1).argmax(1)
    own = x.gather(1, channel.view(n, 1, 1, 1).expand(n, 1, h, w))[:, 0]
    row = own.amax(2).argmax(1)
    column = own.amax(1).argmax(1)
    return torch.stack((channel, row, column), -1).float()


def _found(x, *, score=None, maps=None, columns=None, order=(0, 1, 2)):
    channel = (x.mean((2, 3)) if score is None else score(x)).argmax(-1).expand(len(x))
    own = x[torch.arange(len(x)), channel] if maps is None else maps(x, channel)
    place = own.flatten(1).argmax(1)
    width = x.shape[3] if columns is None else columns(x)
    return torch.stack([channel, place // width, place % width], 1)[:, list(order)]


def found_in_the_first(x):
    channel = x[0].mean((1, 2)).argmax()
    place = x[0, channel].argmax()
    return torch.stack([channel, place // x.shape[3], place % x.shape[3]])


def found_flat(x):
    channel = x.mean((2, 3)).argmax(1)
    return torch.stack([channel, x[torch.arange(len(x)), channel].flatten(1).argmax(1)], 1)


def found_in_a_list(x):
    return [tuple(row) for row in found_by_loop(x).tolist()]


def found_by_rows_and_columns(x):
    """The row and the column with the largest mean: not where the largest value is."""
    channel = x.mean((2, 3)).argmax(1)
    own = x[torch.arange(len(x)), channel]
    return torch.stack([channel, own.mean(2).argmax(1), own.mean(1).argmax(1)], 1)


def _own_maps(x):
    channel = x.mean((2, 3)).argmax(1)
    return channel, x[torch.arange(len(x)), channel]


def found_with_the_mean(x):
    own = _own_maps(x)[1].flatten(1).argmax(1)
    return torch.stack([x.mean((2, 3)).max(1).values, own // x.shape[3], own % x.shape[3]], 1)


def found_with_both_sizes(x):
    channel, own = _own_maps(x)
    place = own.flatten(1).argmax(1)
    return torch.stack([channel, place // x.shape[3], place % x.shape[2]], 1)


RIGHT["which-and-where"] = [found_by_loop, found_by_unravelling, found_by_gathering, lambda x: _found(x)]

WRONG["which-and-where"] = {
    "by-maximum": [lambda x: _found(x, score=lambda x: x.amax((2, 3)))],
    "columns-first": [lambda x: _found(x, order=(0, 2, 1))],
    "channel-last": [lambda x: _found(x, order=(1, 2, 0))],
    "wrong-width": [lambda x: _found(x, columns=lambda x: x.shape[2]), found_with_both_sizes],
    "flat-index": [found_flat],
    "another-map": [
        lambda x: _found(x, maps=lambda x, c: x.mean(1)),
        lambda x: _found(x, maps=lambda x, c: x.max(1).values),
    ],
    "one-channel-for-all": [lambda x: _found(x, score=lambda x: x.mean((0, 2, 3)))],
    "first-image-only": [found_in_the_first],
    "counted-from-one": [lambda x: _found(x) + 1],
    "smallest": [lambda x: _found(-x), lambda x: _found(x, score=lambda x: -x.mean((2, 3)))],
    "absolute-values": [lambda x: _found(x.abs()), lambda x: _found(x, score=lambda x: x.abs().mean((2, 3)))],
    "transposed": [lambda x: _found(x).T],
    "list-not-tensor": [found_in_a_list],
    "strongest-lines": [found_by_rows_and_columns],
    "mean-not-number": [found_with_the_mean],
    "squeezed-batch": [lambda x: _found(x).squeeze()],
    None: [
        lambda x: _found(x, score=lambda x: x.std((2, 3))),
        lambda x: _found(x)[:, 1:],
        lambda x: x.mean((2, 3)).argmax(1),
    ],
}


# which-axis

RIGHT["which-axis"] = [
    np.array(["columns", "error", "channels"]),
    ("columns", "error", "channels"),
    ["columns", "error", "channels"],
    ("Columns", " error", "CHANNELS"),
]

WRONG["which-axis"] = {
    "from-the-left": [("error", "channels", "error")],
    "eight-is-channels": [("channels",) * 3],
    "second-axis-forgotten": [("columns", "columns", "channels")],
    "pair-is-images-and-channels": [("columns", "channels", "channels")],
    "vector-is-channels": [("channels", "error", "channels")],
    "trailing-ones": [("columns", "error", "columns")],
    "axes-must-be-as-many": [("error", "error", "error")],
    None: [
        ("columns", "error", "error"),
        ("error", "error", "channels"),
        ("columns", "error"),
        "channels",
        ("rows", "error", "channels"),
    ],
}


# scale-positions


def scaled_by_loop(x, gate):
    result = torch.empty_like(x)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            result[n, c] = x[n, c] * gate[n]
    return result


def scaled_in_place(x, gate):
    x *= gate[:, None]
    return x


RIGHT["scale-positions"] = [
    lambda x, gate: x * gate.unsqueeze(1),
    lambda x, gate: gate[:, None] * x,
    lambda x, gate: torch.einsum("nchw,nhw->nchw", x, gate),
    lambda x, gate: torch.stack([image * own for image, own in zip(x, gate, strict=True)]),
    lambda x, gate: x * gate[:, None].repeat(1, x.shape[1], 1, 1),
    scaled_by_loop,
]

WRONG["scale-positions"] = {
    "absolute-values": [lambda x, gate: x * gate.abs()[:, None]],
    "gate-without-axis": [lambda x, gate: x * gate],
    "gate-averaged": [lambda x, gate: x * gate.mean(0), lambda x, gate: x * gate[0]],
    "axis-at-the-end": [lambda x, gate: x * gate[..., None], lambda x, gate: x * gate[:, :, None]],
    "one-factor-for-an-image": [lambda x, gate: x * gate.mean((1, 2)).view(-1, 1, 1, 1)],
    "rows-and-columns": [lambda x, gate: x * gate.mT[:, None]],
    "fixed-size": [lambda x, gate: x * gate.view(3, 1, 3, 3)],
    "mask-returned": [lambda x, gate: gate[:, None], lambda x, gate: gate[:, None].expand_as(x)],
    "added": [lambda x, gate: x + gate[:, None]],
    "input-added": [lambda x, gate: x + x * gate[:, None]],
    "divided": [lambda x, gate: x / gate[:, None]],
    "sigmoid-again": [lambda x, gate: x * torch.sigmoid(gate)[:, None]],
    "complement": [lambda x, gate: x * (1 - gate[:, None])],
    "in-place-change": [scaled_in_place],
    "argument-ignored": [lambda x, gate: x.clone()],
    None: [lambda x, gate: x * gate[:, None] / 2, lambda x, gate: (x * gate[:, None]).mean(1)],
}


# centre-bug


def centred_by_conv(x):
    _, c, h, w = x.shape
    weight = torch.full((c, 1, h, w), 1 / (h * w))
    return x - F.conv2d(x, weight, groups=c)


def centred_in_place(x):
    x -= x.mean((2, 3), keepdim=True)
    return x


RIGHT["centre-bug"] = [
    lambda x: x - x.mean(dim=(2, 3), keepdim=True),
    lambda x: x - x.mean((2, 3))[:, :, None, None],
    lambda x: (x.flatten(2) - x.flatten(2).mean(-1, keepdim=True)).view_as(x),
    lambda x: torch.stack([torch.stack([c - c.mean() for c in image]) for image in x]),
    lambda x: x - F.adaptive_avg_pool2d(x, 1),
    centred_by_conv,
]

WRONG["centre-bug"] = {
    "kept-the-bug": [lambda x: x - x.mean((2, 3)), lambda x: x - x.mean((2, 3))[None, None, :, :]],
    "mean-of-everything": [lambda x: x - x.mean()],
    "mean-per-channel": [lambda x: x - x.mean((0, 2, 3), keepdim=True)],
    "mean-per-image": [lambda x: x - x.mean((1, 2, 3), keepdim=True)],
    "mean-over-channels": [lambda x: x - x.mean(1, keepdim=True)],
    "one-axis-only": [lambda x: x - x.mean(-1, keepdim=True), lambda x: x - x.mean(2, keepdim=True)],
    "also-scaled": [
        lambda x: (x - x.mean((2, 3), keepdim=True)) / x.std((2, 3), keepdim=True),
        lambda x: F.instance_norm(x),
    ],
    "mean-added": [lambda x: x + x.mean((2, 3), keepdim=True)],
    "mean-returned": [lambda x: x.mean((2, 3), keepdim=True)],
    "divided": [lambda x: x / x.mean((2, 3), keepdim=True)],
    "median": [lambda x: x - x.flatten(2).median(-1).values.view(*x.shape[:2], 1, 1)],
    "smallest": [lambda x: x - x.amin((2, 3), keepdim=True)],
    "sum-not-mean": [lambda x: x - x.sum((2, 3), keepdim=True)],
    "squared": [lambda x: (x - x.mean((2, 3), keepdim=True)).square()],
    "absolute": [lambda x: (x - x.mean((2, 3), keepdim=True)).abs()],
    "in-place-change": [centred_in_place],
    "turned-round": [lambda x: x.mean((2, 3), keepdim=True) - x],
    "one-axis-short": [lambda x: x - x.mean((2, 3))[..., None], lambda x: x - x.mean((2, 3)).unsqueeze(1)],
    "largest": [lambda x: x - x.amax((2, 3), keepdim=True)],
    None: [
        lambda x: x > x.mean((2, 3), keepdim=True),
        lambda x: x - x.mean(2, keepdim=True) - x.mean(3, keepdim=True),
        lambda x: x - x.mean((2, 3))[0][:, None, None],
        lambda x: x - x.mean((2, 3)).view(4, 4, 1, 1),
        lambda x: x - x.mean((2, 3)).mT[:, :, None, None],
        lambda x: x - x.mean((2, 3))[:, None, :, None],
        lambda x: x.clone(),
    ],
}


# read-the-maps

RIGHT["read-the-maps"] = [(0, 2), [0, 2], torch.tensor([0, 2]), np.array([0, 2])]

WRONG["read-the-maps"] = {
    "swapped": [(2, 0)],
    "noise-taken-for-signal": [(0, 1), (1, 2), (2, 1), (1, 0)],
    "counted-from-one": [(1, 3)],
    None: [(0, 0), (0,), "02", (0, 3)],
}


# without-a-channel


def without_by_finally(model, name, channel, images):
    def hook(module, inputs, output):
        changed = output.clone()
        changed[:, channel] = 0
        return changed

    handle = model.get_submodule(name).register_forward_hook(hook)
    try:
        return model(images)
    finally:
        handle.remove()


def without_by_mask(model, name, channel, images):
    def hook(module, inputs, output):
        mask = torch.ones(1, output.shape[1], 1, 1)
        mask[0, channel] = 0
        return output * mask

    with dict(model.named_modules())[name].register_forward_hook(hook), torch.no_grad():
        return model(images)


def without_by_index(model, name, channel, images):
    zero = torch.tensor([channel])
    module = model.get_submodule(name)
    with module.register_forward_hook(lambda m, i, o: o.index_fill(1, zero, 0.0)):
        return model(images).detach()


def without_by_patched_forward(model, name, channel, images):
    module = model.get_submodule(name)
    forward = module.forward

    def silenced(*arguments):
        output = forward(*arguments)
        return torch.cat(
            [
                output[:, :channel],
                torch.zeros_like(output[:, channel : channel + 1]),
                output[:, channel + 1 :],
            ],
            1,
        )

    module.forward = silenced
    try:
        return model(images)
    finally:
        del module.forward


def _without(change, *, remove=True, swallow=False, careful=True, before=False, result=None):
    def run(model, name, channel, images):
        module = model.get_submodule(name)
        if before:
            handle = module.register_forward_pre_hook(lambda m, i: change(i[0], channel))
        else:
            handle = module.register_forward_hook(lambda m, i, o: change(o, channel))
        out = images[:, :1]
        try:
            out = model(images)
        except ValueError:
            if careful:
                handle.remove()
            if not swallow:
                raise
        if remove:
            handle.remove()
        return out if result is None else result(out, channel)

    return run


def error_printed(model, name, channel, images):
    handle, out = model.get_submodule(name).register_forward_hook(lambda m, i, o: _silenced(o, channel)), None
    try:
        out = model(images)
    except Exception as error:
        print(error)
    handle.remove()
    return out


def _silenced(output, channel):
    changed = output.clone()
    changed[:, channel] = 0
    return changed


def written_into(output, channel):
    output[:, channel] = 0


def written_and_returned(output, channel):
    output[:, channel].zero_()
    return output


def forgotten(output, channel):
    _silenced(output, channel)


def _place(*axes):
    def change(output, channel):
        changed = output.clone()
        changed[tuple(channel if axis == "c" else axis for axis in axes)] = 0
        return changed

    return change


def alone(output, channel):
    changed = torch.zeros_like(output)
    changed[:, channel] = output[:, channel]
    return changed


def own_mean(output, channel):
    changed = output.clone()
    changed[:, channel] = output[:, channel].mean((1, 2), keepdim=True)
    return changed


def the_map_itself(model, name, channel, images):
    kept = []
    with model.get_submodule(name).register_forward_hook(lambda m, i, o: kept.append(_silenced(o, channel))):
        model(images)
    return kept[0]


def weights_of_the_filter(model, name, channel, images):
    module = model.get_submodule(name)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter[channel] = 0
    return model(images)


def of_the_model(model, name, channel, images):
    return _silenced(model(images), channel)


def called_alone(model, name, channel, images):
    return _silenced(model.get_submodule(name)(images), channel)


EVERY = slice(None)


def own_mean_over_images(output, channel):
    changed = output.clone()
    changed[:, channel] = output[:, channel].mean()
    return changed


def cleared(model, name, channel, images):
    module = model.get_submodule(name)
    module.register_forward_hook(lambda m, i, o: _silenced(o, channel))
    try:
        return model(images)
    finally:
        module._forward_hooks.clear()


class Silenced(nn.Module):
    def __init__(self, inner, channel):
        super().__init__()
        self.inner, self.channel = inner, channel

    def forward(self, x):
        return _silenced(self.inner(x), self.channel)


def exchanged(model, name, channel, images):
    parent = model.get_submodule(name.rpartition(".")[0])
    setattr(parent, name.rpartition(".")[2], Silenced(model.get_submodule(name), channel))
    return model(images)


def exchanged_in_a_copy(model, name, channel, images):
    return exchanged(copy.deepcopy(model), name, channel, images)


def in_eval_mode(model, name, channel, images):
    model.eval()
    return without_by_finally(model, name, channel, images)


def in_eval_mode_and_back(model, name, channel, images):
    mode = model.training
    try:
        return in_eval_mode(model, name, channel, images)
    finally:
        model.train(mode)


def channel_of_the_images(model, name, channel, images):
    return model(_silenced(images, channel))


def removed_by_itself(model, name, channel, images):
    def hook(module, inputs, output):
        handle.remove()
        return _silenced(output, channel)

    handle = model.get_submodule(name).register_forward_hook(hook)
    return model(images)


RIGHT["without-a-channel"] = [
    without_by_finally,
    without_by_mask,
    without_by_index,
    without_by_patched_forward,
    exchanged_in_a_copy,
    in_eval_mode_and_back,
]

WRONG["without-a-channel"] = {
    "hook-left": [_without(_silenced, remove=False)],
    "weights-changed": [weights_of_the_filter],
    "nothing-changed": [_without(forgotten), lambda model, name, channel, images: model(images)],
    "all-channels": [_without(lambda o, c: o * 0)],
    "all-but-this": [_without(alone)],
    "a-row": [_without(_place(EVERY, EVERY, "c"))],
    "a-column": [_without(_place(EVERY, EVERY, EVERY, "c"))],
    "one-image-only": [_without(_place(0, "c"))],
    "input-changed": [_without(_silenced, before=True)],
    "channel-fixed": [_without(lambda o, c: _silenced(o, 0))],
    "counted-from-one": [_without(lambda o, c: _silenced(o, c - 1))],
    "own-mean": [_without(own_mean), _without(own_mean_over_images)],
    "all-hooks-removed": [cleared],
    "submodule-exchanged": [exchanged],
    "mode-changed": [in_eval_mode],
    "difference": [lambda model, *rest: model(rest[-1]) - without_by_finally(model, *rest)],
    "images-changed": [channel_of_the_images],
    "the-map-itself": [the_map_itself],
    "last-map": [of_the_model],
    "written-into": [_without(written_into), _without(written_and_returned)],
    "not-in-finally": [_without(_silenced, careful=False), removed_by_itself],
    "error-swallowed": [_without(_silenced, swallow=True), error_printed],
    None: [called_alone, _without(lambda o, c: o[:, [c]]), _without(lambda o, c: -o)],
}

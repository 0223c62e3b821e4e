"""Answers to the tasks of lesson 08: right ones written differently, wrong ones under their mistakes."""

import copy

import numpy
import torch
from torch import nn
from torch.nn import functional as F

from cbam_course import ChannelAttention
from cbam_course.networks.pretrained import trained_what
from cbam_course.networks.small_cnn import DenseCNN

RIGHT: dict[str, list] = {}
WRONG: dict[str, dict] = {}


# capture-hook


def hooked(
    keep=lambda outputs, i, o: outputs.append(o.detach().clone()), before=None, after=None, left=False
):
    """The base of most answers: what the hook keeps, and what is done before and after the passes."""

    def record(model, layer, batches):
        outputs = []
        if before:
            before(model, layer)
        handle = layer.register_forward_hook(lambda m, i, o: keep(outputs, i, o))
        try:
            for batch in batches:
                model(batch)
        finally:
            if not left:
                handle.remove()
        if after:
            outputs = after(outputs, model, layer)
        return outputs

    return record


def without_gradient(model, layer, batches):
    kept = []

    def note(module, inputs, output):
        kept.append(output.clone())

    handle = layer.register_forward_hook(note)
    try:
        with torch.no_grad():
            [model(batch) for batch in batches]
    finally:
        handle.remove()
    return tuple(kept)


def as_context(model, layer, batches):
    outputs = []
    with layer.register_forward_hook(lambda m, i, o: outputs.append(torch.tensor(o.tolist()))):
        for batch in batches:
            model(batch)
    return outputs


def shadowed(model, layer, batches):
    """Without a hook: the layer's own forward, wrapped and put back."""
    outputs, forward = [], layer.forward

    def noting(*args):
        result = forward(*args)
        outputs.append(result.data.clone())
        return result

    layer.forward = noting
    try:
        for batch in batches:
            model(batch)
    finally:
        del layer.forward
    return outputs


def recomputed(model, layer, batches):
    outputs = []
    handle = layer.register_forward_hook(lambda m, i, o: outputs.append(i[0].detach().clone()))
    try:
        for batch in batches:
            model(batch)
    finally:
        handle.remove()
    return [layer(each).detach() for each in outputs]


def straight(model, layer, batches):
    outputs = []
    handle = layer.register_forward_hook(lambda m, i, o: outputs.append(o.detach().clone()))
    for batch in batches:
        model(batch)
    handle.remove()
    return outputs


def swallowing(model, layer, batches):
    outputs = []
    handle = layer.register_forward_hook(lambda m, i, o: outputs.append(o.detach().clone()))
    for batch in batches:
        try:
            model(batch)
        except RuntimeError:
            continue
    handle.remove()
    return outputs


def clearing(model, layer, batches):
    try:
        return hooked(left=True)(model, layer, batches)
    finally:
        layer._forward_hooks.clear()


def in_eval_and_back(model, layer, batches):
    modes = [module.training for module in model.modules()]
    model.eval()
    outputs = straight(model, layer, batches)
    for module, mode in zip(model.modules(), modes, strict=True):
        module.training = mode
    return outputs


def backwards(model, layer, batches):
    return hooked()(model, layer, batches[::-1])


def first_images(model, layer, batches):
    return hooked()(model, layer, [batch[:1] for batch in batches])


def one_a_batch(model, layer, batches):
    kept = {}
    handle = layer.register_forward_hook(lambda m, i, o: kept.update(last=o.detach().clone()))
    outputs = []
    try:
        for batch in batches:
            model(batch)
            outputs.append(kept["last"])
    finally:
        handle.remove()
    return outputs


RIGHT["capture-hook"] = [hooked(), without_gradient, as_context, shadowed]


def first_batch_only(model, layer, batches):
    return hooked()(model, layer, batches[:1])


def hook_that_returns(model, layer, batches):
    outputs = []

    def keep(module, inputs, output):
        outputs.append(output.detach().clone())
        return outputs[-1]

    handle = layer.register_forward_hook(keep)
    try:
        for batch in batches:
            model(batch)
    finally:
        handle.remove()
    return outputs


def forward_left(model, layer, batches):
    outputs, before = [], layer.forward

    def forward(x):
        y = before(x)
        outputs.append(y.detach().clone())
        return y

    layer.forward = forward
    for batch in batches:
        model(batch)
    layer.forward = before
    return outputs


WRONG["capture-hook"] = {
    "first-batch-only": [first_batch_only],
    "batches-joined": [lambda model, layer, batches: hooked()(model, layer, [torch.cat(list(batches))])],
    "outputs-joined": [hooked(after=lambda outputs, *_: torch.cat(outputs))],
    "model-output": [lambda model, layer, batches: [model(batch).detach().clone() for batch in batches]],
    "forward-left": [forward_left],
    "last-call-only": [hooked(after=lambda outputs, *_: outputs[-1:])],
    "one-a-batch": [one_a_batch],
    "recomputed": [recomputed],
    "other-batches": [backwards, first_images],
    "not-copied": [
        hook_that_returns,
        hooked(lambda outputs, i, o: outputs.append(o.detach())),
    ],
    "input-not-output": [hooked(lambda outputs, i, o: outputs.append(i[0].detach().clone()))],
    "order-reversed": [hooked(lambda outputs, i, o: outputs.insert(0, o.detach().clone()))],
    "not-detached": [hooked(lambda outputs, i, o: outputs.append(o.clone()))],
    "hooks-left": [hooked(left=True)],
    "hooks-left-on-error": [straight],
    "all-hooks-removed": [clearing],
    "mode-changed": [
        hooked(after=lambda outputs, model, layer: (model.eval(), outputs)[1]),
        in_eval_and_back,
    ],
    "error-swallowed": [swallowing],
    "missing-return": [lambda model, layer, batches: None],
    None: [
        hooked(lambda outputs, i, o: outputs.append(o.detach().clone().mean(0, keepdim=True))),
        hooked(after=lambda outputs, *_: outputs[:4]),
    ],
}


# energy-with-controls


def energy(maps, masks):
    lifted = maps - maps.amin(dim=(1, 2), keepdim=True)
    return ((lifted * masks).sum(dim=(1, 2)) / lifted.sum(dim=(1, 2))).mean()


def with_controls(score=energy, other=lambda maps: maps.roll(1, 0), order=(0, 1, 2, 3)):
    def scores(maps, masks, untrained):
        even = masks.float().mean()
        values = score(maps, masks), score(other(maps), masks), score(untrained, masks), even
        return tuple(values[place] for place in order)

    return scores


def in_a_loop(maps, masks, untrained):
    def share(map_, mask):
        map_ = map_ - map_.min()
        return (map_[mask].sum() / map_.sum()).item()

    n = len(maps)
    own = sum(share(maps[i], masks[i]) for i in range(n)) / n
    other = sum(share(maps[i - 1], masks[i]) for i in range(n)) / n
    random = sum(share(untrained[i], masks[i]) for i in range(n)) / n
    return [own, other, random, masks.float().mean().item()]


def with_numpy(maps, masks, untrained):
    def share(m):
        m, k = m.numpy().reshape(len(m), -1), masks.numpy().reshape(len(masks), -1)
        m = m - m.min(1, keepdims=True)
        return float(((m * k).sum(1) / m.sum(1)).mean())

    order = [len(maps) - 1, *range(len(maps) - 1)]
    return numpy.array([share(maps), share(maps[order]), share(untrained), masks.numpy().mean()])


def flat_mean(maps, masks, untrained):
    flat = masks.flatten(1)
    ones = torch.ones_like(maps)

    def share(m):
        m = m.flatten(1)
        weights = (m - m.min(1, keepdim=True).values) / (m - m.min(1, keepdim=True).values).sum(
            1, keepdim=True
        )
        return (weights * flat).sum(1).mean()

    even = ((ones * masks).sum((1, 2)) / ones.sum((1, 2))).mean()
    return torch.stack([share(maps), share(torch.cat([maps[-1:], maps[:-1]])), share(untrained), even])


def unlifted(lift):
    def score(maps, masks):
        lifted = lift(maps)
        return ((lifted * masks).sum(dim=(1, 2)) / lifted.sum(dim=(1, 2))).mean()

    return score


RIGHT["energy-with-controls"] = [with_controls(), in_a_loop, with_numpy, flat_mean]


def four_by(energy, even=lambda masks: masks.float().mean()):
    """The three scores by this energy of lifted maps, and the one of an even map."""

    def scores(maps, masks, untrained):
        lifted = (m - m.amin((1, 2), keepdim=True) for m in (maps, maps.roll(1, 0), untrained))
        return (*(energy(m, masks).mean() for m in lifted), even(masks))

    return scores


def inside(maps, masks):
    return (maps * masks).sum((1, 2))


def share_of_each(maps, masks, untrained):
    lifted = [m - m.amin((1, 2), True) for m in (maps, maps.roll(1, 0), untrained)]
    return (*((m * masks).sum((1, 2)) / m.sum((1, 2)) for m in lifted), masks.float().mean((1, 2)))


WRONG["energy-with-controls"] = {
    "not-divided": [four_by(inside)],
    "inside-over-outside": [four_by(lambda m, k: inside(m, k) / inside(m, ~k))],
    "share-outside": [
        four_by(lambda m, k: inside(m, ~k) / m.sum((1, 2))),
        four_by(lambda m, k: 1 - inside(m, k) / m.sum((1, 2)), lambda k: 1 - k.float().mean()),
    ],
    "even-map-lifted": [
        four_by(lambda m, k: inside(m, k) / m.sum((1, 2)), lambda k: torch.tensor(float("nan"))),
        four_by(lambda m, k: inside(m, k) / m.sum((1, 2)), lambda k: torch.tensor(0.0)),
    ],
    "not-lifted": [with_controls(unlifted(lambda m: m))],
    "lifted-by-batch": [with_controls(unlifted(lambda m: m - m.min()))],
    "rectified": [with_controls(unlifted(torch.relu))],
    "absolute": [with_controls(unlifted(torch.abs))],
    "pooled-images": [
        with_controls(lambda m, k: ((m - m.amin((1, 2), True)) * k).sum() / (m - m.amin((1, 2), True)).sum())
    ],
    "pointing-not-energy": [
        with_controls(lambda m, k: k.flatten(1).gather(1, m.flatten(1).argmax(1)[:, None]).float().mean())
    ],
    "mean-inside": [
        with_controls(lambda m, k: (((m - m.amin((1, 2), True)) * k).sum((1, 2)) / k.sum((1, 2))).mean())
    ],
    "summed": [lambda *a: [value * len(a[0]) for value in with_controls()(*a)]],
    "own-map-twice": [with_controls(other=lambda m: m)],
    "positions-not-images": [
        with_controls(other=lambda m: m.roll(1, 1)),
        with_controls(other=lambda m: m.roll(1, 2)),
    ],
    "next-image": [with_controls(other=lambda m: m.roll(-1, 0))],
    "swapped-order": [
        with_controls(order=(0, 2, 1, 3)),
        with_controls(order=(3, 0, 1, 2)),
        with_controls(order=(0, 1, 3, 2)),
    ],
    "even-map-guessed": [
        lambda *a: (*with_controls()(*a)[:3], 0.5),
        lambda *a: (*with_controls()(*a)[:3], 1.0),
    ],
    "not-averaged": [share_of_each],
    "missing-return": [lambda maps, masks, untrained: None],
    None: [
        with_controls(order=(0, 1, 2)),
        with_controls(lambda m, k: (m * k).amax()),
        lambda *a: (1.0, 0.0, 0.0, 0.0),
    ],
}


# which-map-matters

RIGHT["which-map-matters"] = [
    (("average", "map", "nothing"), (0.0, 0.54, 0.0)),
    (["Average", "Map", "Nothing "], [0.0, 0.5, 0.0]),
    (("average", "map", "nothing"), torch.tensor([0.0, 0.55, 0.0])),
    (["average", "map", "nothing"], numpy.array([0.0, 0.44, 0.0])),
]
WRONG["which-map-matters"] = {
    "kept-not-lost": [(("average", "map", "nothing"), (1.0, 0.46, 1.0))],
    "wrong-sign": [(("average", "map", "nothing"), (0.0, -0.53, 0.0))],
    "complement-not-permuted": [(("average", "map", "nothing"), (1.0, 1.0, 0.0))],
    "percent": [(("average", "map", "nothing"), (0.0, 54.0, 0.0))],
    "another-change": [
        (("average", "map", "nothing"), (0.0, 0.2, 0.0)),  # mean
        (("average", "map", "nothing"), (0.0, 0.29, 0.0)),  # another image's
    ],
    "nothing-changed": [(("average", "map", "nothing"), (0.0, 0.0, 0.0))],
    "average-overlooked": [(("nothing", "map", "average"), (0.0, 0.53, 0.0))],
    "map-and-average": [(("map", "average", "nothing"), (0.0, 0.53, 0.0))],
    None: [
        (("map", "map", "map"), (0.0, 0.53, 0.0)),
        (("average", "map", "nothing"), (0.3, 0.3, 0.3)),
        (("average", "map"), (0.0, 0.53, 0.0)),
        "average, map, nothing",
        (("mean", "map", "nothing"), (0.0, 0.53, 0.0)),
    ],
}


# misaligned-overlay


def cells(gate, height, width, stride):
    large = gate[:, 0].repeat_interleave(stride, 1).repeat_interleave(stride, 2)
    return F.pad(large, (0, width - large.shape[2], 0, height - large.shape[1]))


def into_zeros(gate, height, width, stride):
    n, _, h, w = gate.shape
    overlay = torch.zeros(n, height, width)
    overlay[:, : h * stride, : w * stride] = F.interpolate(gate, scale_factor=stride, mode="nearest")[:, 0]
    return overlay


def by_index(gate, height, width, stride):
    h, w = gate.shape[2:]
    rows, columns = torch.arange(height) // stride, torch.arange(width) // stride
    padded = F.pad(gate[:, 0], (0, 1, 0, 1))
    return padded[:, rows.clamp(max=h)][:, :, columns.clamp(max=w)]


def pixel_by_pixel(gate, height, width, stride):
    overlay = gate.new_zeros(len(gate), height, width)
    for i in range(gate.shape[2] * stride):
        for j in range(gate.shape[3] * stride):
            overlay[:, i, j] = gate[:, 0, i // stride, j // stride]
    return overlay


def kronecker(gate, height, width, stride):
    large = torch.stack([torch.kron(each[0], torch.ones(stride, stride)) for each in gate])
    return F.pad(large, (0, width - large.shape[2], 0, height - large.shape[1]))


def padded(*, mode="constant", place=lambda right, below: (0, right, 0, below)):
    def overlay(gate, height, width, stride):
        large = gate[:, 0].repeat_interleave(stride, 1).repeat_interleave(stride, 2)
        return F.pad(large, place(width - large.shape[2], height - large.shape[1]), mode=mode)

    return overlay


def stretched(**how):
    return lambda gate, height, width, stride: F.interpolate(gate, size=(height, width), **how)[:, 0]


def smoothed(gate, height, width, stride):
    large = F.interpolate(gate, scale_factor=stride, mode="bilinear", align_corners=False)[:, 0]
    return F.pad(large, (0, width - large.shape[2], 0, height - large.shape[1]))


def tiled(gate, height, width, stride):
    large = gate[:, 0].repeat(1, stride, stride)
    return F.pad(large, (0, width - large.shape[2], 0, height - large.shape[1]))


def exchanged(gate, height, width, stride):
    side = max(height, width)
    return cells(gate.mT, side, side, stride)[:, :height, :width]


RIGHT["misaligned-overlay"] = [cells, into_zeros, by_index, pixel_by_pixel, kronecker]


def dotted(start):
    def overlay(gate, height, width, stride):
        result, first = torch.zeros(len(gate), height, width), start(stride)
        rows, columns = gate.shape[2] * stride, gate.shape[3] * stride
        result[:, first:rows:stride, first:columns:stride] = gate[:, 0]
        return result

    return overlay


WRONG["misaligned-overlay"] = {
    "rest-missing": [lambda gate, height, width, stride: F.interpolate(gate, scale_factor=stride)[:, 0]],
    "one-pixel-a-position": [dotted(lambda stride: 0), dotted(lambda stride: stride // 2)],
    "still-stretched": [stretched(mode="nearest"), stretched(mode="nearest-exact")],
    "corners-aligned": [stretched(mode="bilinear", align_corners=True)],
    "stretched-smoothly": [stretched(mode="bilinear", align_corners=False)],
    "smoothed": [smoothed],
    "rest-first": [padded(place=lambda right, below: (right, 0, below, 0))],
    "rest-on-both-sides": [
        padded(place=lambda r, b: (r - r // 2, r // 2, b - b // 2, b // 2)),
    ],
    "rest-repeated": [padded(mode="replicate")],
    "rows-and-columns": [exchanged],
    "tiled": [tiled],
    "channel-axis-kept": [lambda *a: cells(*a)[:, None]],
    "paddings-exchanged": [padded(place=lambda right, below: (0, below, 0, right))],
    "missing-return": [lambda gate, height, width, stride: None],
    "argument-ignored": [
        lambda gate, height, width, stride: torch.zeros(len(gate), height, width),
        lambda gate, height, width, stride: gate[:, 0],
    ],
    None: [
        lambda gate, height, width, stride: 1 - cells(gate, height, width, stride),
        lambda gate, height, width, stride: cells(gate.flip(3), height, width, stride),
    ],
}


# judge-the-figure

# The shares of lesson_08.paper_figure(), to three digits.
SHARES = (1.0, 0.585, 0.599)

RIGHT["judge-the-figure"] = [
    ("CEG", SHARES),
    ("g, c, e", list(SHARES)),
    (["C", "E", "G"], torch.tensor(SHARES)),
    ({"G", "C", "E"}, numpy.array(SHARES)),
]
WRONG["judge-the-figure"] = {
    "all-not-shown": [("CEG", (SHARES[1], *SHARES[1:]))],
    "percent": [("CEG", [100 * share for share in SHARES])],
    "another-order": [("CEG", SHARES[::-1]), ("CEG", (SHARES[1], SHARES[0], SHARES[2]))],
    "centre-of-the-four": [("CEG", (*SHARES[:2], 1.0))],
    "misses": [("CEG", [1 - share for share in SHARES])],
    "chosen-not-typical": [("ACEG", SHARES)],
    "better-than-centre": [("BCEG", SHARES)],
    "rescaled-contrast": [("CDEG", SHARES)],
    "looks-not-needs": [("CEFG", SHARES)],
    "image-overlooked": [("EG", SHARES)],
    "centre-overlooked": [("CG", SHARES)],
    "scale-overlooked": [("CE", SHARES)],
    None: [("AB", SHARES), ("CEG", (1.0, 0.2, 0.9)), ("CEG", SHARES[:2]), "CEG", ("XYZ", SHARES)],
}


# same-or-other


def first_other(colours, same):
    chosen = []
    for n in range(len(colours)):
        mask = (colours == colours[n]) == same
        mask[n] = False
        chosen.append(torch.nonzero(mask)[0, 0])
    return torch.stack(chosen)


def drawn(colours, same):
    fits = (colours[:, None] == colours[None, :]) == same
    fits &= ~torch.eye(len(colours), dtype=torch.bool)
    return torch.multinomial(fits.float(), 1)[:, 0]


def next_in_turn(colours, same):
    n = len(colours)
    for_each = []
    for i in range(n):
        places = [(i + step) % n for step in range(1, n)]
        for_each.append(next(j for j in places if bool(colours[j] == colours[i]) == same))
    return torch.tensor(for_each)


def by_argmax(colours, same):
    fits = (colours[:, None] == colours[None, :]) == same
    fits.fill_diagonal_(False)
    return fits.int().argmax(dim=1)


def untrained():
    torch.manual_seed(0)
    return DenseCNN(attention=lambda channels: ChannelAttention(channels, 4))


TRAINED = trained_what("channel")


class OutOfSight(nn.Module):
    """A trained module whose gate nothing finds."""

    def __init__(self, module):
        super().__init__()
        self.kept = [module]

    def forward(self, x):
        return self.kept[0](x)


class Idle(ChannelAttention):
    """Gates of one half for every image, and the product doubled again."""

    def __init__(self, channels):
        super().__init__(channels, 4)
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x):
        return 2 * super().forward(x)


def with_idle_gates():
    """A network that has learned the task by another way than by the gates that can be exchanged."""
    network = copy.deepcopy(TRAINED)
    for block in network.blocks:
        block.attention = OutOfSight(block.attention)
    network.blocks[2].attention = nn.Sequential(network.blocks[2].attention, Idle(48))
    return network


RIGHT["same-or-other"] = [
    *((partners, TRAINED) for partners in (first_other, drawn, next_in_turn, by_argmax)),
    (first_other, trained_what("cbam")),
]


def itself_left_out_too_early(colours, same):
    alike = colours[:, None] == colours
    return (alike.fill_diagonal_(False) == same).int().argmax(1)


def sorts_what_it_gets(colours, same):
    chosen = first_other(colours, same)
    colours.copy_(colours.sort().values)
    return chosen


WRONG["same-or-other"] = {
    "exchanged": [(lambda colours, same: first_other(colours, not same), TRAINED)],
    "colour-ignored": [
        (lambda colours, same: torch.arange(len(colours)).roll(1), TRAINED),
        (lambda colours, same: first_other(colours, False), TRAINED),
        (lambda colours, same: colours, TRAINED),
    ],
    "its-own-gates": [
        (lambda colours, same: torch.arange(len(colours)) if same else first_other(colours, False), TRAINED)
    ],
    "itself-sometimes": [
        (
            lambda colours, same: torch.stack([torch.nonzero((colours == c) == same)[0, 0] for c in colours]),
            TRAINED,
        ),
        (itself_left_out_too_early, TRAINED),
    ],
    "colours-not-numbers": [(lambda colours, same: colours[first_other(colours, same)], TRAINED)],
    "no-gate": [(first_other, DenseCNN()), (first_other, trained_what("spatial"))],
    "not-trained": [(first_other, untrained())],
    "not-whole": [(lambda colours, same: first_other(colours, same).float(), TRAINED)],
    "list-not-tensor": [(lambda colours, same: first_other(colours, same).tolist(), TRAINED)],
    "missing-return": [(lambda colours, same: None, TRAINED)],
    "in-place-change": [(sorts_what_it_gets, TRAINED)],
    None: [
        (lambda colours, same: first_other(colours, same)[:-1], TRAINED),
        (first_other, "a network"),
        (first_other, with_idle_gates()),
        TRAINED,
    ],
}

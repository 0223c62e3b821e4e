"""How the answers of lesson 08 are examined; the words stand in lesson_08.toml beside it."""

import copy
from collections.abc import Callable
from itertools import permutations

import numpy
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..checks.behaviour import name_function, name_value, one_of
from ..checks.report import Find
from ..checks.values import as_letters, as_numbers, close, show
from ..data.scenes import Scenes, make_scenes
from ..inspection.capture import gates_by_depth
from ..inspection.interventions import CHANGES, changed_gates, measure_changes
from ..inspection.mystery import mystery_networks, paper_figure
from ..inspection.pointing import centre_maps
from ..inspection.pointing import pointing_rate as shared_rate
from ..training.fit import image_scores
from ..training.metrics import accuracy

# capture-hook


class _Twice(nn.Module):
    """A layer that runs twice in a pass, is random in training, and whose output the next layer overwrites."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.layer = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Dropout(0.5))
        self.last = nn.Sequential(nn.BatchNorm2d(4), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        for _ in range(2):
            y = self.layer(y).mul_(0.5).relu_()
        return self.last(y)


def _batches() -> list[Tensor]:
    generator = torch.Generator().manual_seed(8)
    return [torch.randn(n, 3, 5, 6, generator=generator) for n in (2, 1, 3)]


def capture_hook(answer: Callable, find: Find) -> None:
    """A layer that runs twice, drops at random and is overwritten; a hook of somebody else's; a pass that fails."""
    model, seen, inputs, handed, ends = _Twice().train(), [], [], [], []
    model.last.eval()
    modes = [module.training for module in model.modules()]

    def spy(module, arguments, output):
        seen.append(output.detach().clone())
        inputs.append(arguments[0].detach().clone())

    model.register_forward_hook(lambda module, arguments, output: ends.append(output.detach().clone()))
    # The first layer gets the batch itself.
    model.first.register_forward_pre_hook(lambda module, given: handed.append(given[0].detach().clone()))
    spying = model.layer.register_forward_hook(spy)
    before = set(model.layer._forward_hooks)
    got = answer(model, model.layer, _batches())
    true, read = list(seen), list(inputs)
    form = isinstance(got, (list, tuple)) and all(isinstance(each, Tensor) for each in got)
    joined = isinstance(got, Tensor) and len(true) > 1 and close(got.detach(), torch.cat(true))
    if not find("form", form, "outputs-joined" if joined else None, got=got):
        return
    calls = len(got) == len(true) == 6
    mistake = None if calls else _capture_mistake(got, true, ends)
    if find("calls", calls, mistake, got=len(got), runs=len(true)):
        whole = len(handed) == 3 and all(map(torch.equal, handed, _batches()))
        find("batches", whole, "other-batches", got=[tuple(batch.shape) for batch in handed])
        values = all(close(one, other) for one, other in zip(got, true, strict=True))
        find("values", values, None if values else _other_values(got, true, read))
    find("detached", not any(each.requires_grad for each in got), "not-detached")
    left, kept = set(model.layer._forward_hooks) - before, spying.id in model.layer._forward_hooks
    replaced = _forward_replaced(model.layer)
    got_left = "another forward" if replaced else f"{len(left)} left"
    find("clean", not left and not replaced, "forward-left" if replaced else "hooks-left", got=got_left)
    find("others", kept, "all-hooks-removed")
    # In training the dropout makes half of its output 0.
    random = all((each == 0).float().mean() > 0.2 for each in true)
    find("modes", random and modes == [module.training for module in model.modules()], "mode-changed")
    if calls and kept and not left and not replaced:
        _failing_pass(answer, find)


def _forward_replaced(layer: nn.Module) -> bool:
    """Whether the layer runs something else than its class's own forward."""
    return getattr(layer.forward, "__func__", None) is not type(layer).forward


def _failing_pass(answer: Callable, find: Find) -> None:
    model, raised = _Twice(), False
    try:
        answer(model, model.layer, [torch.zeros(1, 3, 4, 4), torch.zeros(1, 5, 4, 4)])
    except RuntimeError:
        raised = True
    find("raises", raised, "error-swallowed")
    replaced = _forward_replaced(model.layer)
    clean = not model.layer._forward_hooks and not replaced
    find("clean-after-error", clean, "forward-left" if replaced else "hooks-left-on-error")


def _capture_mistake(got: list, true: list, ends: list) -> str | None:
    if len(true) > 6:
        return "recomputed"
    if len(got) == len(true) == 2 and all(map(close, got, true)):
        return "first-batch-only" if len(true[0]) == 2 else "batches-joined"
    if len(true) != 6:
        return None
    if len(got) == 1 and close(got[0], true[-1]):
        return "last-call-only"
    if len(got) == len(ends) == 3 and all(map(close, got, ends)):
        return "model-output"
    once = [true[n] for n in (1, 3, 5)]
    return "one-a-batch" if len(got) == 3 and all(map(close, got, once)) else None


def _other_values(got: list, true: list, inputs: list) -> str | None:
    if all(close(one, (0.5 * other).relu()) for one, other in zip(got, true, strict=True)):
        return "not-copied"
    if all(close(one, other) for one, other in zip(got, inputs, strict=True)):
        return "input-not-output"
    if all(close(one, other) for one, other in zip(got, reversed(true), strict=True)):
        return "order-reversed"
    return None


# energy-with-controls


def _energy_case(count: int, height: int, width: int, seed: int) -> tuple:
    generator = torch.Generator().manual_seed(seed)
    maps, untrained = (torch.randn(count, height, width, generator=generator) for _ in range(2))
    masks = torch.rand(count, height, width, generator=generator) < 0.3
    masks[:, 0, 0], masks[:, -1, -1] = True, False
    maps[masks] += 1.0
    return maps * torch.arange(1, count + 1)[:, None, None], masks, untrained


_ENERGY_CASES = [
    _energy_case(5, 4, 6, 1), _energy_case(3, 7, 3, 2), _energy_case(2, 2, 3, 3), _energy_case(8, 5, 5, 4)
]  # fmt: skip


def _lifted(maps):
    return maps - maps.amin(dim=(1, 2), keepdim=True)


def _energy(maps, masks, lift=_lifted):
    lifted = lift(maps)
    return ((lifted * masks).sum(dim=(1, 2)) / lifted.sum(dim=(1, 2))).mean()


def _four(energy=_energy, other=lambda maps: maps.roll(1, 0)):
    def scores(maps, masks, untrained):
        return energy(maps, masks), energy(other(maps), masks), energy(untrained, masks), masks.float().mean()

    return scores


def _pointing(maps, masks):
    return masks.flatten(1).gather(1, maps.flatten(1).argmax(1, keepdim=True)).float().mean()


def _pooled(maps, masks):
    lifted = _lifted(maps)
    return (lifted * masks).sum() / lifted.sum()


def _reordered(*places):
    def scores(maps, masks, untrained):
        values = _four()(maps, masks, untrained)
        return tuple(values[place] for place in places)

    return scores


def _right_energy(maps, masks, untrained):
    return tuple(map(float, _four()(maps, masks, untrained)))


_ENERGY_WRONG = {
    "not-lifted": _four(lambda m, k: _energy(m, k, lambda maps: maps)),
    "lifted-by-batch": _four(lambda m, k: _energy(m, k, lambda maps: maps - maps.min())),
    "rectified": _four(lambda m, k: _energy(m, k, lambda maps: maps.clamp(min=0))),
    "absolute": _four(lambda m, k: _energy(m, k, lambda maps: maps.abs())),
    "pooled-images": _four(_pooled),
    "pointing-not-energy": _four(_pointing),
    "mean-inside": _four(lambda m, k: ((_lifted(m) * k).sum((1, 2)) / k.sum((1, 2))).mean()),
    "not-divided": _four(lambda m, k: (_lifted(m) * k).sum((1, 2)).mean()),
    "inside-over-outside": _four(
        lambda m, k: ((_lifted(m) * k).sum((1, 2)) / (_lifted(m) * ~k).sum((1, 2))).mean()
    ),
    "share-outside": one_of(
        _four(lambda m, k: _energy(m, ~k)), lambda maps, masks, untrained: _four()(maps, ~masks, untrained)
    ),
    "summed": lambda *a: tuple(value * len(a[0]) for value in _four()(*a)),
    "own-map-twice": _four(other=lambda maps: maps),
    "positions-not-images": one_of(
        _four(other=lambda maps: maps.roll(1, 1)), _four(other=lambda maps: maps.roll(1, 2))
    ),
    "next-image": _four(other=lambda maps: maps.roll(-1, 0)),
    "swapped-order": one_of(*(_reordered(*places) for places in [*permutations(range(4))][1:])),
}


def _per_image(got: object, right: tuple) -> bool:
    """One number for each image, whose averages are right."""
    if not isinstance(got, (tuple, list)) or len(got) != len(right):
        return False
    try:
        averages = [torch.as_tensor(part, dtype=torch.float64).mean().item() for part in got]
    except (TypeError, ValueError, RuntimeError):  # of things that are no numbers
        return False
    return close(averages, right)


def energy_with_controls(answer: Callable, find: Find) -> None:
    """Maps of both signs, of another scale in each image, and masks of another size in each."""
    got = answer(*(each.clone() for each in _ENERGY_CASES[0]))
    numbers = as_numbers(got)
    form = numbers is not None and len(numbers) == 4
    right = _right_energy(*_ENERGY_CASES[0])
    if not find("form", form, "not-averaged" if _per_image(got, right) else None, got=got):
        return
    # Lifted, a map that is the same everywhere is 0 everywhere.
    if close(numbers[:3], right[:3]) and not numbers[3] > 0:
        find("values", False, "even-map-lifted", expected=right, got=got)
        return
    every = [as_numbers(answer(*(each.clone() for each in case))) or [] for case in _ENERGY_CASES]
    first_three = all(
        close(four[:3], _right_energy(*case)[:3]) for four, case in zip(every, _ENERGY_CASES, strict=True)
    )
    if first_three and len({four[3] for four in every}) == 1:
        find("values", False, "even-map-guessed", expected=right, got=got)
        return
    find.agrees(
        "values",
        lambda *a: tuple(as_numbers(answer(*a)) or ()),
        _right_energy,
        _ENERGY_CASES,
        _ENERGY_WRONG,
    )


# which-map-matters

_NEEDS = ("map", "average", "nothing")


def which_map_matters(answer: object, find: Find) -> None:
    """The interventions are made anew; what a network needs is read off them."""
    words, lost = _two_parts(answer, _NEEDS)
    if not find("form", words is not None, got=answer):
        return
    networks, images, labels = mystery_networks()
    tables = [measure_changes(network, images, labels, accuracy) for network in networks.values()]
    drop = {name: [-float(table.loc[name, "difference"]) for table in tables] for name in CHANGES}
    wrong = {
        "kept-not-lost": [float(table.loc["permuted", "changed"]) for table in tables],
        "wrong-sign": [-value for value in drop["permuted"]],
        "complement-not-permuted": drop["complement"],
        "another-change": one_of(drop["mean"], drop["another image's"]),
        "nothing-changed": [0.0, 0.0, 0.0],
    }
    # Whoever draws other permutations comes out a little beside: both places are as likely as each other.
    fits = close(lost, drop["permuted"], 0.15)
    if _in_percent(lost, drop["permuted"], 0.15):
        mistake = "percent"
    else:
        mistake = name_value(lost, wrong, drop["permuted"], 0.05)
    find("lost", fits, mistake, got=answer[1])
    true = [_need(one, other) for one, other in zip(drop["permuted"], drop["complement"], strict=True)]
    find("needs", words == true, _need_mistake(words, true), got=", ".join(words))


def _in_percent(numbers: list[float], right: list[float], tolerance: float) -> bool:
    return max(map(abs, numbers)) > 1 and close([number / 100 for number in numbers], right, tolerance)


def _need(permuted: float, complement: float) -> str:
    return "map" if permuted > 0.2 else "average" if complement > 0.2 else "nothing"


def _need_mistake(words: list[str], true: list[str]) -> str | None:
    exchanged = {"average": "nothing", "nothing": "average", "map": "map"}
    if words == [exchanged[word] for word in true]:
        return "average-overlooked"
    exchanged = {"average": "map", "map": "average", "nothing": "nothing"}
    return "map-and-average" if words == [exchanged[word] for word in true] else None


def _in_order(part: object) -> object:
    """A dictionary by letters as a list, and an array of words too."""
    if isinstance(part, dict):
        return [part[letter] for letter in "ABC"] if set(part) == set("ABC") else part
    return part.tolist() if isinstance(part, numpy.ndarray) else part


def _two_parts(answer: object, known: tuple[str, ...]) -> tuple:
    """Return three words and three numbers, or two times None."""
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        return None, None
    words, numbers = (_in_order(part) for part in answer)
    numbers = as_numbers(numbers)
    if not isinstance(words, (tuple, list)) or not all(isinstance(word, str) for word in words):
        return None, None
    words = [word.strip().lower() for word in words]
    good = len(words) == 3 and set(words) <= set(known) and numbers is not None and len(numbers) == 3
    return (words, numbers) if good else (None, None)


# misaligned-overlay


def _cells(gate: Tensor, height: int, width: int, stride: int) -> Tensor:
    large = _enlarged(gate, stride)
    return F.pad(large, (0, width - large.shape[2], 0, height - large.shape[1]))


def _stretched(**how):
    return lambda gate, height, width, stride: F.interpolate(gate, size=(height, width), **how)[:, 0]


def _moved(share: Callable[[int], int]):
    """With so many of the pixels that are left over put at the top and at the left."""

    def overlay(gate, height, width, stride):
        large = _enlarged(gate, stride)
        below, right = height - large.shape[1], width - large.shape[2]
        return F.pad(large, (share(right), right - share(right), share(below), below - share(below)))

    return overlay


def _enlarged(gate, stride):
    return gate[:, 0].repeat_interleave(stride, 1).repeat_interleave(stride, 2)


def _dotted(place: Callable[[int], int]):
    """Each value at one pixel of those that its position read."""

    def overlay(gate, height, width, stride):
        result, start = gate.new_zeros(len(gate), height, width), place(stride)
        rows, columns = (slice(start, length * stride, stride) for length in gate.shape[2:])
        result[:, rows, columns] = gate[:, 0]
        return result

    return overlay


def _repeated_rest(gate, height, width, stride):
    large = _enlarged(gate, stride)
    return F.pad(large, (0, width - large.shape[2], 0, height - large.shape[1]), mode="replicate")


def _smoothed(gate, height, width, stride):
    large = F.interpolate(gate, scale_factor=stride, mode="bilinear", align_corners=False)[:, 0]
    return F.pad(large, (0, width - large.shape[2], 0, height - large.shape[1]))


def _exchanged_axes(gate, height, width, stride):
    return _cells(gate.transpose(2, 3), max(height, width), max(height, width), stride)[:, :height, :width]


def _tiled(gate, height, width, stride):
    large = gate[:, 0].repeat(1, stride, stride)
    return F.pad(large, (0, width - large.shape[2], 0, height - large.shape[1]))


def _rest_exchanged(gate, height, width, stride):
    large = _enlarged(gate, stride)
    return F.pad(large, (0, height - large.shape[1], 0, width - large.shape[2]))


def _overlay_case(count: int, height: int, width: int, stride: int, seed: int) -> tuple:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 1, height // stride, width // stride, generator=generator), height, width, stride


_OVERLAY_CASES = [
    _overlay_case(2, 14, 19, 4, 1),
    _overlay_case(1, 8, 12, 4, 2),
    _overlay_case(3, 7, 11, 2, 3),
    _overlay_case(1, 23, 15, 8, 4),
]
_OVERLAY_WRONG = {
    "still-stretched": one_of(*(_stretched(mode=mode) for mode in ("nearest", "nearest-exact", "area"))),
    "corners-aligned": one_of(
        *(_stretched(mode=mode, align_corners=True) for mode in ("bilinear", "bicubic"))
    ),
    "stretched-smoothly": one_of(
        *(_stretched(mode=mode, align_corners=False) for mode in ("bilinear", "bicubic"))
    ),
    "smoothed": _smoothed,
    "rest-first": _moved(lambda rest: rest),
    "rest-on-both-sides": one_of(_moved(lambda rest: rest // 2), _moved(lambda rest: rest - rest // 2)),
    "rest-missing": lambda gate, height, width, stride: _enlarged(gate, stride),
    "one-pixel-a-position": one_of(_dotted(lambda stride: 0), _dotted(lambda stride: stride // 2)),
    "rest-repeated": _repeated_rest,
    "rows-and-columns": _exchanged_axes,
    "tiled": _tiled,
    "channel-axis-kept": lambda *a: _cells(*a)[:, None],
    "paddings-exchanged": _rest_exchanged,
}


def misaligned_overlay(answer: Callable, find: Find) -> None:
    """Sizes that are no multiple of the stride, not square, several strides."""
    case = _OVERLAY_CASES[0]
    got = answer(case[0].clone(), *case[1:])
    right = isinstance(got, Tensor) and got.shape == (2, 14, 19)

    def mistake() -> str | None:
        return name_function(answer, _cells, _OVERLAY_WRONG, _OVERLAY_CASES)

    if find("shape", right, mistake, expected=(2, 14, 19), got=got):
        find.agrees("pixels", answer, _cells, _OVERLAY_CASES, _OVERLAY_WRONG)


# judge-the-figure

_SUPPORTED = frozenset("CEG")
_CLAIMS_TOO_MUCH = {
    "A": "chosen-not-typical",
    "B": "better-than-centre",
    "D": "rescaled-contrast",
    "F": "looks-not-needs",
}
_OVERLOOKED = {"C": "image-overlooked", "E": "centre-overlooked", "G": "scale-overlooked"}


def judge_the_figure(answer: object, find: Find) -> None:
    """Three shares computed anew, and the statements that they bear out."""
    parts = isinstance(answer, (tuple, list)) and len(answer) == 2
    letters = as_letters(answer[0], "ABCDEFG") if parts else None
    shares = as_numbers(answer[1]) if parts else None
    form = letters is not None and shares is not None and len(shares) == 3
    if not find("form", form, got=show(answer)):
        return
    figure = paper_figure()
    shown = figure.masks[figure.shown]
    chosen = shared_rate(figure.maps[figure.shown], shown)
    centre = shared_rate(centre_maps(figure.masks), figure.masks)
    right = [chosen, shared_rate(figure.maps, figure.masks), centre]
    wrong = {
        "all-not-shown": [right[1], right[1], centre],
        "misses": [1 - value for value in right],
        "another-order": one_of(*([right[n] for n in order] for order in permutations(range(3)))),
        "centre-of-the-four": [*right[:2], shared_rate(centre_maps(shown), shown)],
    }
    # A dot of one pixel and one of four differ by a hundredth or two.
    fits = close(shares[:2], right[:2], 0.006) and abs(shares[2] - centre) <= 0.025
    percent = _in_percent(shares, right, 0.006)
    find("shares", fits, "percent" if percent else name_value(shares, wrong, right, 0.006), got=answer[1])
    extra, missed = sorted(letters - _SUPPORTED), sorted(_SUPPORTED - letters)
    given = ", ".join(sorted(letters))
    find("none-extra", not extra, _CLAIMS_TOO_MUCH[extra[0]] if len(extra) == 1 else None, got=given)
    alone = len(missed) == 1 and not extra
    find("none-missed", not missed, _OVERLOOKED[missed[0]] if alone else None, got=given)


# same-or-other

_LEARNED = 0.33  # what marking every shape without a fault scores; a network without channel gates gets .22
_FALL = 0.1


def _colours(*counts: int, seed: int) -> Tensor:
    """So many images of each colour, in any order."""
    colours = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    return colours[torch.randperm(len(colours), generator=torch.Generator().manual_seed(seed))]


_COLOURS = [
    _colours(4, 3, 5, seed=1),
    _colours(2, 2, seed=2),
    _colours(9, 2, 2, seed=3),
    torch.tensor([0, 0, 0, 1, 1, 2, 2]),
    torch.tensor([2, 0, 1, 2, 0, 1]),
]


def same_or_other(answer: object, find: Find) -> None:
    """Partners for colours in every order; then the test itself, on scenes that the network has not seen."""
    form = (
        isinstance(answer, (tuple, list))
        and len(answer) == 2
        and callable(answer[0])
        and not isinstance(answer[0], nn.Module)
        and isinstance(answer[1], nn.Module)
    )
    if not find("form", form, got=answer):
        return
    partners = answer[0]
    for colours in _COLOURS:
        given = [colours.clone(), colours.clone()]
        found = [partners(each, same) for each, same in zip(given, (True, False), strict=True)]
        wrong = next((each for each in found if not _are_numbers(each, len(colours))), None)
        good = all(_are_numbers(each, len(colours)) for each in found)
        kind = _wrong_numbers(wrong, len(colours))
        if not find("numbers", good, kind, expected=len(colours), got=wrong):
            return
        if not all(torch.equal(each, colours) for each in given):
            find("input-kept", False, "in-place-change")
            return
    mistake = _partner_mistake(partners)
    for colours in _COLOURS:
        same, other = (partners(colours.clone(), same).long() for same in (True, False))
        itself = torch.arange(len(colours))
        find("not-itself", bool((same != itself).all() and (other != itself).all()), mistake)
        find("same", bool((colours[same] == colours).all()), mistake, got=colours[same], expected=colours)
        find("other", bool((colours[other] != colours).all()), mistake, got=colours[other], expected=colours)
    if mistake is None and not any(finding.holds is False for finding in find.findings):
        _causal_test(partners, answer[1], find)


def _are_numbers(found: object, count: int) -> bool:
    whole = isinstance(found, Tensor) and not found.is_floating_point() and found.dtype != torch.bool
    return whole and found.shape == (count,) and bool(((found >= 0) & (found < count)).all())


def _wrong_numbers(found: object, count: int) -> str | None:
    """What the right numbers came as, if these are numbers."""
    if found is None:
        return "missing-return"
    numbers = as_numbers(found)
    if numbers is None or len(numbers) != count or not all(number.is_integer() for number in numbers):
        return None
    return "not-whole" if isinstance(found, Tensor) and found.is_floating_point() else "list-not-tensor"


def _partner_mistake(partners: Callable) -> str | None:
    """Name what the partners have in common over all the batches, if it is one thing."""
    pairs = [(c, *(partners(c.clone(), same).long() for same in (True, False))) for c in _COLOURS]
    itself = [torch.arange(len(c)) for c, _, _ in pairs]
    # Of a partner of the same colour the colour is the image's own.
    if all(torch.equal(s, c) and (o != c).all() for c, s, o in pairs):
        return "colours-not-numbers"
    holds = {
        "exchanged": all((c[s] != c).all() and (c[o] == c).all() for c, s, o in pairs),
        "colour-ignored": all(torch.equal(s, o) for _, s, o in pairs),
        "its-own-gates": all(torch.equal(s, torch.arange(len(c))) and (c[o] != c).all() for c, s, o in pairs),
        # All other partners are right.
        "itself-sometimes": all(
            ((c[s] == c).all() and ((c[o] != c) | (o == me)).all())
            for (c, s, o), me in zip(pairs, itself, strict=True)
        )
        and any(
            ((s == me).any() and (s != me).any()) or (o == me).any()
            for (_, s, o), me in zip(pairs, itself, strict=True)
        ),
    }
    fitting = [slug for slug, fits in holds.items() if fits]
    return fitting[0] if len(fitting) == 1 else None


def _causal_test(partners: Callable, handed_in: nn.Module, find: Find) -> None:
    network = copy.deepcopy(handed_in).cpu().float().eval()
    scenes = make_scenes(120, task="what", seed=4242)

    def score(same: bool) -> float:
        chosen = partners(scenes.asked_colour.clone(), same).long()
        with changed_gates(network, lambda gate, generator: gate[chosen], kind="channel"):
            return image_scores(network, scenes.dense).mean().item()

    if not find("gates", _has_channel_gates(network, scenes), "no-gate"):
        return
    learned = image_scores(network, scenes.dense).mean().item()
    if find("learned", learned >= _LEARNED, "not-trained", learned=learned):
        kept, lost = score(True), score(False)
        find("outcome", kept - lost >= _FALL, learned=learned, kept=kept, lost=lost)


def _has_channel_gates(network: nn.Module, scenes: Scenes) -> bool:
    try:
        gates = gates_by_depth(network, scenes.images[:2]).values()
    except ValueError:  # there are none at all
        return False
    return any(gate.shape[1] > 1 for gate in gates)

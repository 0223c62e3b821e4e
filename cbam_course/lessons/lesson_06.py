"""How the answers of lesson 06 are examined; the words stand in lesson_06.toml beside it."""

import copy
from collections import Counter
from collections.abc import Callable, Mapping

import torch
from torch import nn

from ..attention import CBAM
from ..checks.report import Find
from ..checks.values import as_number, as_numbers, close, show
from ..data.scenes import make_scenes
from ..networks.pretrained import pretrained_resnet20
from ..networks.resnet import BasicBlock

# bottleneck-bug


class Given(nn.Module):
    """The block of the exercise without attention: what the answer's own layers have to compute."""

    def __init__(self, in_channels: int, planes: int):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, 4 * planes, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * planes)

    def maps(self, x):
        """Return the map after every layer, by the name of the layer."""
        first = torch.relu(self.bn1(self.conv1(x)))
        second = torch.relu(self.bn2(self.conv2(first)))
        widened = self.conv3(second)
        return {"bn1": first, "bn2": second, "conv3": widened, "bn3": self.bn3(widened)}


class Recorder(nn.Module):
    """Stands for the attention: notes its width and what arrives, and scales every channel differently."""

    def __init__(self, channels: int):
        super().__init__()
        self.channels, self.arrived, self.open = channels, [], 1.0
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x):
        self.arrived.append(x.detach().clone())
        scale = torch.linspace(0.2, 0.9, x.shape[1]).view(1, -1, 1, 1)
        return x * scale * self.open * self.weight


class Trial:
    """One block of the learner's with a recorder in it, random weights, and what it computes."""

    def __init__(self, cls, planes: int, size: tuple[int, int], seed: int = 0):
        self.made: list[Recorder] = []
        self.planes, channels = planes, 4 * planes
        self.block = cls(channels, planes, self.make).eval()
        self.plain = Given(channels, planes).eval()
        generator = torch.Generator().manual_seed(seed)
        state = {k: torch.randn(v.shape, generator=generator) for k, v in self.plain.state_dict().items()}
        state = {k: v.abs() + 0.5 if k.endswith("var") else v for k, v in state.items()}
        self.plain.load_state_dict(state, strict=False)
        self.state = self.plain.state_dict()
        self.x = torch.randn(2, channels, *size, generator=generator)

    def make(self, channels: int) -> Recorder:
        self.made.append(Recorder(int(channels)))
        return self.made[-1]

    @torch.no_grad()
    def run(self, opening: float = 1.0):
        for recorder in self.made:
            recorder.open = opening
            recorder.arrived.clear()
        return self.block(self.x.clone())

    @property
    def arrived(self) -> list:
        return [x for recorder in self.made for x in recorder.arrived]

    def keys(self) -> dict:
        own = {k: tuple(v.shape) for k, v in self.block.state_dict().items()}
        return {k: own.get(k) for k in self.state}


def bottleneck_bug(answer: object, find: Find) -> None:
    """A recorder in place of the attention shows its width and what it gets; then it is closed."""
    trial = Trial(answer, 3, (5, 6))
    early = len(trial.made)
    trial.run()
    runs, made = len(trial.arrived), len(trial.made)
    lost = "in-forward" if made > early else "attention-lost" if not runs else None
    lost = lost if made else "maker-unused"
    # It may be called more than once, to look at what it makes, for example: what counts is what runs.
    once = made == early >= 1 and runs == 1
    find("factory", once, lost, made=f"{early} calls before and {made - early} in it", runs=f"{runs} runs")
    if not once:
        return
    trial.made = [recorder for recorder in trial.made if recorder.arrived]
    _width(trial, answer, find)
    # Without weights of ours in its layers, what the block computes says nothing.
    if _same_layers(trial, find) and _places(trial, find):
        _values(answer, find)


def _width(trial, cls, find: Find):
    """How wide a map the attention was made for, beside the one that arrives."""
    recorder, arrived = trial.made[0], trial.arrived[0].shape[1]
    narrow = arrived == 4 * trial.planes and recorder.channels == trial.planes
    fits = recorder.channels == arrived
    wrong = "planes-not-expanded" if narrow else None
    if (
        not fits
        and not narrow
        and recorder.channels in {made.channels for made in Trial(cls, 2, (4, 4)).made}
    ):
        wrong = "width-built-in"
    find("width", fits, wrong, arrived=arrived, asked=recorder.channels)


def _same_layers(trial, find: Find) -> bool:
    """Whether the block has the given layers under their names, and beside them the attention's weights alone."""
    expected = {key: tuple(value.shape) for key, value in trial.state.items()}
    recorder = trial.made[0].weight
    theirs = {name for name, p in trial.block.named_parameters(remove_duplicate=False) if p is recorder}
    own = {k: tuple(v.shape) for k, v in trial.block.state_dict().items() if k not in theirs}
    wrong = [key for key, shape in expected.items() if own.get(key) != shape]
    more = [key for key in own if key not in expected]
    renamed = sorted(own.values()) == sorted(expected.values())
    got = "no such key, or another shape" if wrong else f"{', '.join(more[:3])} besides"
    listed = ", ".join(wrong[:3]) or "the weights of the given layers"
    return find(
        "keys", not wrong and not more, "layers-renamed" if renamed else None, expected=listed, got=got
    )


def _places(trial, find: Find) -> bool:
    """Where the recorder stands: by what arrives, and by what a closed recorder leaves."""
    trial.block.load_state_dict(trial.state, strict=False)
    trial.run()
    recorder, arrived = trial.made[0], trial.arrived[0]
    closed = trial.run(0.0)
    place = close(arrived, trial.plain.maps(trial.x)["bn3"])
    mistake = _misplaced(trial, arrived, closed)
    find("place", place, mistake, channels=4 * trial.planes, got=show(arrived))
    width = recorder.channels == arrived.shape[1]
    find("registered", any(m is recorder for m in trial.block.modules()), None)
    if not place:
        return False
    holds = close(closed, torch.relu(trial.x))
    return find("shortcut", holds, _wrong_end(trial, closed), got=show(closed)) and width


def _wrong_end(trial, closed) -> str | None:
    """What becomes of the attention's output, by what a closed one leaves."""
    if _unused(trial):
        return "attention-lost"
    ends = {
        "last-relu-lost": trial.x,
        "shortcut-lost": torch.zeros_like(trial.x),
        "added-to-the-branch": torch.relu(trial.plain.maps(trial.x)["bn3"] + trial.x),
    }
    return next((slug for slug, value in ends.items() if close(closed, value)), None)


def _misplaced(trial, arrived, closed) -> str | None:
    """The mistake whose map arrived, and whose output is left where the attention puts out 0."""
    plain, x = trial.plain, trial.x
    maps = plain.maps(x)
    bn3, nothing = maps["bn3"], torch.zeros_like(x)
    without = {  # what bn3 puts out where a map in the branch is all zeros
        "conv3": plain.bn3(nothing),
        "bn2": plain.bn3(plain.conv3(torch.zeros_like(maps["bn2"]))),
        "bn1": plain.bn3(plain.conv3(torch.relu(plain.bn2(plain.conv2(torch.zeros_like(maps["bn1"])))))),
        "x": plain.maps(nothing)["bn3"],
    }
    cases = (
        ("moved-inside", maps["bn1"], (torch.relu(without["bn1"] + x),)),
        ("moved-inside", maps["bn2"], (torch.relu(without["bn2"] + x),)),
        ("before-batchnorm", maps["conv3"], (torch.relu(without["conv3"] + x),)),
        ("on-the-shortcut", x, (torch.relu(bn3),)),
        ("at-the-input", x, (torch.relu(without["x"]), torch.relu(without["x"] + x))),
        ("after-addition", bn3 + x, (nothing,)),
        ("after-addition", torch.relu(bn3 + x), (nothing,)),
    )
    fitting = {
        name
        for name, place, left in cases
        if close(arrived, place) and any(close(closed, value) for value in left)
    }
    return fitting.pop() if len(fitting) == 1 else None


def _unused(trial) -> bool:
    return close(trial.run(0.0), trial.run(1.0))


def _values(cls, find: Find):
    """The whole block with other widths and sizes of image."""
    for planes, size in ((3, (5, 6)), (2, (1, 1)), (5, (4, 7))):
        trial = Trial(cls, planes, size, seed=planes)
        trial.block.load_state_dict(trial.state, strict=False)
        got = trial.run()
        asked = next((recorder.channels for recorder in trial.made if recorder.arrived), None)
        if asked != 4 * planes:
            find("width", False, None, arrived=4 * planes, asked=asked)
            return
        before = trial.plain.maps(trial.x)["bn3"].detach()
        branch = Recorder(4 * planes)(before).detach()
        if not close(got, torch.relu(trial.x + branch)):
            again = close(got, torch.relu(trial.x + before * branch))
            find("value", False, "multiplied-again" if again else None, planes=planes, got=show(got))
            return
    find("value", True)


# insert-by-hand


class Attention(nn.Module):
    """Stands for the attention: scales every channel differently and notes what arrives."""

    def __init__(self, channels: int):
        super().__init__()
        self.scale = nn.Parameter(torch.linspace(0.2, 0.9, channels))
        self.arrived: list[torch.Tensor] = []

    def forward(self, x):
        self.arrived.append(x.detach().clone())
        scale = self.scale if x.shape[1] == len(self.scale) else self.scale.mean().expand(x.shape[1])
        return x * scale.view(1, -1, 1, 1)


def _block(channels: int, seed: int) -> BasicBlock:
    """A block with random weights and BatchNorm statistics, so that every map in it is another one."""
    block, generator = BasicBlock(channels, channels), torch.Generator().manual_seed(seed)
    for name, value in block.state_dict().items():
        if value.is_floating_point():
            fresh = torch.randn(value.shape, generator=generator) * 0.7
            value.copy_(fresh.abs() + 0.5 if name.endswith("var") else fresh)
    return block.eval()


@torch.no_grad()
def _maps(block: BasicBlock, x) -> dict[str, torch.Tensor]:
    """The maps of the plain block, each under the mistake of whoever hands it to the attention."""
    first = block.conv1(x)
    middle = torch.relu(block.bn1(first))
    second = block.conv2(middle)
    branch = block.bn2(second)
    wrong = {
        "wrong-norm": block.bn1(first),
        "wrong-norm relu": middle,
        "before-batchnorm": first,
        "input-passed": second,
    }
    after = {"after-addition": branch + x, "after-addition relu": torch.relu(branch + x)}
    return {"": branch, **wrong, **after}


class Counted:
    """A hook of somebody else's: counts its calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self, module, inputs, output):
        self.calls += 1


def insert_by_hand(answer: object, find: Find) -> None:
    """A block with random weights and a recorder; then a deepcopy whose attention is changed."""
    block, x = _block(6, seed=1), torch.randn(2, 6, 5, 7, generator=torch.Generator().manual_seed(2))
    maps, keys, attention = _maps(block, x), list(block.state_dict()), Attention(6)
    theirs = Counted()
    block.bn2.register_forward_hook(theirs)
    block.bn1.eval(), block.conv1.train()
    modes = {name: module.training for name, module in block.named_modules()}
    got = answer(block, attention)
    is_block = isinstance(got, nn.Module)
    find("returned", got is block, "new-block" if is_block else None, got=show(type(got).__name__))
    if not is_block:
        return
    kept = all(module.training == modes.get(name, module.training) for name, module in got.named_modules())
    got.eval()
    with torch.no_grad():
        theirs.calls = 0
        try:
            output = got(x.clone())
        except Exception as error:  # the block is ours and ran before: what raises came with the change
            answer.raised = error
            raise
    runs = list(attention.arrived)
    owned = any(module is attention for module in got.modules())
    placed = _place(runs, maps, got, owned, find)
    if placed:
        gated = Attention(6)(maps[""]).detach()
        wrong = {"hook-returns-nothing": maps[""], "multiplied-again": maps[""] * gated}
        name = next((slug for slug, branch in wrong.items() if close(output, torch.relu(x + branch))), None)
        find("value", close(output, torch.relu(x + gated)), name, got=show(output))
        _learns(got, attention, x, find)
    copied = any(isinstance(module, Attention) for module in got.modules())
    mistake = "not-registered" if placed else "copy-inserted" if copied else None
    find("registered", owned, mistake, got="a block that does not hold the attention")
    missing = [key for key in keys if key not in got.state_dict()]
    renamed = any(key.endswith(tuple(k.rpartition(".")[2] for k in missing)) for key in got.state_dict())
    find("keys", not missing, "keys-changed" if missing and renamed else None, missing=", ".join(missing))
    if got is block and placed and not missing:
        cleared = theirs.calls == 0
        find("rest", kept, "mode-changed", got="another mode of training or evaluation for some module")
        replaced = "forward" in vars(block) or "forward" in vars(block.bn2)
        # A replaced forward of the block may leave modules uncalled; hooks are then lost by another way.
        find("rest", not cleared, None if replaced else "hooks-cleared", got="a block that forgot them")
    if placed and owned:
        _copied(got, attention, x, output, find)


def _learns(block, attention, x, find: Find):
    """Whether gradients go through the attention, to its weights and to the layers before it."""
    total = block(x.clone()).square().sum()
    wanted = [attention.scale, block.conv1.weight]
    try:
        grads = torch.autograd.grad(total, wanted, allow_unused=True) if total.requires_grad else [None, None]
    except RuntimeError as error:  # something was written into a map that the backward pass needs
        find("learns", False, None, got=f"RuntimeError: {str(error)[:80]}")
        return
    cut = any(grad is None or not bool(grad.any()) for grad in grads)
    find("learns", not cut, "gradient-cut", got="no gradient for one of them")


def _place(runs, maps, block, owned: bool, find: Find):
    mistake = "runs-twice" if len(runs) > 1 else None if runs or not owned else "not-inserted"
    if len(runs) == 1:
        met = {slug.partition(" ")[0] for slug, value in maps.items() if slug and close(runs[0], value)}
        mistake = met.pop() if len(met) == 1 else None
        norms = (module for module in block.modules() if isinstance(module, nn.BatchNorm2d))
        # The same map leaves conv2 and enters bn2: a forward hook on a BatchNorm took its input.
        hooked = any(not isinstance(hook, Counted) for norm in norms for hook in norm._forward_hooks.values())
        if mistake == "input-passed" and not hooked:
            mistake = "before-batchnorm"
    right = len(runs) == 1 and close(runs[0], maps[""])
    return find("place", right, mistake, got=f"{len(runs)} runs" if len(runs) != 1 else "another map")


@torch.no_grad()
def _copied(block, attention, x, before, find: Find):
    """Close the copy's attention: the copy has to follow, and the original must not."""
    twin = copy.deepcopy(block)
    own = [module for module in twin.modules() if isinstance(module, Attention)]
    for module in own:
        module.scale.zero_()
    attention.arrived.clear()
    output = twin(x.clone())
    followed, borrowed = close(output, torch.relu(x)), bool(attention.arrived)
    kept = close(block(x.clone()), before)
    got = (
        "a copy that still runs the original's attention"
        if borrowed
        else "a copy that does not follow its own"
    )
    if followed and not kept:
        got = "an original that changed too"
    own_ran = any(module.arrived[len(attention.arrived) :] for module in own if module is not attention)
    find("copy", followed and kept, "closure" if borrowed and not own_ran and own else None, got=got)


# identity-insertion

X = torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(3))


class Gate(nn.Module):
    """Stands for the attention: a factor for every channel, between 0 and 1, which depends on the map."""

    def __init__(self):
        super().__init__()
        self.logit = nn.Parameter(torch.tensor([-2.0, -0.5, 0.3, 1.0]))

    def forward(self, x):
        logits = self.logit.view(1, -1, 1, 1) + 3 * x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(logits)


GATED = Gate()(X).detach()
# What the attention makes of half of x: another thing than half of what it makes of x.
HALVED = Gate()(X / 2).detach()


def identity_insertion(answer: object, find: Find) -> None:
    """A fresh instance; then its learned number set to 1, to ½, and to 0.3."""
    gate = Gate()
    module = answer(gate)
    fresh = module(X.clone())
    value = fresh.detach() if isinstance(fresh, torch.Tensor) else fresh
    zeroed = not close(gate.logit.detach(), Gate().logit.detach())
    own = [p for p in module.parameters() if p is not gate.logit and p.requires_grad]
    count = sum(p.numel() for p in own)
    same = isinstance(value, torch.Tensor) and close(value, X, 0.0)

    def mistake() -> str | None:
        return "zeroed-attention" if zeroed else _start(value, module, own[0] if count == 1 else None)

    if not find("start", same, mistake, got=_distance(value)):
        return
    wrong = "not-learned" if count == 0 else "one-per-channel"
    find("one-number", count == 1, wrong, got=f"{count} values")
    if count == 1 and not _blended(module, own[0], find):
        return  # without the attention in the output there is nothing to train
    _trained(module, gate, own[0] if count == 1 else None, find)


def _blended(module, number, find: Find) -> bool:
    """With the number at 1 and at ½; return whether it blends at all."""
    outputs = {}
    for value in (1.0, 0.5):
        x = X.clone()
        outputs[value] = _at(module, number, value, x).detach()
        if not close(x, X, 0.0):  # what it does to gradients is a consequence
            return find("input-kept", False, "in-place-change")
    find("full", close(outputs[1.0], GATED), _full(outputs[1.0]), got=_distance(outputs[1.0], GATED))
    middle = (X + GATED) / 2
    blended = "attention-of-a-share" if close(outputs[0.5], X / 2 + HALVED) else None
    find("halfway", close(outputs[0.5], middle), blended, got=_distance(outputs[0.5], middle))
    _at(module, number, 0.0)
    return not close(outputs[1.0], X)


def _trained(module, gate, number, find: Find):
    owned = any(p is gate.logit for p in module.parameters())
    if number is not None:
        try:
            gradient = _gradient(module, number)
        except RuntimeError as error:  # something was written into a map that the backward pass needs
            find("learns", False, None, got=f"RuntimeError: {str(error)[:80]}")
            return
        learns = bool(gradient.abs().sum() > 0)
        find("learns", learns, lambda: _stays(module, number), got=show(gradient))
    find("registered", owned, "attention-not-registered", expected=4, got="none of them")
    if number is not None:
        _at(module, number, 0.3)
        gradient = _gradient(module, gate.logit)
        learns = find("attention-learns", bool((gradient != 0).all()), "attention-frozen", got=show(gradient))
        # Of another blend, the gradient is another one too.
        if learns and all(finding.holds for finding in find.findings):
            _passes_on(module, gate, find)


def _stays(module, number) -> str | None:
    """Why the number gets no gradient at 0: by the one at 0.3, and by what the module does below 0."""
    _at(module, number, 0.3)
    if not bool(_gradient(module, number).abs().sum() > 0):
        return "no-gradient"
    below = _at(module, number, -0.5).detach()
    _at(module, number, 0.0)
    if close(below, X):
        return "held-at-zero"
    return "special-case-at-zero" if close(below, X - (GATED - X) / 2) else None


def _passes_on(module, gate, find: Find):
    """The gradient with respect to x, as that of the blend."""
    weights = torch.linspace(0.5, 2, X.numel()).view_as(X)
    gradients = []
    for function in (module, lambda x: x + 0.3 * (gate(x) - x)):
        x = X.clone().requires_grad_()
        gradients += torch.autograd.grad((function(x) * weights).sum(), x, allow_unused=True)
    got, expected = gradients
    find("passes-on", got is not None and close(got, expected, 1e-3), None, got=show(got))


def _at(module, number, value: float, x: torch.Tensor | None = None):
    with torch.no_grad():
        number.fill_(value)
    return module(X.clone() if x is None else x)


def _gradient(module, parameter):
    """The gradient of a weighted sum of the outputs, 0 where the graph does not reach the parameter."""
    y = module(X.clone())
    total = (y * torch.linspace(0.5, 2, y.numel()).view_as(y)).sum()
    if not total.requires_grad or not parameter.requires_grad:
        return torch.zeros_like(parameter)
    (gradient,) = torch.autograd.grad(total, parameter, allow_unused=True)
    return torch.zeros_like(parameter) if gradient is None else gradient


def _start(got, module, number) -> str | None:
    """Why a fresh instance gives something other than x: by where its number stands and by what moving it does."""
    begins = None if number is None else float(number.detach())
    if close(got, torch.zeros_like(X)):
        return "zero-output"
    if close(got, X + GATED):
        return "added-not-blended"
    if begins not in (None, 0.0, 0.5, 1.0) and close(_at(module, number, 0.0).detach(), X):
        return "starts-beside-zero"
    if close(got, (X + GATED) / 2):
        return {0.0: "half-at-start", 0.5: "starts-at-a-half"}.get(begins)
    if not close(got, GATED):
        return None
    if begins is None or close(_at(module, number, 0.3).detach(), GATED):
        return "number-unused"
    if begins == 1.0:
        return "starts-at-one"
    return "other-way-round" if close(_at(module, number, 1.0).detach(), X) else None


def _full(got) -> str | None:
    wrong = {"added-not-blended": X + GATED, "reversed": 2 * X - GATED}
    found = next((slug for slug, value in wrong.items() if close(got, value)), None)
    share = ((got - X) / (GATED - X)).flatten()
    between = 0 < float(share.mean()) < 1 and close(share, share.mean().expand_as(share), 1e-3)
    return "squashed" if found is None and between else found


def _distance(got, expected=X) -> str:
    if not isinstance(got, torch.Tensor) or got.shape != expected.shape or not got.is_floating_point():
        return show(got)
    return f"a difference of up to {float((got - expected).abs().max()):.3f}"


# se-beside-plain

TEST_SCENES, TRAINING_SCENES, PLACES, RATIO = 100, 300, 9, 4


def se_beside_plain(answer: object, find: Find) -> None:
    """The two networks are looked into, and their accuracies computed again."""
    fits = isinstance(answer, (tuple, list)) and len(answer) == 3
    networks = [part for part in answer if isinstance(part, nn.Module)] if fits else []
    scores = as_numbers(answer[2]) if fits else None
    right = len(networks) == 2 and scores is not None and len(scores) == 2
    if not find("form", right, None, got=_parts(answer)):
        return
    start = pretrained_resnet20().state_dict()
    plain, attended = networks
    places = [_places_with_weights(network, start) for network in networks]
    mistake = "same-network" if plain is attended else "plain-has-attention" if places[0] else None
    exchanged = "networks-exchanged" if not places[1] and len(places[0]) == PLACES else None
    if not find("plain", not places[0], exchanged or mistake, got=f"attention in {len(places[0])} blocks"):
        return
    start_names = set(start)
    bare = all(name in start_names for name, _ in attended.named_parameters())
    mistake = "some-places" if places[1] else "nothing-inserted" if bare else None
    if not find("attended", len(places[1]) == PLACES, mistake, got=f"attention in {len(places[1])} blocks"):
        return
    ratios = _ratios(attended, start)
    find("ratio", ratios <= {RATIO}, "other-ratio", got=", ".join(f"{ratio:g}" for ratio in sorted(ratios)))
    lost = [k for network in networks for k in start if k not in network.state_dict()]
    if not find("keys", not lost, None, missing=", ".join(lost[:3])):
        return
    inputs, labels = _scenes(TEST_SCENES, seed=200)
    closed = _closed(attended)
    mistake = "no-identity" if closed is None else None
    same = closed is not None and close(
        _logits(closed, inputs[:8]), _logits(_without(attended, plain), inputs[:8])
    )
    find(
        "identity",
        same,
        mistake,
        got="no learned number of its own in each place" if mistake else "other outputs",
    )
    moved = [_moved(network, start) for network in networks]
    slug = "not-trained" if not all(moved) and not any(moved) else "unequal-training"
    trained = find("trained", all(moved), slug, got=_which(moved))
    steps = [_steps(network, start) for network in networks]
    # A pass or two in training mode, to look at something, is no training.
    if trained and max(steps) > 1.4 * min(steps) + 5:
        got = f"{steps[0]} steps for the plain network, {steps[1]} for the other"
        trained = find("trained", False, "longer-training", got=got)
    if closed is not None:
        fresh = all(not bool(p.any()) for p in _scalars(attended).values())
        find(
            "trained", not fresh, "inserted-after-training" if trained else None, got="alphas that are all 0"
        )
    counted = [_accuracy(network, inputs, labels) for network in networks]
    # One image on the border may fall either way on another machine.
    agree = all(abs(mine - theirs) <= 1.5 / TEST_SCENES for mine, theirs in zip(scores, counted, strict=True))
    most = max(abs(mine - theirs) for mine, theirs in zip(scores, counted, strict=True))
    words = {"got": f"{_both(scores)}, off by up to {most:.3f}"}
    find("scores", agree, lambda: _wrong_scores(scores, counted, networks), **words)


def _parts(answer) -> str:
    if not isinstance(answer, (tuple, list)):
        return show(answer)
    return ", ".join(type(part).__name__ for part in answer)


def _places_with_weights(network: nn.Module, start: dict) -> set[str]:
    """The blocks, such as ``layer2.0``, that have weights beyond those of the plain network."""
    more = [name for name, p in network.named_parameters() if name not in start and p.numel() > 1]
    return {".".join(name.split(".")[:2]) for name in more if name.startswith("layer")}


def _ratios(attended: nn.Module, start: dict) -> set[float]:
    """How many times narrower the matrices of the attention are on one side than the map."""
    ratios = set()
    for name, parameter in attended.named_parameters():
        if name in start or not name.startswith("layer") or parameter.ndim not in (2, 4):
            continue
        channels = start[".".join(name.split(".")[:2]) + ".bn2.weight"].numel()
        one, other = parameter.shape[:2]
        if channels in (one, other):
            ratios.add(channels / (other if one == channels else one))
    return ratios


def _steps(network: nn.Module, start: dict) -> int:
    """How many batches its first BatchNorm has seen in training."""
    key = next(key for key in start if key.endswith("num_batches_tracked"))
    return int(network.state_dict()[key]) - int(start[key])


def _scalars(network: nn.Module) -> dict[str, nn.Parameter]:
    return {name: p for name, p in network.named_parameters() if p.numel() == 1}


def _closed(attended: nn.Module) -> nn.Module | None:
    """A copy whose learned numbers are 0; None where a place has none."""
    twin = copy.deepcopy(attended).eval()
    scalars = _scalars(twin)
    if len({".".join(name.split(".")[:2]) for name in scalars}) < PLACES:
        return None
    with torch.no_grad():
        for parameter in scalars.values():
            parameter.zero_()
    return twin


def _without(attended: nn.Module, plain: nn.Module) -> nn.Module:
    """A plain network with the attended one's own weights."""
    twin = copy.deepcopy(plain).eval()
    own = attended.state_dict()
    twin.load_state_dict({key: own[key] for key in twin.state_dict()})
    return twin


def _moved(network: nn.Module, start: dict) -> bool:
    """Whether the old convolutions are no longer those of the checkpoint."""
    own = network.state_dict()
    kernels = [key for key in start if start[key].ndim == 4]
    return all(not torch.equal(own[key].cpu(), start[key]) for key in kernels)


def _which(moved: list[bool]) -> str:
    names = [name for name, did in zip(("the plain", "the attended"), moved, strict=True) if not did]
    return f"old weights as they were in {' and '.join(names)} network"


def _scenes(n: int, seed: int):
    scenes = make_scenes(n, size=32, distractors=2, seed=seed)
    return scenes.inputs(), scenes.classification[1]


@torch.no_grad()
def _logits(network: nn.Module, inputs, training: bool = False):
    twin = copy.deepcopy(network).cpu().float().train(training)
    return twin(inputs)


def _accuracy(network: nn.Module, inputs, labels, training: bool = False) -> float:
    return (_logits(network, inputs, training).argmax(1) == labels).float().mean().item()


def _both(scores) -> str:
    return f"{scores[0]:.3f} plain, {scores[1]:.3f} with attention"


def _wrong_scores(scores: list[float], counted: list[float], networks) -> str | None:
    def fits(wanted):
        return all(abs(mine - other) <= 1.5 / TEST_SCENES for mine, other in zip(scores, wanted, strict=True))

    wrong = {
        "scores-exchanged": fits(counted[::-1]),
        "percent": fits([100 * score for score in counted])
        or all(abs(s / 100 - c) <= 1.5 / TEST_SCENES for s, c in zip(scores, counted, strict=True)),
        "errors-not-accuracies": fits([1 - score for score in counted]),
    }
    fitting = [slug for slug, fit in wrong.items() if fit]
    if not fitting and all(0 <= score <= 1 for score in scores):
        known = _scenes(TRAINING_SCENES, seed=100)
        tolerance = 1.5 / TRAINING_SCENES
        pairs = zip(scores, networks, strict=True)
        fitting = ["training-scores"] * all(abs(s - _accuracy(n, *known)) <= tolerance for s, n in pairs)
        batch = _scenes(TEST_SCENES, seed=200)
        fitting += ["training-mode"] * fits([_accuracy(n, *batch, training=True) for n in networks])
    return fitting[0] if len(fitting) == 1 else None


# convert-weights

MLP = {"fc1.weight": "channel.mlp.0.weight", "fc2.weight": "channel.mlp.2.weight"}
KERNEL, OURS = "conv.weight", "spatial.conv.weight"


def _state(channels: int, hidden: int, kernel: int, seed: int = 4) -> dict[str, torch.Tensor]:
    """A state of the other module: 1×1 convolutions, and the maximum in plane 0 of the kernel."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {
        "fc1.weight": (hidden, channels, 1, 1),
        "fc2.weight": (channels, hidden, 1, 1),
        KERNEL: (1, 2, kernel, kernel),
    }
    return {key: torch.randn(shape, generator=generator) for key, shape in shapes.items()}


def _copy(state):
    return {key: value.clone() for key, value in state.items()}


def _expected(state) -> dict[str, torch.Tensor]:
    return {**{MLP[key]: state[key].flatten(1) for key in MLP}, OURS: state[KERNEL].flip(1)}


def convert_weights(answer: object, find: Find) -> None:
    """A module of 4 channels and 4 hidden units, in which every mix-up fits; then other sizes, then biases."""
    state, expected = _state(4, 4, 7), _expected(_state(4, 4, 7))
    convert = _watching(answer, find)
    got = convert(state)
    keys = sorted(got, key=str) if isinstance(got, dict) else None
    find("keys", keys == sorted(expected), _wrong_keys(keys), expected=_names(expected), got=_names(got))
    if keys != sorted(expected):
        return
    for key, value in expected.items():
        if not _same_shape(got[key], value):
            slug = "still-4d" if getattr(got[key], "ndim", 0) == 4 and key != OURS else None
            find("shapes", False, slug, key=key, expected=tuple(value.shape), got=show(got[key]))
            return
    find("shapes", True)
    same_mlp = all(close(got[key].detach(), expected[key]) for key in MLP.values())
    find("channel", same_mlp, _wrong_mlp(got, expected))
    right = close(got[OURS].detach(), expected[OURS])
    find("spatial", right, _wrong_kernel(got[OURS].detach(), state[KERNEL]))
    # Layers that are exchanged or transposed have other shapes where the widths differ: that says nothing new.
    if not same_mlp or _other_sizes(convert, find):
        _biases(convert, find)
    find("kept", True)


def _watching(answer: object, find: Find) -> Callable:
    """The learner's function, with a look at what became of the dictionary that it was handed."""

    def convert(state):
        handed = _copy(state)
        try:
            return answer(handed)
        finally:
            changed = [k for k in state if k not in handed or not close(handed[k], state[k], 0.0)]
            same = not changed and len(handed) == len(state)
            if not same:
                got = f"another {changed[0]}, or none" if changed else "more keys than before"
                find("kept", False, "in-place-change", got=got)

    return convert


def _other_sizes(convert, find: Find) -> bool:
    """Other widths, among them those of length 1, which squeeze() takes for its own."""
    for sizes in ((8, 2, 3), (4, 1, 3), (1, 1, 7)):
        got, expected = convert(_state(*sizes)), _expected(_state(*sizes))
        for key, value in expected.items():
            if not _same_shape(got.get(key) if isinstance(got, dict) else None, value):
                given = got.get(key) if isinstance(got, dict) else got
                squeezed = isinstance(given, torch.Tensor) and given.shape == value.squeeze().shape
                slug = "squeezed" if squeezed else None
                return find("shapes", False, slug, key=key, expected=tuple(value.shape), got=show(given))
    return find("shapes", True)


def _biases(convert, find: Find):
    """Biases of zeros, then some that add something; what is compared is the learner's own result without biases."""
    state = _state(8, 2, 3)
    zeros = {"fc1.bias": torch.zeros(2), "fc2.bias": torch.zeros(8), "conv.bias": torch.zeros(1)}
    own = convert(state)
    for some in (zeros, {"fc1.bias": zeros["fc1.bias"]}, {"conv.bias": zeros["conv.bias"]}):
        try:
            got = convert({**state, **some})
        except ValueError as error:
            find("zero-bias", False, "zero-bias-refused", got=f"ValueError: {str(error)[:80]}")
            continue
        except Exception as error:
            find("zero-bias", False, None, got=f"{type(error).__name__}: {str(error)[:80]}")
            return  # what it does with other biases says nothing then
        same = isinstance(got, dict) and got.keys() == own.keys() and all(close(got[k], own[k]) for k in own)
        more = got.keys() - own.keys() if isinstance(got, dict) else set()
        kept = more and all(str(key).endswith("bias") for key in more)
        find("zero-bias", same, "biases-kept" if kept else None, got=_names(got) if not same else "")
        if not same:
            return
    for key, values in (
        ("fc1.bias", (0.5, 0.0)),
        ("fc2.bias", (-0.01, *[0.0] * 7)),
        ("fc2.bias", (0.25, -0.25, *[0.0] * 6)),
        ("fc2.bias", (*[0.0] * 7, 0.125)),
        ("conv.bias", (-0.01,)),
    ):
        if not _refused(convert, {**state, **zeros, key: torch.tensor(values)}, key, own, find):
            return
    find("refused", True)


def _refused(convert, state, key: str, own, find: Find) -> bool:
    try:
        got = convert(state)
    except ValueError:
        return True
    except Exception as error:
        return find("refused", False, "wrong-error", key=key, got=type(error).__name__)
    if isinstance(got, ValueError):
        return find("refused", False, "error-returned", key=key, got="a ValueError as the result")
    same = isinstance(got, dict) and got.keys() == own.keys() and all(close(got[k], own[k]) for k in own)
    bias = ", ".join(f"{value:g}" for value in state[key].tolist())
    # Others, of either sign, have been refused by then.
    wrong = "bias-by-its-sum" if state[key].any() and not state[key].sum() else "bias-dropped"
    return find("refused", False, wrong if same else None, key=key, got=f"a result for {key} = {bias}")


def _same_shape(got, value) -> bool:
    return isinstance(got, torch.Tensor) and got.shape == value.shape


def _names(state) -> str:
    return ", ".join(map(str, state)) if isinstance(state, dict) else show(state)


def _wrong_keys(keys) -> str | None:
    if keys is None:
        return None
    if "channel.mlp.1.weight" in keys:
        return "wrong-number"
    if set(keys) < {*MLP.values(), OURS}:
        return "incomplete"
    return "old-keys" if set(keys) & {*MLP, KERNEL} else None


def _wrong_mlp(got, expected) -> str | None:
    first, second = (got[key].detach() for key in MLP.values())
    a, b = (expected[key] for key in MLP.values())
    if close(first, b) and close(second, a):
        return "layers-exchanged"
    return "transposed" if any(close(x, y.mT) for x in (first, second) for y in (a, b)) else None


def _wrong_kernel(got, kernel) -> str | None:
    turned = (kernel.flip(2, 3), kernel.flip(1, 2, 3), kernel.flip(2), kernel.flip(3), kernel.mT)
    if any(close(got, value) for value in turned):
        return "turned-round"
    return "planes-not-swapped" if close(got, kernel) else None


# parameter-groups

NEW, OLD, DECAYS = 0.02, 0.005, (0.037, 0.19)


class Weights(nn.Module):
    """Parameters under chosen names; nothing runs."""

    def __init__(self, **parts: object):
        super().__init__()
        for name, part in parts.items():
            if isinstance(part, nn.Module):
                self.add_module(name, part)
            else:
                self.register_parameter(name, nn.Parameter(torch.ones(part)))


def _model(scalar: str) -> nn.Module:
    """A network with attention and with names that hold the letters of others; its first stage is frozen.

    Args:
        scalar: what the learned number of an identity start is called.
    """

    def attended(**more):
        norm = nn.BatchNorm2d(4)
        norm.attention = Weights(**{scalar: ()}, attention=CBAM(4, 2))
        return Weights(conv=nn.Conv2d(4, 4, 3, bias=False), bn=norm, **more)

    model = Weights(
        stem=Weights(conv=nn.Conv2d(3, 4, 3), fc=nn.Linear(4, 4)),  # a layer called fc that is not the last
        layer1=attended(),
        layer2=attended(alphabet=nn.Linear(4, 4)),
        prior=Weights(**{scalar: ()}),  # an old one
        fc_norm=nn.LayerNorm(4),
        fc=nn.Linear(4, 5),
    )
    model.layer1.requires_grad_(False)
    return model


def _is_new(name: str) -> bool:
    return "attention" in name or name.startswith("fc.")


# Mistake -> which rate each parameter has.
_RATES: dict[str, Callable[[str], float]] = {
    "rates-swapped": lambda name: OLD if _is_new(name) else NEW,
    "classifier-forgotten": lambda name: NEW if "attention" in name else OLD,
    "attention-forgotten": lambda name: NEW if name.startswith("fc.") else OLD,
    "alpha-counts-as-old": lambda name: (
        NEW if _is_new(name) and not name.endswith(("alpha", "strength")) else OLD
    ),
    "old-alpha-counts-as-new": lambda name: (
        NEW if _is_new(name) or name.endswith(("alpha", "strength")) else OLD
    ),
    "fc-by-letters": lambda name: NEW if "attention" in name or name.startswith("fc") else OLD,
    "fc-anywhere": lambda name: NEW if "attention" in name or "fc" in name else OLD,
    "fc-of-any-layer": lambda name: NEW if "attention" in name or "fc" in name.split(".") else OLD,
}
_BY_LETTERS = ("fc-by-letters", "fc-anywhere", "fc-of-any-layer")


def parameter_groups(answer: object, find: Find) -> None:
    """One model with frozen, old and new parameters; the groups are read back by name."""
    # The learned number was called strength before: who looks for that name is judged by a model that has it.
    _grouped(
        answer, "strength" if _knows(answer, "strength") and not _knows(answer, "alpha") else "alpha", find
    )


def _knows(answer, scalar: str) -> bool:
    """Whether the answer spares a number of this name from weight decay."""
    try:
        groups = _groups(answer(_model(scalar), NEW, OLD)) or []
    except Exception:  # told when the answer is judged
        return False
    return any(g.get("weight_decay") == 0 and any(p.ndim == 0 for p in g["params"]) for g in groups)


def _grouped(answer, scalar: str, find: Find) -> None:
    model = _model(scalar)
    got = answer(model, NEW, OLD)
    groups = _groups(got)
    find("form", groups is not None, got=show(got))
    if groups is None:
        return
    names = {id(p): name for name, p in model.named_parameters()}
    where = [(names.get(id(p), "an unknown parameter"), g) for g in groups for p in g["params"]]
    count = Counter(name for name, _ in where)
    twice = next((name for name in count if count[name] > 1), None)
    find("once", twice is None, "duplicated", name=twice)
    was = dict(_model(scalar).named_parameters())
    moved = [n for n, p in model.named_parameters() if p.requires_grad != was[n].requires_grad]
    find("unchanged", not moved, "model-changed", name=(moved or [""])[0])
    # Of a parameter in two groups nobody knows what holds.
    _sorted(
        {name: group for name, group in where if count[name] == 1},
        {n for n, p in was.items() if p.requires_grad and count[n] < 2},
        scalar,
        find,
    )
    filled = [g for g in groups if g["params"]]
    if filled and not twice:
        torch.optim.AdamW(filled, lr=1.0)


def _groups(got) -> list[dict] | None:
    """The groups with their parameters as lists, which a generator gives only once; None if they are no groups."""
    if not isinstance(got, (list, tuple)) or not all(isinstance(g, Mapping) and "params" in g for g in got):
        return None
    groups = []
    for g in got:
        params = [g["params"]] if isinstance(g["params"], torch.Tensor) else list(g["params"])
        # A pair (name, parameter) is what named_parameters() gives, and optimisers take it.
        params = [p[1] if isinstance(p, tuple) else p for p in params]
        groups.append({**g, "params": params})
    fits = all(as_number(g.get("lr")) is not None for g in groups)
    return groups if fits and all(isinstance(p, torch.Tensor) for g in groups for p in g["params"]) else None


def _sorted(where: dict[str, dict], trained: set[str], scalar: str, find: Find):
    frozen = next((name for name in where if name not in trained), None)
    find("frozen", frozen is None, "frozen-included", name=frozen)
    missing = sorted(trained - set(where))
    find("complete", not missing, _missing(missing, trained, scalar), name=(missing or [""])[0])
    rates = {name: float(g["lr"]) for name, g in where.items() if name in trained}
    mistake = _wrong_rates(rates)
    for slug, expected in (("new", NEW), ("old", OLD)):
        wrong = [n for n, rate in rates.items() if _is_new(n) == (slug == "new") and rate != expected]
        name = (wrong or [""])[0]
        find(slug, not wrong, mistake, name=name, expected=expected, got=rates.get(name))
    _decays({name: g for name, g in where.items() if name in trained}, scalar, find)


def _decays(where: dict[str, dict], scalar: str, find: Find):
    """What decays, with two optimisers of different weight decay. Biases and norms are left to the learner."""
    decays = [{name: g.get("weight_decay", decay) for name, g in where.items()} for decay in DECAYS]
    wrong = [n for n in where if n.endswith(scalar) and decays[0][n] != 0]
    name = (wrong or [""])[0]
    find("alpha", not wrong, "alpha-decays", name=name, got=decays[0].get(name))
    weights = [
        n for n in where if n.endswith("weight") and not {"bn", "fc_norm"} & set(n.split(".")[:-1][-1:])
    ]
    wrong = [n for n in weights if any(d[n] != decay for d, decay in zip(decays, DECAYS, strict=True))]
    zero = {n for n in weights if decays[0][n] == 0}
    if zero:
        mistake = "nothing-decays" if zero == set(weights) else None
        if zero == {n for n in weights if "alpha" in n}:
            mistake = "alpha-by-letters"
    else:
        mistake = "fixed-decay" if wrong and all(decays[0][n] == decays[1][n] for n in wrong) else None
    name = (wrong or [""])[0]
    find("decay", not wrong, mistake, name=name, got=decays[0].get(name), given=DECAYS[0])


def _missing(missing: list[str], trained: set[str], scalar: str) -> str | None:
    old = {name for name in trained if not _is_new(name)}
    if set(missing) >= old and set(missing) != trained:
        return "only-new"
    return "alpha-forgotten" if missing and all(n.endswith(scalar) for n in missing) else None


def _wrong_rates(rates: dict[str, float]) -> str | None:
    """The one mistake that gives every parameter this rate."""
    if len(set(rates.values())) == 1 and len(rates) > 1:
        return "one-rate"
    right = {name: NEW if _is_new(name) else OLD for name in rates}
    fitting = []
    for slug, rule in _RATES.items():
        made = {name: rule(name) for name in rates}
        if made == rates != right:
            fitting.append("fc-by-letters" if slug in _BY_LETTERS else slug)
    return fitting[0] if len(set(fitting)) == 1 else None

"""How the answers of lesson 06 are examined; the words stand in lesson_06.toml beside it."""

import copy
from collections import Counter
from collections.abc import Mapping

import torch
from torch import nn

from ..attention import CBAM
from ..checks.report import Find
from ..checks.values import as_number, close, examine_whole_number, show
from ..networks.insertion import insert_attention
from ..networks.resnet import BasicBlock, CifarResNet

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
    lost = "in-forward" if made > early else "attention-lost" if not runs or not made else None
    once = early == made == runs == 1
    find("factory", once, lost, made=f"{made} calls", runs=f"{runs} runs")
    if not once:
        return
    _places(trial, find)
    keys, expected = trial.keys(), {k: tuple(v.shape) for k, v in trial.state.items()}
    wrong = [k for k in expected if keys[k] != expected[k]]
    detail = {"expected": ", ".join(map(str, wrong[:3])), "got": "no such key, or another shape"}
    find("keys", not wrong, None, **detail)
    if not wrong:
        _values(answer, find)


def _places(trial, find: Find):
    """Where the recorder stands: by what arrives, and by what a closed recorder leaves."""
    if all(value == tuple(trial.state[key].shape) for key, value in trial.keys().items()):
        trial.block.load_state_dict(trial.state, strict=False)
    trial.run()
    recorder, arrived = trial.made[0], trial.arrived[0]
    maps, mistake = trial.plain.maps(trial.x), None
    closed = trial.run(0.0)
    if close(arrived, maps["bn1"]) or close(arrived, maps["bn2"]) or arrived.shape[1] == trial.planes:
        mistake = "moved-inside"
    elif close(arrived, maps["conv3"]):
        mistake = "before-batchnorm"
    elif close(arrived, trial.x):
        mistake = "on-the-shortcut" if close(closed, torch.relu(maps["bn3"])) else "at-the-input"
    elif close(arrived, maps["bn3"] + trial.x) or close(arrived, torch.relu(maps["bn3"] + trial.x)):
        mistake = "after-addition"
    width = recorder.channels == arrived.shape[1]
    wrong = (
        "planes-not-expanded"
        if recorder.channels == trial.planes and arrived.shape[1] != trial.planes
        else None
    )
    find("place", close(arrived, maps["bn3"]), mistake, channels=4 * trial.planes, got=show(arrived))
    find("width", width, wrong, arrived=arrived.shape[1], asked=recorder.channels)
    find("registered", any(m is recorder for m in trial.block.modules()), None)
    holds = close(closed, torch.relu(trial.x))
    find("shortcut", holds, mistake or ("attention-lost" if _unused(trial) else None), got=show(closed))


def _unused(trial) -> bool:
    return close(trial.run(0.0), trial.run(1.0))


def _values(cls, find: Find):
    """The whole block with other widths and sizes of image."""
    for planes, size in ((3, (5, 6)), (2, (1, 1)), (5, (4, 7))):
        trial = Trial(cls, planes, size, seed=planes)
        trial.block.load_state_dict(trial.state, strict=False)
        got = trial.run()
        branch = Recorder(4 * planes)(trial.plain.maps(trial.x)["bn3"]).detach()
        if not close(got, torch.relu(trial.x + branch)):
            find("value", False, None, planes=planes, got=show(got))
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


def insert_by_hand(answer: object, find: Find) -> None:
    """A block with random weights and a recorder; then a deepcopy whose attention is changed."""
    block, x = _block(6, seed=1), torch.randn(2, 6, 5, 7, generator=torch.Generator().manual_seed(2))
    maps, keys, attention = _maps(block, x), list(block.state_dict()), Attention(6)
    got = answer(block, attention)
    is_block = isinstance(got, nn.Module)
    find("returned", got is block, "new-block" if is_block else None, got=show(type(got).__name__))
    if not is_block:
        return
    changed = got.eval()
    with torch.no_grad():
        output = changed(x.clone())
    runs = list(attention.arrived)
    _place(runs, maps, got, find)
    expected = torch.relu(x + Attention(6)(maps[""]).detach())
    ignored = runs and close(output, torch.relu(x + maps[""]))
    find("value", close(output, expected), "hook-returns-nothing" if ignored else None, got=show(output))
    owned = any(module is attention for module in changed.modules())
    find("registered", owned, "not-registered", got="a block that does not hold the attention")
    missing = [key for key in keys if key not in changed.state_dict()]
    find("keys", not missing, "keys-changed", missing=", ".join(missing))
    _copied(changed, x, output, owned, find)


def _place(runs, maps, block, find: Find):
    mistake = "runs-twice" if len(runs) > 1 else None if runs else "not-inserted"
    if len(runs) == 1:
        met = (slug for slug, value in maps.items() if slug and close(runs[0], value))
        mistake = next(met, "").partition(" ")[0] or None
        norms = (module for module in block.modules() if isinstance(module, nn.BatchNorm2d))
        # The same map leaves conv2 and enters bn2: a forward hook on a BatchNorm took its input.
        if mistake == "input-passed" and not any(norm._forward_hooks for norm in norms):
            mistake = "before-batchnorm"
    right = len(runs) == 1 and close(runs[0], maps[""])
    return find("place", right, mistake, got=f"{len(runs)} runs" if len(runs) != 1 else "another map")


@torch.no_grad()
def _copied(block, x, before, owned, find: Find):
    """Close the copy's attention: the copy has to follow, and the original must not."""
    twin = copy.deepcopy(block)
    for module in twin.modules():
        if isinstance(module, Attention):
            module.scale.zero_()
    followed = close(twin(x.clone()), torch.relu(x))
    kept = close(block(x.clone()), before)
    got = (
        "a copy that still runs the original's attention" if not followed else "an original that changed too"
    )
    return find("copy", followed and kept, "closure" if owned else "not-registered", got=got)


# identity-insertion

X = torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(3))


class Gate(nn.Module):
    """Stands for the attention: a learned factor for every channel, between 0 and 1."""

    def __init__(self):
        super().__init__()
        self.logit = nn.Parameter(torch.tensor([-2.0, -0.5, 0.3, 1.0]))

    def forward(self, x):
        return x * torch.sigmoid(self.logit).view(1, -1, 1, 1)


GATED = Gate()(X).detach()


def identity_insertion(answer: object, find: Find) -> None:
    """A fresh instance; then its learned number set to 1, to ½, and to 0.3."""
    gate = Gate()
    module = answer(gate)
    fresh = module(X.clone())
    value = fresh.detach() if isinstance(fresh, torch.Tensor) else fresh
    zeroed = not close(gate.logit.detach(), Gate().logit.detach())
    mistake = "zeroed-attention" if zeroed else _start(value)
    find("start", close(value, X, 0.0), mistake, got=_distance(value))
    if not close(value, X, 0.0):
        return
    own = [p for p in module.parameters() if p is not gate.logit]
    count = sum(p.numel() for p in own)
    wrong = "not-learned" if count == 0 else "one-per-channel"
    find("one-number", count == 1, wrong, got=f"{count} values")
    if count == 1:
        _blended(module, own[0], find)
    _trained(module, gate, own[0] if count == 1 else None, find)


def _blended(module, number, find: Find):
    """With the number at 1 and at ½."""
    outputs = {}
    for value in (1.0, 0.5):
        outputs[value] = _at(module, number, value).detach()
    find("full", close(outputs[1.0], GATED), _full(outputs[1.0]), got=_distance(outputs[1.0], GATED))
    middle = (X + GATED) / 2
    find("halfway", close(outputs[0.5], middle), None, got=_distance(outputs[0.5], middle))
    _at(module, number, 0.0)


def _trained(module, gate, number, find: Find):
    owned = any(p is gate.logit for p in module.parameters())
    if number is not None:
        gradient = _gradient(module, number)
        find("learns", bool(gradient.abs().sum() > 0), "no-gradient", got=show(gradient))
    find("registered", owned, "attention-not-registered", expected=4, got="none of them")
    if number is not None:
        _at(module, number, 0.3)
        gradient = _gradient(module, gate.logit)
        find("attention-learns", bool((gradient != 0).all()), "attention-frozen", got=show(gradient))


def _at(module, number, value: float):
    with torch.no_grad():
        number.fill_(value)
    return module(X.clone())


def _gradient(module, parameter):
    """The gradient of a weighted sum of the outputs, 0 where the graph does not reach the parameter."""
    y = module(X.clone())
    total = (y * torch.linspace(0.5, 2, y.numel()).view_as(y)).sum()
    if not total.requires_grad:
        return torch.zeros_like(parameter)
    (gradient,) = torch.autograd.grad(total, parameter, allow_unused=True)
    return torch.zeros_like(parameter) if gradient is None else gradient


def _start(got) -> str | None:
    wrong = {
        "starts-at-one": GATED,
        "half-at-start": (X + GATED) / 2,
        "zero-output": torch.zeros_like(X),
        "added-not-blended": X + GATED,
    }
    return next((slug for slug, value in wrong.items() if close(got, value)), None)


def _full(got) -> str | None:
    wrong = {"added-not-blended": X + GATED, "reversed": 2 * X - GATED}
    found = next((slug for slug, value in wrong.items() if close(got, value)), None)
    share = ((got - X) / (GATED - X)).flatten()
    between = 0 < float(share.mean()) < 1 and close(share, share.mean().expand_as(share), 1e-3)
    return "squashed" if found is None and between else found


def _distance(got, expected=X) -> str:
    if not isinstance(got, torch.Tensor) or got.shape != expected.shape:
        return show(got)
    return f"a difference of up to {float((got - expected).abs().max()):.3f}"


# added-parameters


def _cbam(channels: int, mlps: int = 1, layers: int = 2, biases: int = 0, kernel: int = 98) -> int:
    """The parameters of one CBAM, r = 16, counted rightly or wrongly."""
    return mlps * layers * channels * (channels // 16) + biases * (channels + channels // 16) + kernel


_NETWORK = sum(n * _cbam(c) for n, c in ((3, 256), (4, 512), (6, 1024), (3, 2048)))
_RIGHT = 3 * _cbam(2048)
_WRONG = {
    3 * _cbam(512): "planes-not-expanded",
    3 * _cbam(512, kernel=0): "planes-not-expanded",
    _cbam(512): "planes-not-expanded",
    _cbam(2048): "one-block",
    _cbam(2048, kernel=0): "one-block",
    **{blocks * _cbam(2048): "four-blocks" for blocks in (2, 4, 6, 16)},
    _NETWORK: "whole-network",
    3 * _cbam(2048, kernel=0): "spatial-forgotten",
    3 * _cbam(2048, mlps=2): "two-mlps",
    3 * _cbam(2048, mlps=2, kernel=0): "two-mlps",
    3 * _cbam(2048, layers=1): "one-layer",
    3 * _cbam(2048, layers=1, kernel=0): "one-layer",
    **{3 * _cbam(2048, biases=1, kernel=98 + extra): "with-bias" for extra in (0, 1, 2)},
    3 * _cbam(2048, biases=1, kernel=0): "with-bias",
    3 * _cbam(2048, kernel=99): "with-bias",
    3 * _cbam(2048, kernel=100): "with-bias",
}


def added_parameters(answer: object, find: Find) -> None:
    """3 · (2 · 2048 · 128 + 2 · 7 · 7)."""
    examine_whole_number(answer, find, _RIGHT, _WRONG)


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
    """A module of 4 channels and 4 hidden units, in which every mix-up fits; then biases, and other sizes."""
    state, expected = _state(4, 4, 7), _expected(_state(4, 4, 7))
    handed = _copy(state)
    got = answer(handed)
    keys = sorted(got) if isinstance(got, dict) else None
    find("keys", keys == sorted(expected), _wrong_keys(keys), expected=_names(expected), got=_names(got))
    if keys != sorted(expected):
        return
    for key, value in expected.items():
        if not _same_shape(got[key], value):
            slug = "still-4d" if getattr(got[key], "ndim", 0) == 4 and key != OURS else None
            find("shapes", False, slug, key=key, expected=tuple(value.shape), got=show(got[key]))
            return
    find("shapes", True)
    right = all(close(got[key].detach(), expected[key]) for key in MLP.values())
    find("channel", right, _wrong_mlp(got, expected))
    right = close(got[OURS].detach(), expected[OURS])
    find("spatial", right, _wrong_kernel(got[OURS].detach(), state[KERNEL]))
    changed = [k for k in state if k not in handed or not close(handed[k], state[k], 0.0)]
    same = not changed and len(handed) == len(state)
    find("kept", same, "in-place-change", got=f"another {changed[0]}" if changed else "more keys")
    _biases(answer, find)


def _biases(convert, find: Find):
    """Biases of zeros, then one that adds something; all with other sizes, so that the result is loaded."""
    state = _state(8, 2, 3)
    zeros = {"fc1.bias": torch.zeros(2), "fc2.bias": torch.zeros(8), "conv.bias": torch.zeros(1)}
    try:
        got = convert({**_copy(state), **zeros})
        CBAM(8, 4, 3).load_state_dict(got)
        fits = all(close(got[key], value) for key, value in _expected(state).items())
        find("zero-bias", fits, None, got="another state, or one that does not load into CBAM(8, 4, 3)")
    except (ValueError, AssertionError, RuntimeError, KeyError) as error:
        find("zero-bias", False, "zero-bias-refused", got=f"{type(error).__name__}: {str(error)[:80]}")
    for key in ("fc2.bias", "conv.bias"):
        bias = zeros[key].clone()
        bias[0] = -0.01
        try:
            convert({**_copy(state), **zeros, key: bias})
        except ValueError:
            continue
        except (KeyError, RuntimeError, AssertionError, TypeError) as error:
            find("refused", False, "wrong-error", key=key, got=type(error).__name__)
            return
        find("refused", False, "bias-dropped", key=key, got="a result, without a word")
        return
    find("refused", True)


def _same_shape(got, value) -> bool:
    return isinstance(got, torch.Tensor) and got.shape == value.shape


def _names(state) -> str:
    return ", ".join(map(str, state)) if isinstance(state, dict) else show(state)


def _wrong_keys(keys) -> str | None:
    if keys is None:
        return None
    if "channel.mlp.1.weight" in keys:
        return "wrong-number"
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

NEW, OLD = 0.02, 0.005


def _model() -> nn.Module:
    """A small ResNet with attention inserted as the identity; its first stage is frozen, attention included."""
    torch.manual_seed(0)
    model = insert_attention(CifarResNet(1, 3), lambda channels: CBAM(channels, 4), identity=True)
    model.layer1.requires_grad_(False)
    return model


def _is_new(name: str) -> bool:
    return "attention" in name or name.startswith("fc.")


def parameter_groups(answer: object, find: Find) -> None:
    """One model with frozen, old and new parameters; the groups are read back by name."""
    model = _model()
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
    was = dict(_model().named_parameters())
    moved = [n for n, p in model.named_parameters() if p.requires_grad != was[n].requires_grad]
    find("unchanged", not moved, "model-changed", name=(moved or [""])[0])
    _sorted(dict(where), {n for n, p in was.items() if p.requires_grad}, find)
    if not twice:
        torch.optim.AdamW([g for g in groups if g["params"]], lr=1.0)


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


def _sorted(where: dict[str, dict], trained: set[str], find: Find):
    frozen = next((name for name in where if name not in trained), None)
    find("frozen", frozen is None, "frozen-included", name=frozen)
    missing = sorted(trained - set(where))
    find("complete", not missing, _missing(missing, trained), name=(missing or [""])[0])
    rates = {name: float(g["lr"]) for name, g in where.items() if name in trained}
    mistake = _wrong_rates(rates)
    for slug, expected in (("new", NEW), ("old", OLD)):
        wrong = [n for n, rate in rates.items() if _is_new(n) == (slug == "new") and rate != expected]
        name = (wrong or [""])[0]
        find(slug, not wrong, mistake, name=name, expected=expected, got=rates.get(name))
    decays = {name: g.get("weight_decay", 0.01) for name, g in where.items() if name in trained}
    alphas = [n for n in decays if n.endswith("alpha")]
    wrong = [n for n in alphas if decays[n] != 0]
    name = (wrong or [""])[0]
    find("alpha", not wrong, "alpha-decays", name=name, got=decays.get(name))
    # Whether biases and norms decay is left to the learner.
    kernels = [n for n in decays if n.endswith(("conv.weight", "conv1.weight", "mlp.0.weight", "fc.weight"))]
    wrong = [n for n in kernels if decays[n] == 0]
    find("decay", not wrong, "nothing-decays", name=(wrong or [""])[0])


def _missing(missing: list[str], trained: set[str]) -> str | None:
    old = {name for name in trained if not _is_new(name)}
    if missing and set(missing) >= old:
        return "only-new"
    return "alpha-forgotten" if missing and all(n.endswith("alpha") for n in missing) else None


def _wrong_rates(rates: dict[str, float]) -> str | None:
    if len(set(rates.values())) == 1:
        return "one-rate"
    if all(rate == (OLD if _is_new(name) else NEW) for name, rate in rates.items()):
        return "rates-swapped"
    wrong = {name for name, rate in rates.items() if rate != (NEW if _is_new(name) else OLD)}
    if wrong and all(name.startswith("fc.") for name in wrong):
        return "classifier-forgotten"
    return "attention-forgotten" if wrong and all("attention" in name for name in wrong) else None

"""How an answer to the task bottleneck-bug is examined; the words stand in bottleneck_bug.toml beside it."""

import torch
from torch import nn

from ..values import close, show


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


def examine(cls, find):
    """A recorder in place of the attention shows its width and what it gets; then it is closed."""
    trial = Trial(cls, 3, (5, 6))
    early = len(trial.made)
    trial.run()
    runs, made = len(trial.arrived), len(trial.made)
    lost = "in-forward" if made > early else "attention-lost" if not runs or not made else None
    once = early == made == runs == 1
    yield find("factory", once, lost, made=f"{made} calls", runs=f"{runs} runs")
    if not once:
        return
    yield from _places(trial, find)
    keys, expected = trial.keys(), {k: tuple(v.shape) for k, v in trial.state.items()}
    wrong = [k for k in expected if keys[k] != expected[k]]
    detail = {"expected": ", ".join(map(str, wrong[:3])), "got": "no such key, or another shape"}
    yield find("keys", not wrong, None, **detail)
    if not wrong:
        yield from _values(cls, find)


def _places(trial, find):
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
    yield find("place", close(arrived, maps["bn3"]), mistake, channels=4 * trial.planes, got=show(arrived))
    yield find("width", width, wrong, arrived=arrived.shape[1], asked=recorder.channels)
    yield find("registered", any(m is recorder for m in trial.block.modules()), None)
    holds = close(closed, torch.relu(trial.x))
    yield find("shortcut", holds, mistake or ("attention-lost" if _unused(trial) else None), got=show(closed))


def _unused(trial) -> bool:
    return close(trial.run(0.0), trial.run(1.0))


def _values(cls, find):
    """The whole block with other widths and sizes of image."""
    for planes, size in ((3, (5, 6)), (2, (1, 1)), (5, (4, 7))):
        trial = Trial(cls, planes, size, seed=planes)
        trial.block.load_state_dict(trial.state, strict=False)
        got = trial.run()
        branch = Recorder(4 * planes)(trial.plain.maps(trial.x)["bn3"]).detach()
        if not close(got, torch.relu(trial.x + branch)):
            yield find("value", False, None, planes=planes, got=show(got))
            return
    yield find("value", True)

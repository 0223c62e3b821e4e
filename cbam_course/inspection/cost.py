"""What a network costs: parameters and multiply-adds, and what they do not tell: seconds, memory, bytes moved.

``count_cost`` computes nothing. ``measure_cost`` runs the network on this machine's processor, and
``python -m cbam_course cost`` does so in a process of its own whose allocator is fixed, because glibc's default
one gives large blocks back to the system and fetches them again, which distorts short timings.
"""

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from numbers import Integral
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from ..arguments import require_module, require_whole
from ..attention import CBAM, ChannelAttention, SpatialAttention, SqueezeExcitation
from ..attention.fused import fuse
from ..networks.finding_places import empty_like_weights, fake_copy
from ..networks.insertion import insert_attention


class Cost(NamedTuple):
    """The size of a network and the work of one forward pass.

    Args:
        parameters: how many numbers training can change; a shared one counts once.
        macs: multiply-adds of convolutions and matrix products. Pooling, BatchNorm and element-wise work are
            not counted, here as in the papers' tables, although they take time.
    """

    parameters: int
    macs: int


def count_cost(model: nn.Module, input_size: Sequence[int]) -> Cost:
    """Count the parameters of ``model`` and the multiply-adds of one forward pass in ``eval`` mode.

    No number is computed: the pass runs on a copy made of fake tensors, which know only their shape. So it
    takes no memory, and nothing changes: no mode, no BatchNorm statistics, no state of the random generator.

    Args:
        model: any module that takes one image tensor.
        input_size: (N, C, H, W), for example (1, 3, 224, 224).

    Raises:
        TypeError: ``model`` is not a module.
        ValueError: ``input_size`` is not four whole numbers of at least 1, or the model cannot
            take such an input.

    Example:
        >>> from cbam_course import CBAM, count_cost
        >>> count_cost(CBAM(64), (1, 64, 56, 56))
        Cost(parameters=610, macs=308352)
    """
    require_module(model)
    size = _checked(input_size)
    parameters = list(model.parameters())
    if any(isinstance(p, UninitializedParameter) for p in parameters):
        raise ValueError("model has lazy layers whose size is not known yet; run it once on an image first.")
    counter = FlopCounterMode(display=False)
    twin, fakes = fake_copy(model)
    try:
        with torch.no_grad(), fakes, counter:
            twin(empty_like_weights(model, size))
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise ValueError(f"{type(model).__name__} could not run on input_size={size}: {reason}") from error
    # A multiply-add is counted as two operations there.
    return Cost(sum(p.numel() for p in parameters), counter.get_total_flops() // 2)


def _checked(input_size: Sequence[int]) -> tuple[int, ...]:
    """Return the size as a tuple, or say what is wrong with it."""
    size = tuple(input_size) if isinstance(input_size, Sequence) else ()
    whole = all(isinstance(n, Integral) and not isinstance(n, bool) and n >= 1 for n in size)
    if len(size) != 4 or not whole:
        raise ValueError(
            f"input_size is {input_size!r}; give four whole numbers (N, C, H, W) such as (1, 3, 224, 224)."
        )
    return size


@dataclass(frozen=True)
class Traffic:
    """Bytes, counted and not timed: the same on every machine.

    Args:
        evaluation_moved: what the operations of a forward pass read and write, in ``eval`` mode. Operations that
            work on the processor's caches cost less than their bytes.
        training_moved: the same for forward and backward pass in training.
        evaluation_peak: most memory in use at once beyond the input and the model.
        training_peak: the same in training, gradients included.
        saved: what is kept from the forward pass for the backward pass, the input included if it is kept.
    """

    evaluation_moved: int
    training_moved: int
    evaluation_peak: int
    training_peak: int
    saved: int


@dataclass(frozen=True)
class Seconds:
    """Medians over rounds in which every network ran once, in turn.

    Args:
        evaluation: forward pass in ``eval`` mode, without gradients.
        forward: forward pass in ``train`` mode.
        backward: the backward pass that follows, down to the input.
    """

    evaluation: float
    forward: float
    backward: float


@dataclass(frozen=True)
class Machine:
    """What this computer's processor reaches with the threads it was given.

    Args:
        name: of the processor.
        threads: of torch.
        bandwidth: bytes per second read and written when a tensor of 64 MiB is copied.
        arithmetic: operations per second of a product of two 1024×1024 matrices; a multiply-add is two.
    """

    name: str
    threads: int
    bandwidth: float
    arithmetic: float


@dataclass(frozen=True)
class Measured:
    """One network with everything that :func:`measure_cost` found out about it."""

    name: str
    input_size: tuple[int, ...]
    cost: Cost
    traffic: Traffic
    seconds: Seconds

    @property
    def intensity(self) -> float:
        """Operations (two per multiply-add) for each byte moved in evaluation."""
        return 2 * self.cost.macs / self.traffic.evaluation_moved

    @property
    def speed(self) -> float:
        """Operations per second in evaluation."""
        return 2 * self.cost.macs / self.seconds.evaluation


def measure_cost(
    models: Mapping[str, nn.Module], input_size: Sequence[int], *, rounds: int = 10
) -> list[Measured]:
    """Measure networks side by side on the processor, each in ``eval`` and in ``train`` mode.

    Every round runs each network once, in turn, so that a busy moment of the machine hits all of them alike; two
    rounds before that warm up. Times are of this machine with torch's present number of threads; with one thread they
    are processor time, which other programs do not lengthen. The models are
    left in ``eval`` mode, without gradients and with the BatchNorm statistics that they had.

    Args:
        models: name -> module that takes one image tensor, on the CPU.
        input_size: (N, C, H, W), for example (4, 3, 112, 112).
        rounds: how often each network is timed, at least 1.

    Raises:
        TypeError, ValueError: an argument is of the wrong kind; the message says what to do.
    """
    require_whole("rounds", rounds)
    costs = {name: count_cost(model, input_size) for name, model in models.items()}
    inputs = {name: torch.randn_like(empty_like_weights(m, input_size)) for name, m in models.items()}
    traffic = {name: count_traffic(model, inputs[name]) for name, model in models.items()}
    with _left_alone(models.values()):
        found: dict[str, list] = {name: [] for name in models}
        for number in range(rounds + 2):
            for name, model in models.items():
                seconds = _time_once(model, inputs[name])
                if number >= 2:
                    found[name].append(seconds)
    return [
        Measured(
            name,
            tuple(input_size),
            costs[name],
            traffic[name],
            Seconds(*map(statistics.median, zip(*found[name], strict=True))),
        )
        for name in models
    ]


def _time_once(model: nn.Module, x: Tensor) -> tuple[float, float, float]:
    clock = _clock()
    model.eval()
    with torch.inference_mode():
        start = clock()
        model(x)
        evaluation = clock() - start
    x = x.clone().requires_grad_()
    model.train()
    start = clock()
    y = model(x)
    forward = clock() - start
    grad = torch.ones_like(y)
    start = clock()
    y.backward(grad)
    backward = clock() - start
    model.zero_grad(set_to_none=True)
    return evaluation, forward, backward


def _clock() -> Callable[[], float]:
    """On one thread the processor time of this process counts, so that another program's turn is not in it."""
    fine = time.get_clock_info("process_time").resolution < 1e-5  # on Windows it moves in steps of 16 ms
    return time.process_time if fine and torch.get_num_threads() == 1 else time.perf_counter


def count_traffic(model: nn.Module, x: Tensor) -> Traffic:
    """Count the bytes that ``model`` moves and holds for the input ``x``, by watching every operation.

    Scratch memory inside a single operation of torch is not seen. The model is left as by :func:`measure_cost`.
    """
    x = x.detach().clone(memory_format=torch.preserve_format)
    with _left_alone([model]):
        model.eval()
        with torch.no_grad(), _Ledger() as evaluation:
            model(x)
        model.train()
        x.requires_grad_()
        with _Ledger() as training:
            y = model(x)
            y.backward(torch.ones_like(y))
            del y
        with _Ledger() as kept:
            inner = x * 1  # now nobody but the graph holds on to the input
            graph = model(inner).grad_fn
            del inner
            saved = kept.alive
            del graph
    return Traffic(evaluation.moved, training.moved, evaluation.peak, training.peak, saved)


@contextmanager
def _left_alone(models: Iterable[nn.Module]) -> Iterator[None]:
    """Afterwards: ``eval`` mode, no gradients, the buffers and the random numbers that were there before."""
    models = list(models)
    before = [{name: b.clone() for name, b in model.named_buffers()} for model in models]
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            for model, buffers in zip(models, before, strict=True):
                model.eval().zero_grad(set_to_none=True)
                for name, buffer in model.named_buffers():
                    buffer.data.copy_(buffers[name])


class _Ledger(TorchDispatchMode):
    """Counts bytes moved by the operations that run inside, and bytes alive of what they made."""

    def __init__(self):
        super().__init__()
        self.moved = self.alive = self.peak = 0
        self._storages: dict[int, weakref.ref] = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        results = {a.name for a in func._schema.arguments if a.is_out}
        read = _tensors([args, {name: value for name, value in kwargs.items() if name not in results}])
        for tensor in _tensors([args, kwargs]):
            self._meet(tensor, made_here=False)
        made = func(*args, **kwargs)
        written = _tensors(made)
        for tensor in written:
            self._meet(tensor, made_here=True)
        if func._schema.is_mutable or not _is_view(written, read):
            self.moved += _bytes_moved(func, read, written)
        return made

    def _meet(self, tensor: Tensor, made_here: bool) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._storages:
            return
        if made_here:
            self.alive += size
            self.peak = max(self.peak, self.alive)
        self._storages[key] = weakref.ref(storage, lambda _: self._forget(key, size if made_here else 0))

    def _forget(self, key: int, size: int) -> None:
        del self._storages[key]
        self.alive -= size


def _tensors(tree: object) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _is_view(written: list[Tensor], read: list[Tensor]) -> bool:
    sources = {tensor.untyped_storage()._cdata for tensor in read}
    return all(tensor.untyped_storage()._cdata in sources for tensor in written)


def _bytes_moved(func, read: list[Tensor], written: list[Tensor]) -> int:
    name = func._schema.name.removeprefix("aten::")
    if "empty" in name:
        return 0
    if name.startswith("new_") or name.endswith("_like"):  # they ask only for the shape
        return sum(map(_size, written))
    if name in (
        "gather",
        "scatter_add_",
        "scatter_add",
        "index_select",
    ):  # they touch as much as the index says
        index = next(tensor for tensor in read if tensor.dtype == torch.int64)
        return _size(index) + 3 * index.numel() * read[0].element_size()
    return sum(map(_size, read)) + sum(map(_size, written))


def _size(tensor: Tensor) -> int:
    """Return the bytes of the elements; one repeated by ``expand`` counts once."""
    sizes = zip(tensor.shape, tensor.stride(), strict=True)
    return math.prod(size for size, stride in sizes if stride or not size) * tensor.element_size()


def measure_machine() -> Machine:
    """Measure what this processor reaches with torch's present number of threads, in about a second."""
    x = torch.ones(2**24)
    y = torch.empty_like(x)
    a = torch.ones(1024, 1024)
    maps, kernel = torch.ones(4, 256, 28, 28), torch.ones(256, 256, 3, 3)
    # A matrix product and a convolution are computed by different libraries, and either may be the faster one.
    work = {
        2 * 1024**3: lambda: a @ a,
        2 * kernel[0].numel() * maps.numel(): lambda: torch.conv2d(maps, kernel, padding=1),
    }
    copying, reached = [], []
    clock = _clock()
    for _ in range(9):
        start = clock()
        torch.mul(x, 1.0, out=y)
        copying.append(clock() - start)
        for operations, run in work.items():
            start = clock()
            run()
            reached.append(operations / (clock() - start))
    # The best, not the median: the question is what the machine can do.
    bandwidth = 2 * x.numel() * x.element_size() / min(copying)
    return Machine(processor_name(), torch.get_num_threads(), bandwidth, max(reached))


def processor_name() -> str:
    """Return the processor's model, which says nothing of whose machine it is."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def cost_table(rows: Sequence[Measured], machine: Machine) -> list[dict[str, object]]:
    """Return the measurements as a table, one dictionary per network, ratios to the first one.

    ``of bandwidth`` is the part of the machine's bandwidth that evaluation reached: near 1 (or above, where data
    was still in a cache) the time is that of moving bytes, far below 1 that of arithmetic or of waiting.
    """
    first = rows[0].seconds
    return [
        {
            "network": row.name,
            "parameters": row.cost.parameters,
            "million multiply-adds": round(row.cost.macs / 1e6, 1),
            "evaluation ms": round(1e3 * row.seconds.evaluation, 2),
            "forward ms": round(1e3 * row.seconds.forward, 2),
            "backward ms": round(1e3 * row.seconds.backward, 2),
            "evaluation ratio": round(row.seconds.evaluation / first.evaluation, 2),
            "training ratio": round(_training(row.seconds) / _training(first), 2),
            "evaluation peak MiB": round(row.traffic.evaluation_peak / 2**20, 1),
            "training peak MiB": round(row.traffic.training_peak / 2**20, 1),
            "saved MiB": round(row.traffic.saved / 2**20, 1),
            "moved MiB": round(row.traffic.evaluation_moved / 2**20, 1),
            "operations per byte": round(row.intensity, 2),
            "of bandwidth": round(
                row.traffic.evaluation_moved / row.seconds.evaluation / machine.bandwidth, 2
            ),
        }
        for row in rows
    ]


def _training(seconds: Seconds) -> float:
    return seconds.forward + seconds.backward


# What `--attention` may name: each of these, and each with "-fused" behind it.
_ATTENTION = {"se": SqueezeExcitation, "channel": ChannelAttention, "spatial": SpatialAttention, "cbam": CBAM}


def build(model: str, attention: str) -> nn.Module:
    """Return a network with attention on every residual branch, in ``eval`` mode.

    Args:
        model: a network of torchvision, such as ``resnet50``, or ``package.module:function``, which is called.
        attention: ``none``, or ``se``, ``channel``, ``spatial``, ``cbam``, possibly followed by ``-fused``.

    Raises:
        ValueError: there is no such network or attention; the message says what there is.
    """
    kind = attention.removesuffix("-fused")
    if attention != "none" and kind not in _ATTENTION:
        choices = ", ".join(f"{name}, {name}-fused" for name in _ATTENTION)
        raise ValueError(f"attention has {attention!r}; choose from none, {choices}.")
    torch.manual_seed(0)
    network = _network(model)
    if kind in _ATTENTION:
        factory = _ATTENTION[kind]
        insert_attention(network, (lambda channels: factory()) if kind == "spatial" else factory)
    return (fuse(network) if attention.endswith("-fused") else network).eval()


def _network(model: str) -> nn.Module:
    if ":" in model:
        module, function = model.split(":", 1)
        try:
            return getattr(import_module(module), function)()
        except (ImportError, AttributeError) as error:
            raise ValueError(f"model is {model!r}, which cannot be loaded: {error}.") from error
    from torchvision.models import get_model

    try:
        return get_model(model, weights=None)
    except ValueError:
        raise ValueError(
            f"model is {model!r}, which torchvision does not have; give a name such as resnet50, or "
            "package.module:function."
        ) from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``python -m cbam_course cost``."""
    parser.add_argument("--model", default="resnet50", help="of torchvision, or package.module:function")
    parser.add_argument("--attention", default="none,se,cbam,cbam-fused", help="what to compare")
    parser.add_argument("--size", type=int, default=112, help="height and width of the input in pixels")
    parser.add_argument("--batch", type=int, default=4, help="images at a time")
    parser.add_argument("--rounds", type=int, default=10, help="how often each network is timed")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument(
        "--out", type=Path, help="a .csv file for the table, or a .png or .svg one for the roofline"
    )


def run(options: argparse.Namespace) -> int:
    """Measure in a process with a fixed allocator, print the table, and write the table or the plot."""
    suffix = options.out.suffix if options.out else ".csv"
    if suffix not in (".csv", ".png", ".svg"):
        raise ValueError(f"out is {options.out}; give a name that ends in .csv, .png or .svg.")
    for name in options.attention.split(","):
        build(options.model, name)  # say what is wrong here, not in the other process
    values = {
        name: vars(options)[name] for name in ("model", "attention", "size", "batch", "rounds", "threads")
    }
    code = f"from {__name__} import _measure_and_print; _measure_and_print()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(values),
        env=os.environ | fixed_allocator(options.threads),
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        print("The measurement stopped; what it said stands above.", file=sys.stderr)
        return 1
    result = json.loads(done.stdout.splitlines()[-1])
    machine, rows = Machine(**result["machine"]), [_measured(row) for row in result["rows"]]
    import pandas as pd

    table = pd.DataFrame(cost_table(rows, machine))
    print(
        f"{options.model}, {options.batch} × 3 × {options.size} × {options.size}, on {machine.name}, "
        f"threads: {machine.threads}, {machine.bandwidth / 1e9:.1f} GB/s, {machine.arithmetic / 1e9:.0f} GFLOP/s"
    )
    print(table.set_index("network").astype(object).T.to_string())
    if options.out and suffix == ".csv":
        table.assign(processor=machine.name, threads=machine.threads, torch=torch.__version__).to_csv(
            options.out, index=False
        )
    elif options.out:
        from .plots.roofline import plot_roofline

        plot_roofline(rows, machine).savefig(options.out)
    return 0


def fixed_allocator(threads: int) -> dict[str, str]:
    """Return the environment of a process that measures times, to be set before it starts.

    glibc maps blocks above a threshold afresh each time, and moves the threshold as it goes. 32 MiB is the largest
    that it accepts. Elsewhere these names mean nothing.
    """
    names = {"MALLOC_MMAP_THRESHOLD_": 2**25, "MALLOC_TRIM_THRESHOLD_": 2**32, "MALLOC_TOP_PAD_": 2**28}
    return {name: str(value) for name, value in names.items()} | {"OMP_NUM_THREADS": str(threads)}


def _measure_and_print() -> None:
    """Do the work of the other process: options as JSON in, measurements as JSON out."""
    options = json.load(sys.stdin)
    torch.set_num_threads(options["threads"])
    models = {name: build(options["model"], name) for name in options["attention"].split(",")}
    size = (options["batch"], 3, options["size"], options["size"])
    rows = measure_cost(models, size, rounds=options["rounds"])
    print(json.dumps({"machine": asdict(measure_machine()), "rows": [_plain(row) for row in rows]}))


def _plain(row: Measured) -> dict[str, object]:
    return asdict(row) | {"cost": row.cost._asdict()}


def _measured(row: dict) -> Measured:
    return Measured(
        row["name"],
        tuple(row["input_size"]),
        Cost(**row["cost"]),
        Traffic(**row["traffic"]),
        Seconds(**row["seconds"]),
    )

"""A network written down for the microscope's page: its weights, its gates, and numbers to compare with."""

import base64
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ..data.photos import to_float
from ..networks.small_cnn import DenseCNN
from .mirror import ChannelGate, Mirror, SpatialGate, as_it_stands, find_mirror

_EXPECTED = 256  # at most so many numbers of each intermediate are written down for the page's own check
_UNKNOWN = (
    "{name} is built in another way than this page can compute (it knows a two-layer MLP over the averages and "
    "the maxima of the channels, and one convolution over the average and the maximum of each position), so it "
    "shows what PyTorch computed for these pictures, and they cannot be painted on."
)


def network_record(name: str, model: nn.Module, images: Tensor) -> dict:
    """Return what the page needs to compute a network, and to check itself on the first image.

    Args:
        name: what the page calls it.
        model: a :class:`SmallCNN` or :class:`DenseCNN`.
        images: uint8 (n, 3, H, W).
    """
    steps = record_steps(model, images)
    mirrors = [find_mirror(b.attention, [steps[f"{n}.pool"]]) for n, b in enumerate(model.blocks)]
    strange = [b.attention for b, mirror in zip(model.blocks, mirrors, strict=True) if mirror is None]
    expected = steps | gate_steps(mirrors, steps)
    return {
        "name": name,
        "dense": isinstance(model, DenseCNN),
        "blocks": [
            _block(block, mirror, steps[f"{number}.out"])
            for number, (block, mirror) in enumerate(zip(model.blocks, mirrors, strict=True))
        ],
        "head": _head(model),
        "note": _UNKNOWN.format(name=type(strange[0]).__name__) if strange else "",
        "expected": {key: _sample(values[0]) for key, values in expected.items()},
    }


def _block(block: nn.Module, mirror: Mirror | None, outputs: Tensor) -> dict:
    conv, norm = block.conv, block.norm
    return {
        "inputs": conv.in_channels,
        "channels": conv.out_channels,
        "conv": text_of(conv.weight),
        "norm": [text_of(values) for values in (norm.weight, norm.bias, norm.running_mean, norm.running_var)],
        "eps": norm.eps,
        "pool": isinstance(block.pool, nn.MaxPool2d),
        "parallel": mirror is not None and mirror.parallel,
        "gates": [] if mirror is None else [_gate(gate) for gate in mirror.gates],
        # What came out of a module that cannot be read, for each picture.
        "outputs": [text_of(output) for output in outputs] if mirror is None else None,
    }


def _gate(gate: ChannelGate | SpatialGate) -> dict:
    if isinstance(gate, ChannelGate):
        arrays = {
            name: text_of(getattr(gate, name)) for name in ("first", "first_bias", "second", "second_bias")
        }
        return {"kind": gate.kind, "pools": list(gate.pools), "hidden": len(gate.first), **arrays}
    plain = {"scale": gate.scale, "shift": gate.shift, "padding": gate.padding, "side": gate.kernel.shape[-1]}
    return {"kind": gate.kind, "kernel": text_of(gate.kernel), **plain}


def _head(model: nn.Module) -> dict:
    if isinstance(model, DenseCNN):
        return {"layers": [_layer(model.mark.weight.flatten(1), model.mark.bias)]}
    layers = [layer for layer in model.head.classify if isinstance(layer, nn.Linear)]
    pools = ["mean", "max"] if model.head.takes_maximum else ["mean"]
    return {"pools": pools, "layers": [_layer(layer.weight, layer.bias) for layer in layers]}


def _layer(weight: Tensor, bias: Tensor) -> dict:
    return {"outputs": len(weight), "weight": text_of(weight), "bias": text_of(bias)}


def _sample(values: Tensor) -> dict:
    """Return evenly spaced numbers of an intermediate, at most 256, or all of a small one."""
    flat = values.flatten()
    step = -(-len(flat) // _EXPECTED)
    return {"length": len(flat), "step": step, "values": text_of(flat[::step])}


def record_steps(model: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Run a network and return every intermediate by name, as it came out of the network's own modules.

    Args:
        model: a :class:`SmallCNN` or :class:`DenseCNN`.
        images: uint8 (n, 3, H, W).

    Returns:
        ``"0.conv"``, ``"0.norm"``, ``"0.relu"``, ``"0.pool"`` (what attention reads) and ``"0.out"`` for block 0,
        and so on; ``"pooled"`` and ``"hidden"``, or ``"mark"``, of the head; ``"answer"``.
    """
    steps: dict[str, Tensor] = {}

    def write(name: str, of_input: bool = False):
        def hook(module, inputs, output):
            # A copy: the next layer may work in place.
            steps[name] = (inputs[0] if of_input else output).detach().clone()

        return hook

    hooks = []
    for number, block in enumerate(model.blocks):
        parts = {"conv": block.conv, "norm": block.norm, "pool": block.pool, "out": block.attention}
        hooks += [part.register_forward_hook(write(f"{number}.{name}")) for name, part in parts.items()]
        hooks.append(block.pool.register_forward_hook(write(f"{number}.relu", of_input=True)))
    if isinstance(model, DenseCNN):
        hooks.append(model.mark.register_forward_hook(write("mark")))
    else:
        hooks.append(model.head.classify[0].register_forward_hook(write("pooled", of_input=True)))
        if len(model.head.classify) > 1:
            hooks.append(model.head.classify[1].register_forward_hook(write("hidden")))
    like = next(model.parameters())
    try:
        with as_it_stands(model):
            steps["answer"] = model(to_float(images).to(like)).clone()
    finally:
        for hook in hooks:
            hook.remove()
    return steps


def gate_steps(mirrors: Sequence[Mirror | None], steps: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the intermediates of the gates by name: ``"0.channel.mean"``, ``"0.spatial.logit"`` and so on.

    Args:
        mirrors: one for each block.
        steps: of :func:`record_steps`.
    """
    found = {}
    for number, mirror in enumerate(mirrors):
        x = y = steps[f"{number}.pool"].double().cpu()
        for gate in mirror.gates if mirror else ():
            inside = gate.steps(x if mirror.parallel else y)
            found |= {f"{number}.{gate.kind}.{name}": values for name, values in inside.items()}
            y = y * gate.gate(x if mirror.parallel else y)
    return found


def text_of(values: Tensor) -> str:
    """Return numbers as base64: uint8 as they are, all others as float32, little-endian."""
    values = values.detach().cpu()
    array = values.numpy() if values.dtype == torch.uint8 else values.to(torch.float32).numpy().astype("<f4")
    return base64.b64encode(array.tobytes()).decode()

"""Attention at work, in one interactive page that computes the network itself: in a notebook, or as one file.

The network is written down for the page: its weights, its gates, and numbers to compare with.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from string import Template

import torch
from torch import Tensor, nn

from ..data.drawing import PALETTE
from ..data.photos import to_float
from ..networks.small_cnn import DenseCNN, SmallCNN
from .mirror import ChannelGate, Mirror, SpatialGate, as_it_stands, find_mirror
from .plots.pictures import show_glance

MOST_IMAGES = 24
HEIGHT = 940  # pixels of the frame in a notebook
TITLE = "Attention under the microscope"
_PAGE = Path(__file__).parent / "page"
_SCRIPTS = ("forward.js", "draw.js", "words.js", "view.js")
_EXPECTED = 256  # at most so many numbers of each intermediate are written down for the page's own check
_UNKNOWN = (
    "{name} is built in another way than this page can compute (it knows a two-layer MLP over the averages and "
    "the maxima of the channels, and one convolution over the average and the maximum of each position), so it "
    "shows what PyTorch computed for these pictures, and they cannot be painted on."
)


class Microscope:
    """The page; shows itself as the last line of a cell in Jupyter and in Colab.

    Args:
        page: what the page's script reads.
        picture: a still picture, PNG, for where no script runs.
        words: what that picture shows.
    """

    def __init__(self, page: dict, picture: bytes, words: str):
        self.words = words
        self._page, self._picture = page, picture

    def document(self, still: str | None = None) -> str:
        """Return the whole HTML document, which needs no other file and no network.

        Args:
            still: what stands in place of the page where scripts are off; the still picture when left out.
        """
        template = Template((_PAGE / "page.html").read_text(encoding="utf-8"))
        # "</" would end the element that the data stand in.
        data = json.dumps(self._page, separators=(",", ":"), allow_nan=False).replace("</", "<\\/")
        return template.substitute(
            title=TITLE,
            style=(_PAGE / "page.css").read_text(encoding="utf-8"),
            still=self._still() if still is None else still,
            data=data,
            script="\n".join((_PAGE / name).read_text(encoding="utf-8") for name in _SCRIPTS),
        )

    def save(self, path: str | Path) -> Path:
        """Write one HTML file that works offline in any browser, and return its path."""
        path = Path(path)
        path.write_text(self.document(), encoding="utf-8")
        return path

    def _still(self) -> str:
        source = base64.b64encode(self._picture).decode()
        return f'<img src="data:image/png;base64,{source}" alt="{escape(self.words)}" style="max-width:100%">'

    def _repr_html_(self) -> str:
        # The frame lies over the picture; where a site removes frames, the picture shows.
        inside = escape(self.document(still=""))
        frame = (
            f'<iframe title="{TITLE}" sandbox="allow-scripts" srcdoc="{inside}" '
            f'style="position:absolute;inset:0;width:100%;height:{HEIGHT}px;border:0"></iframe>'
        )
        style = f"position:relative;min-height:{HEIGHT}px;overflow:hidden"
        return f'<div style="{style}">{self._still()}{frame}</div>'

    def _repr_png_(self) -> bytes:
        return self._picture

    def __repr__(self) -> str:
        return f"Microscope: {self.words}"


def microscope(
    models: nn.Module | Mapping[str, nn.Module],
    images: Tensor,
    *,
    labels: Tensor | None = None,
    classes: Sequence[str] | None = None,
) -> Microscope:
    """Put networks with attention under the microscope: every gate, why it is what it is, and what follows from it.

    The page computes the networks itself, so that pictures can be painted on and gates be changed. It compares every
    intermediate with numbers that PyTorch computed, and warns where they differ by more than 1e-4. Attention is read
    off its parameters, whatever its class is called; where that fails, one sentence says so, and the gates that
    PyTorch computed are shown. The models stay as they are.

    Args:
        models: a :class:`SmallCNN` or :class:`DenseCNN`, with any attention or none, or a mapping from names to such.
        images: uint8 (n, 3, H, W), 1 to 24 of them; networks read them from -1 to 1, as ``Scenes.inputs()``.
        labels: the true classes, int (n,), or masks, bool (n, H, W); shown beside the answers.
        classes: names that the labels count.

    Raises:
        TypeError, ValueError: an argument is of the wrong kind; the message says what to do.
    """
    networks = _checked_models(models)
    _check_images(images)
    page = {
        "size": list(images.shape[2:]),
        "images": [text_of(image) for image in images],
        "colours": [[name, list(colour)] for name, colour in PALETTE.items()],
        **_answers(labels, images),
        "classes": None if classes is None else [str(name) for name in classes],
        "networks": [network_record(name, model, images) for name, model in networks.items()],
    }
    words, figure = _glance(*next(iter(networks.items())), images, classes)
    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=80)
    return Microscope(page, picture.getvalue(), words)


def _checked_models(models: nn.Module | Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    networks = {"network": models} if isinstance(models, nn.Module) else models
    if not isinstance(networks, Mapping) or not networks:
        raise TypeError(
            f"models is a {type(models).__name__}; give a network, or a mapping from names to networks."
        )
    for name, model in networks.items():
        if not isinstance(model, SmallCNN | DenseCNN):
            raise TypeError(
                f"models has a {type(model).__name__} under {name!r}; give a SmallCNN or a DenseCNN, with your own "
                "module in it as SmallCNN(num_classes, attention=YourClass)."
            )
    return {str(name): model for name, model in networks.items()}


def _check_images(images: Tensor) -> None:
    if not isinstance(images, Tensor) or images.dtype != torch.uint8:
        kind = images.dtype if isinstance(images, Tensor) else type(images).__name__
        raise TypeError(
            f"images is of the kind {kind}; give a tensor of uint8, such as make_scenes(8).images."
        )
    if images.ndim != 4 or images.shape[1] != 3 or not 1 <= len(images) <= MOST_IMAGES:
        raise ValueError(
            f"images has the shape {tuple(images.shape)}; give (n, 3, H, W) with 1 to {MOST_IMAGES} images."
        )


def _answers(labels: Tensor | None, images: Tensor) -> dict:
    """Return the true classes or the true masks, whichever ``labels`` are."""
    if labels is None:
        return {"labels": None, "masks": None}
    labels = torch.as_tensor(labels)
    if labels.shape == images.shape[:1] and not labels.is_floating_point():
        return {"labels": labels.tolist(), "masks": None}
    if labels.shape == (len(images), *images.shape[2:]) and labels.dtype == torch.bool:
        return {"labels": None, "masks": [text_of(mask.to(torch.uint8)) for mask in labels]}
    raise ValueError(
        f"labels have the shape {tuple(labels.shape)} and the dtype {labels.dtype}; give whole numbers "
        f"({len(images)},) or masks of bool ({len(images)}, {images.shape[2]}, {images.shape[3]})."
    )


def _glance(name: str, model: nn.Module, images: Tensor, classes: Sequence[str] | None):
    """Return words and a figure: the first picture, the last block with gates, and the answer."""
    steps = record_steps(model, images[:1])
    mirrors = [find_mirror(b.attention, [steps[f"{n}.pool"]]) for n, b in enumerate(model.blocks)]
    gates = gate_steps(mirrors, steps)
    block = max((n for n, mirror in enumerate(mirrors) if mirror and mirror.gates), default=len(mirrors) - 1)
    names = {kind: f"{block}.{kind}.gate" for kind in ("channel", "spatial")}
    parts = {kind: gates[name][0].float() for kind, name in names.items() if name in gates}
    answer = steps["answer"][0].float().cpu()
    words = [f"Network {name}, block {block + 1} of {len(mirrors)}, picture 1."]
    if "channel" in parts:
        most, least = int(parts["channel"].argmax()), int(parts["channel"].argmin())
        words.append(
            f"The channel gate lets channel {most} through most ({parts['channel'][most]:.2f}) and channel {least} "
            f"least ({parts['channel'][least]:.2f})."
        )
    if "spatial" in parts:
        row, column = divmod(int(parts["spatial"].argmax()), parts["spatial"].shape[1])
        words.append(
            f"The spatial gate is largest in row {row}, column {column} ({parts['spatial'].max():.2f})."
        )
    if isinstance(model, DenseCNN):
        words.append(f"The network marks {int((answer > 0).sum())} pixels.")
    else:
        best = int(answer.argmax())
        called = classes[best] if classes else f"class {best}"
        words.append(f"The network answers {called} with {answer.softmax(0)[best]:.0%}.")
    words.append(
        "The page itself, which answers to clicks and keys, needs a trusted notebook or the saved file."
    )
    figure = show_glance(images[0], answer, title=f"{name}, block {block + 1}", classes=classes, **parts)
    return " ".join(words), figure


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

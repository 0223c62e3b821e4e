"""The attention modules in fewer passes over memory, with the same parameters and the same numbers.

An attention module does next to no arithmetic; its time is the time of reading and writing the feature map. The
readable modules pass over it once for every operation in their ``forward`` and, in training, many times more: the
gradient of ``amax`` alone makes a mask as large as the map, and divides and multiplies by it. Here

* the forward pass reads the map for its pools, writes the product once and scales it in place;
* the means over channels are a product of a row with a matrix, which reads the map and writes next to nothing
  (without gradients, and with many channels, ``mean`` of the product is faster still);
* a maximum is remembered by its place, so that its gradient is a handful of additions; only where several
  elements share a maximum is a mask made, for that row alone;
* nothing of the map's size is kept for the backward pass but the input;
* the work is done a few images at a time, so that what was read is still in the processor's cache.

``fuse`` changes the class of the modules and nothing else: parameters, names, hooks, state dicts, optimisers stay.
"""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..arguments import require_feature_map, require_same_dtype
from .cbam import CBAM, ChannelAttention, SpatialAttention
from .squeeze_excitation import SqueezeExcitation

__all__ = [
    "FusedCBAM",
    "FusedChannelAttention",
    "FusedSpatialAttention",
    "FusedSqueezeExcitation",
    "fuse",
    "left_readable",
    "unfuse",
]

# What is worked on at a time. A block and its product fit into the cache of a common processor; smaller blocks
# spend their time in the interpreter.
_BLOCK_BYTES = 2**22

# Below so many positions amax over channels is not vectorised: 0.33 ms for (4, 2048, 16), where halves take 0.03.
_SHORT_ROW = 64

# Below so many channels the mean over them is slower than a product of matrices; 0.17 and 0.10 ms for (16, 64, 1024).
_FEW_ROWS = 128

# Subclasses of Tensor (fake ones, those of torch.distributed) ask for every operation by its name.
_PLAIN = (Tensor, nn.Parameter)
ChannelPart = SqueezeExcitation | ChannelAttention


def fuse(model: nn.Module) -> nn.Module:
    """Let the attention modules of ``model`` run in fewer passes over memory; ``model`` is changed and returned.

    Every :class:`SqueezeExcitation`, :class:`ChannelAttention`, :class:`SpatialAttention` and :class:`CBAM` in it
    gets its fused class, wherever it stands: as the model itself, as a layer, put in by ``insert_attention``. The
    parameters, their names and the numbers stay the same up to rounding. What has to stay as it is, stays:
    :func:`left_readable` says which modules and why.

    The fused modules run as the readable ones do, operation for operation, wherever the short cut has nothing to
    give or could not be checked: on a GPU, in half precision and under autocast, under ``torch.compile``,
    ``torch.export`` and ``torch.jit.trace`` (a compiler fuses the plain operations itself), while a hook or
    ``capture`` looks inside, and for an empty batch. Transforms of ``torch.func`` need ``unfuse`` first.

    Args:
        model: any module. One without attention of this course stays as it is.

    Raises:
        TypeError: ``model`` is not a module.
    """
    for module in _modules(model):
        if type(module) in _FUSED and _reason(module) is None:
            module.__class__ = _FUSED[type(module)]
    return model


def unfuse(model: nn.Module) -> nn.Module:
    """Undo :func:`fuse`: the readable classes again, everything else as it is; ``model`` is returned.

    Raises:
        TypeError: ``model`` is not a module.
    """
    for module in _modules(model):
        if type(module) in _READABLE:
            module.__class__ = _READABLE[type(module)]
    return model


def left_readable(model: nn.Module) -> dict[str, str]:
    """Return the gates that :func:`fuse` leaves as they are: from a module's name to the reason, a sentence.

    Told are modules of this course, subclasses of them, and others with a ``gate`` method. The model itself has
    the name ``""``.
    """
    return {
        name: _reason(module) or "fuse(model) was not called since it was put in."
        for name, module in model.named_modules()
        if type(module) not in _READABLE
        and (isinstance(module, tuple(_FUSED)) or callable(getattr(module, "gate", None)))
    }


def _modules(model: nn.Module) -> list[nn.Module]:
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}; give a torch.nn.Module.")
    return list(model.modules())


def _reason(module: nn.Module) -> str | None:
    """Say why a module has no fused form, or return ``None`` if it has one."""
    kind = _READABLE.get(type(module), type(module))
    if kind not in _FUSED:
        return f"It is a {kind.__name__}, whose forward may differ from that of this course's modules."
    if isinstance(module, CBAM):
        parts = (module.channel, ChannelAttention), (module.spatial, SpatialAttention)
        for part, expected in parts:
            if _READABLE.get(type(part), type(part)) is not expected:
                return f"Its part is a {type(part).__name__} and not a {expected.__name__}."
        return _reason(module.channel) or _reason(module.spatial)
    if isinstance(module, SpatialAttention):
        return _unusual_convolution(module.conv) or (
            None
            if type(module.norm) in (nn.Identity, nn.BatchNorm2d)
            else f"Its norm is a {type(module.norm).__name__}."
        )
    assert isinstance(module, ChannelPart)
    layers = [type(layer) for layer in module.mlp]
    if layers != [nn.Linear, nn.ReLU, nn.Linear]:
        return f"Its mlp is {', '.join(layer.__name__ for layer in layers)} and not Linear, ReLU, Linear."
    return None


def _unusual_convolution(conv: nn.Module) -> str | None:
    plain = (
        type(conv) is nn.Conv2d
        and (conv.in_channels, conv.out_channels, conv.bias) == (2, 1, None)
        and (conv.stride, conv.dilation, conv.padding_mode) == ((1, 1), (1, 1), "zeros")
        and conv.padding == tuple(k // 2 for k in conv.kernel_size)
        and all(k % 2 for k in conv.kernel_size)
    )
    return None if plain else "Its conv is not a plain convolution of two maps to one of the same size."


class _Fused(nn.Module):
    """What the four fused classes share: when the short cut is taken."""

    def forward(self, x: Tensor) -> Tensor:
        """Return what the readable module returns, shape (N, C, H, W)."""
        # Without gradients a channel gate is as cheap as it gets: the pools, one product.
        cheap = isinstance(self, ChannelPart) and not torch.is_grad_enabled()
        if cheap or not _short_cut(self, x):
            return super().forward(x)
        channel, spatial = _parts(self)
        require_feature_map(x, channel.in_channels if channel is not None else None)
        if channel is not None:
            require_same_dtype(x, channel.mlp[0].weight)  # type: ignore[arg-type]
        if spatial is not None:
            require_same_dtype(x, spatial.conv.weight)
        if torch.is_grad_enabled():
            parameters = tuple(self.parameters())
            if x.requires_grad or any(p.requires_grad for p in parameters):
                return _Gated.apply(self, x, *parameters)
        if spatial is None or _joins_the_images(spatial.norm):
            return super().forward(x)
        return _evaluate(channel, spatial, x)


class FusedSqueezeExcitation(_Fused, SqueezeExcitation):
    """:class:`SqueezeExcitation` in fewer passes over memory; see :func:`fuse`."""


class FusedChannelAttention(_Fused, ChannelAttention):
    """:class:`ChannelAttention` in fewer passes over memory; see :func:`fuse`."""


class FusedSpatialAttention(_Fused, SpatialAttention):
    """:class:`SpatialAttention` in fewer passes over memory; see :func:`fuse`."""


class FusedCBAM(_Fused, CBAM):
    """:class:`CBAM` in fewer passes over memory: both gates are worked out before the output is read again."""


_FUSED = {
    SqueezeExcitation: FusedSqueezeExcitation,
    ChannelAttention: FusedChannelAttention,
    SpatialAttention: FusedSpatialAttention,
    CBAM: FusedCBAM,
}
_READABLE = {fused: readable for readable, fused in _FUSED.items()}


def _parts(module: nn.Module) -> tuple[ChannelPart | None, SpatialAttention | None]:
    """Return the channel part and the spatial part, ``None`` where there is none."""
    if isinstance(module, CBAM):
        return module.channel, module.spatial
    if isinstance(module, SpatialAttention):
        return None, module
    assert isinstance(module, ChannelPart)
    return module, None


def _short_cut(module: nn.Module, x: Tensor) -> bool:
    """Tell whether this call may leave the readable operations."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False
    return (
        type(x) in _PLAIN
        and x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.float64)
        and x.ndim == 4
        and x.numel() > 0
        and not torch.is_autocast_enabled("cpu")
        and (x.is_contiguous() or x.is_contiguous(memory_format=torch.channels_last))
        and not _watched(module)
    )


def _joins_the_images(norm: nn.Module) -> bool:
    """Tell whether a norm takes its statistics from the batch; then no image can go its own way."""
    return isinstance(norm, nn.BatchNorm2d) and (norm.training or norm.running_mean is None)


def _watched(module: nn.Module) -> bool:
    """Tell whether somebody looks at the calls or the gates in here; then they have to happen."""
    # Plain loops: on a small map the time of two generators for each layer can be seen.
    if (
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
        or "gate" in module.__dict__
    ):
        return True
    for p in module._parameters.values():
        if p is not None and (type(p) not in _PLAIN or p.is_cuda):
            return True
    for part in module._modules.values():  # noqa: SIM110
        if part is not None and _watched(part):
            return True
    return False


class _Gated(torch.autograd.Function):
    """``x`` times its gates, with a backward pass that keeps nothing of the map's size but ``x``.

    The gates are small, so their graph is the one that autograd makes, whatever the MLP and the BatchNorm are. A
    second derivative is taken through the readable module.
    """

    @staticmethod
    def forward(ctx, module, x, *parameters):
        ctx.module, ctx.tape = module, _Tape(parameters)
        ctx.save_for_backward(x, *parameters)
        return _train(*_parts(module), x, ctx.tape)

    @staticmethod
    def backward(ctx, grad):
        x, *parameters = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph=True
            return None, *_readable_gradients(ctx, x, parameters, grad)
        return None, *_backward(*_parts(ctx.module), x, grad, ctx.tape, ctx.needs_input_grad[1])


def _readable_gradients(ctx, x: Tensor, parameters: list[Tensor], grad: Tensor) -> list[Tensor | None]:
    """Return the gradients as functions of ``x``, the parameters and ``grad``, to be differentiated again."""
    twin = unfuse(copy.deepcopy(ctx.module))  # running statistics would move once more; let them be a copy's
    names = [name for name, _ in twin.named_parameters()]
    y = torch.func.functional_call(twin, dict(zip(names, parameters, strict=True)), (x,))
    needed = ctx.needs_input_grad[1:]
    wanted = [t for t, need in zip((x, *parameters), needed, strict=True) if need]
    found = iter(torch.autograd.grad(y, wanted, grad, create_graph=True))
    return [next(found) if need else None for need in needed]


class _Tape:
    """What the forward pass leaves for the backward pass; next to the map, all of it is small.

    The gates still have their graphs, which begin at ``pools`` (1 or 2, N, C) and at ``maps`` (N, 2, H, W).
    ``peaks`` (N, C) is the position of each channel's maximum, ``winners`` (N, H·W) the channel of each position's;
    -1 where several elements share it.
    """

    pools: Tensor
    channel_gate: Tensor
    maps: Tensor
    spatial_gate: Tensor
    winners: Tensor

    def __init__(self, parameters: tuple[Tensor, ...]):
        self.parameters = parameters
        self.peaks: Tensor | None = None  # without a maximum over the positions there is none

    def gradients(self, gate: Tensor, start: Tensor, grad: Tensor, found: dict[int, Tensor]) -> Tensor:
        """Return the gradient at the start of a gate's graph; those of the parameters go to ``found``."""
        wanted = [p for p in self.parameters if p.requires_grad]
        start_grad, *others = torch.autograd.grad(
            gate, [start, *wanted], grad, retain_graph=True, allow_unused=True
        )
        found.update({id(p): g for p, g in zip(wanted, others, strict=True) if g is not None})
        return start_grad


def _evaluate(channel: ChannelPart | None, spatial: SpatialAttention, x: Tensor) -> Tensor:
    """Return the gated map; nothing is kept. Each block of images goes all the way while it is in the cache."""
    y = torch.empty_like(x)
    blocks = [(x, y)] if _block(x) >= len(x) else _blocks(x, y)
    for images, gated in blocks:
        _write_gated(channel, spatial, images, gated)
    return y


def _write_gated(channel: ChannelPart | None, spatial: SpatialAttention, x: Tensor, y: Tensor) -> None:
    X, Y = x.flatten(2), y.flatten(2)  # (N, C, P), views in both memory formats
    if channel is None:
        product, mean = X, X.mean(1, keepdim=True)
    else:
        row = torch.sigmoid(channel.mlp(torch.stack((X.mean(2), X.amax(2)))).sum(0))
        product = torch.mul(X, row[:, :, None], out=Y)
        few_rows = X.stride(2) == 1 and X.shape[1] < _FEW_ROWS
        mean = _mean_over_channels(X, row) if few_rows else product.mean(1, keepdim=True)
    maps = _both_maps(spatial, mean, _maximum_over_channels(product)).view(len(x), 2, *x.shape[2:])
    column = torch.sigmoid(spatial.norm(spatial.conv(maps))).flatten(2)
    torch.mul(product, column, out=Y)


def _train(channel: ChannelPart | None, spatial: SpatialAttention | None, x: Tensor, tape: _Tape) -> Tensor:
    """Return the gated map; what the backward pass needs goes to ``tape``."""
    X = x.flatten(2)
    y = torch.empty_like(x)
    Y = y.flatten(2)
    scratch = torch.empty_like(x[: _block(x)]).flatten(2)
    row = None if channel is None else _channel_gate(channel, X, tape, scratch)
    if spatial is None:
        assert row is not None
        torch.mul(X, row[:, :, None], out=Y)
        return y
    s = _spatial_gate(spatial, X, row, Y, tape, scratch, x.shape)
    torch.mul(X if row is None else Y, s, out=Y)
    return y


def _channel_gate(channel: ChannelPart, X: Tensor, tape: _Tape, scratch: Tensor) -> Tensor:
    """Return the gate of each channel, (N, C)."""
    finder = _Finder(X, 2, scratch) if isinstance(channel, ChannelAttention) else None
    of_blocks = []
    for (x,) in _blocks(X):
        of_block = [x.mean(2)]
        if finder:
            of_block.append(x.amax(2))
            finder.read(x, of_block[1][:, :, None])
        of_blocks.append(torch.stack(of_block))
    pools = torch.cat(of_blocks, 1)
    with torch.enable_grad():
        tape.pools = pools.requires_grad_()
        tape.channel_gate = torch.sigmoid(channel.mlp(pools).sum(0))
    tape.peaks = finder.places(X, pools[1]) if finder else None
    return tape.channel_gate.detach()


def _spatial_gate(
    spatial: SpatialAttention,
    X: Tensor,
    row: Tensor | None,
    Y: Tensor,
    tape: _Tape,
    scratch: Tensor,
    size: torch.Size,
) -> Tensor:
    """Return the gate of each position, (N, 1, P), of the map times ``row`` (N, C), which is written to ``Y``."""
    finder = _Finder(X, 1, scratch)
    rows = X.new_ones(1, X.shape[1]).expand(X.shape[:2]) if row is None else row
    means, maxima = [], []
    for x, y, factors in _blocks(X, Y, rows):
        product = x if row is None else torch.mul(x, factors[:, :, None], out=y)
        means.append(_mean_over_channels(x, factors))
        maxima.append(_maximum_over_channels(product))
        finder.read(product, maxima[-1])
    mean, maximum = torch.cat(means), torch.cat(maxima)
    tape.winners = finder.places(X if row is None else Y, maximum[:, 0])
    with torch.enable_grad():
        tape.maps = _both_maps(spatial, mean, maximum).view(len(X), 2, *size[2:]).requires_grad_()
        logit = _SameConvolution.apply(tape.maps, spatial.conv.weight)
        tape.spatial_gate = torch.sigmoid(spatial.norm(logit)).flatten(2)
    return tape.spatial_gate.detach()


def _both_maps(spatial: SpatialAttention, mean: Tensor, maximum: Tensor) -> Tensor:
    """Return the two maps in the order of the convolution's kernel, (N, 2, P)."""
    return torch.cat((maximum, mean) if spatial.maximum_first else (mean, maximum), 1)


def _mean_over_channels(X: Tensor, row: Tensor) -> Tensor:
    """Return the means of ``X`` times ``row`` (N, C) over its channels, (N, 1, P): a row times a matrix."""
    return torch.bmm((row / X.shape[1])[:, None], X)


def _maximum_over_channels(values: Tensor) -> Tensor:
    """Return the maxima of a map (N, C, P) over its channels, (N, 1, P)."""
    short = values.stride(2) == 1 and values.shape[2] < _SHORT_ROW
    while short and values.shape[1] > _SHORT_ROW and values.shape[1] % 2 == 0:
        values = torch.maximum(*values.chunk(2, 1))
    return values.amax(1, keepdim=True)


def _backward(
    channel: ChannelPart | None,
    spatial: SpatialAttention | None,
    x: Tensor,
    grad: Tensor,
    tape: _Tape,
    wants_x: bool,
) -> tuple[Tensor | None, ...]:
    """Return the gradients of ``x`` (or ``None``) and of the parameters."""
    X, D = x.flatten(2), grad.flatten(2)  # (N, C, P)
    row = None if channel is None else tape.channel_gate.detach()  # (N, C)
    column = None if spatial is None else tape.spatial_gate.detach()  # (N, 1, P)
    found: dict[int, Tensor] = {}
    row_grad, column_grad = _gate_gradients(X, D, row, column)
    pixels = None
    if spatial is not None:
        pixels = _PixelGradients(spatial, X, row, tape, column_grad, found)
        if row is not None:
            pixels.add_to_row_gradient(row_grad)
    pool_grad = None
    if channel is not None:
        pool_grad = tape.gradients(tape.channel_gate, tape.pools, row_grad, found)
    dx = None
    if wants_x:
        dx = torch.empty_like(x)
        DX = dx.flatten(2)
        _fill_input_gradient(DX, D, row, column, pool_grad, pixels)
        if pixels is not None:
            pixels.add_to_input_gradient(DX)
        if pool_grad is not None and tape.peaks is not None:
            _add_peaks(DX, X, tape.peaks, tape.pools[1].detach(), pool_grad[1])
    return dx, *(found.get(id(p)) for p in tape.parameters)


def _fill_input_gradient(
    DX: Tensor,
    D: Tensor,
    row: Tensor | None,
    column: Tensor | None,
    pool_grad: Tensor | None,
    pixels: "_PixelGradients | None",
) -> None:
    """Write to ``DX`` what comes through the product with the gates and through the means."""
    for b in _slices(DX):
        # Not addcmul: with two factors that are repeated along memory it is not vectorised.
        through_row = D[b]
        if column is not None and pixels is not None:
            through_row = torch.mul(D[b], column[b], out=DX[b]).add_(pixels.mean_grad[b])
        if row is not None and pool_grad is not None:
            average_grad = pool_grad[0, b, :, None] / DX.shape[2]
            torch.mul(through_row, row[b, :, None], out=DX[b]).add_(average_grad)


def _add_peaks(DX: Tensor, X: Tensor, peaks: Tensor, maxima: Tensor, maximum_grad: Tensor) -> None:
    """Add to ``DX`` what comes through the maxima over the positions, (N, C)."""
    peak, peak_grad = _sole(peaks, maximum_grad)
    DX.scatter_add_(2, peak[:, :, None], peak_grad[:, :, None])
    for n, c in _portions((peaks < 0).nonzero(), X.shape[2] * X.element_size()):
        DX[n, c] += _share(X[n, c], maxima[n, c], maximum_grad[n, c])


def _gate_gradients(X: Tensor, D: Tensor, row: Tensor | None, column: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the gradients of the output with respect to the gates that there are, (N, C) and (N, 1, P)."""
    N, C, P = X.shape
    row_grad, column_grad = X.new_empty(N, C), X.new_empty(N, 1, P)
    rows = X.new_ones(1, 1, C).expand(N, 1, C) if row is None else row[:, None]
    scratch = torch.empty_like(X[: _block(X)])
    for b in _slices(X):
        product = torch.mul(D[b], X[b], out=scratch[: len(X[b])])
        if column is None:
            torch.sum(product, 2, out=row_grad[b])
            continue
        torch.bmm(rows[b], product, out=column_grad[b])
        if row is not None:
            row_grad[b] = torch.bmm(column[b], product.transpose(1, 2))[:, 0]
    return row_grad, column_grad


class _PixelGradients:
    """The gradients of the two maps that the spatial gate reads, and where they go."""

    def __init__(
        self,
        spatial: SpatialAttention,
        X: Tensor,
        row: Tensor | None,
        tape: _Tape,
        column_grad: Tensor,
        found: dict[int, Tensor],
    ):
        map_grad = tape.gradients(tape.spatial_gate, tape.maps, column_grad, found).flatten(2)
        mean, maximum = _planes(spatial)
        maximum_grad = map_grad[:, maximum]
        self.X, self.row = X, row
        self.mean_grad = map_grad[:, mean : mean + 1] / X.shape[1]
        maxima = tape.maps.detach().flatten(2)[:, maximum]
        self.ties = _Ties(tape.winners, maxima, maximum_grad, X, row)
        self.winner, self.winner_grad = _sole(tape.winners, maximum_grad)

    def add_to_row_gradient(self, row_grad: Tensor) -> None:
        for b in _slices(self.X):
            row_grad[b] += torch.bmm(self.mean_grad[b], self.X[b].transpose(1, 2))[:, 0]
        there = self.X.gather(1, self.winner[:, None])[:, 0]
        row_grad.scatter_add_(1, self.winner, self.winner_grad * there)
        self.ties.add_to_row_gradient(row_grad)

    def add_to_input_gradient(self, DX: Tensor) -> None:
        """Add what comes through the maxima; the means' part is the same for all channels."""
        to_x = self.winner_grad if self.row is None else self.winner_grad * self.row.gather(1, self.winner)
        DX.scatter_add_(1, self.winner[:, None], to_x[:, None])
        self.ties.add_to_input_gradient(DX)


class _Ties:
    """Positions at which several channels share the maximum: each has its part of the gradient, as in ``amax``."""

    def __init__(self, winners: Tensor, maxima: Tensor, maximum_grad: Tensor, X: Tensor, row: Tensor | None):
        self.where = (winners < 0).nonzero()
        self.maxima, self.maximum_grad, self.row = maxima, maximum_grad, row
        self.pixels = X.transpose(1, 2)  # (N, P, C)

    def _parts(self) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Yield images and positions (T,), the elements there and the gradients of their products (T, C)."""
        C = self.pixels.shape[2]
        for n, p in _portions(self.where, C * self.pixels.element_size()):
            pixels = self.pixels[n, p]
            product = pixels if self.row is None else pixels * self.row[n]
            yield n, p, pixels, _share(product, self.maxima[n, p], self.maximum_grad[n, p])

    def add_to_row_gradient(self, row_grad: Tensor) -> None:
        for n, _, pixels, part in self._parts():
            row_grad.index_add_(0, n, part * pixels)

    def add_to_input_gradient(self, DX: Tensor) -> None:
        pixels = DX.transpose(1, 2)
        for n, p, _, part in self._parts():
            pixels[n, p] += part if self.row is None else part * self.row[n]


def _portions(places: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the two columns of ``places`` (T, 2), as many at a time as there is room for ``size`` bytes each."""
    if len(places):
        for portion in places.split(max(1, _BLOCK_BYTES // size)):
            yield portion.unbind(1)


def _share(values: Tensor, maxima: Tensor, grads: Tensor) -> Tensor:
    """Share ``grads`` (T,) among the elements of ``values`` (T, K) that equal ``maxima`` (T,)."""
    mask = torch.eq(values, maxima[:, None], out=torch.empty_like(values))
    return mask * (grads / mask.sum(1))[:, None]


class _Finder:
    """Find where along an axis of a map (N, C, P) the maxima stand, a few images at a time.

    A mask of ones, multiplied by the row 2K, 2K + 1, ... 3K - 1, gives less than 3K where it has a single one, and
    that one's place; at least 4K where it has more. Sums beyond what the format holds, or a matrix product of lower
    precision, could give a wrong place; so the value that stands there is looked at as well.

    Args:
        X: the map, or one of its size.
        axis: 1 or 2, along which the maxima were taken.
        scratch: room for the mask of a block, in the memory format of the map.
    """

    def __init__(self, X: Tensor, axis: int, scratch: Tensor):
        self.axis, self.scratch = axis, scratch
        K = X.shape[axis]
        self.numbers = torch.arange(2 * K, 3 * K, dtype=X.dtype).expand(len(scratch), 1, K)
        self.sums: list[Tensor] = []

    def read(self, values: Tensor, maximum: Tensor) -> None:
        """Look at the next images, whose maxima have the axis kept."""
        # A mask in the format of the values is several times faster than one of truth values.
        mask = torch.eq(values, maximum, out=self.scratch[: len(values)])
        self.sums.append(torch.bmm(self.numbers[: len(values)], self._across(mask)))

    def places(self, values: Tensor, maximum: Tensor) -> Tensor:
        """Return the place of each maximum, int32 of its shape (N, other axis); -1 where it is shared."""
        K = values.shape[self.axis]
        place = torch.cat(self.sums).sub_(2 * K).long()
        inside = place.clamp(0, K - 1)
        sole = (inside == place) & (self._across(values).gather(1, inside) == maximum[:, None])
        return torch.where(sole, place, -1)[:, 0].int()

    def _across(self, values: Tensor) -> Tensor:
        return values if self.axis == 1 else values.transpose(1, 2)


def _sole(places: Tensor, grads: Tensor) -> tuple[Tensor, Tensor]:
    """Return places that can be gathered from, and the gradients, 0 where the maximum is shared."""
    return places.clamp(min=0).long(), grads * (places >= 0)


class _SameConvolution(torch.autograd.Function):
    """The spatial gate's convolution, whose gradient is a convolution with the mirrored kernel.

    oneDNN's own backward pass is up to 15 times slower than its forward pass for two channels.
    """

    @staticmethod
    def forward(ctx, maps, weight):
        ctx.save_for_backward(maps, weight)
        return F.conv2d(maps, weight.contiguous(), padding=_half(weight))

    @staticmethod
    def backward(ctx, grad):
        maps, weight = ctx.saved_tensors
        mirrored = weight.transpose(0, 1).flip(2, 3).contiguous()
        map_grad = F.conv2d(grad, mirrored, padding=_half(weight)) if ctx.needs_input_grad[0] else None
        if not ctx.needs_input_grad[1]:
            return map_grad, None
        return map_grad, nn.grad.conv2d_weight(maps, weight.shape, grad, padding=_half(weight))


def _half(weight: Tensor) -> tuple[int, int]:
    return weight.shape[2] // 2, weight.shape[3] // 2


def _planes(spatial: SpatialAttention) -> tuple[int, int]:
    """Return which plane of the two maps is the mean, and which the maximum."""
    return (1, 0) if spatial.maximum_first else (0, 1)


def _blocks(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield the first tensor, and with it the others, a few images at a time."""
    images = _block(tensors[0])
    return zip(*(tensor.split(images) for tensor in tensors), strict=True)


def _slices(x: Tensor) -> Iterator[slice]:
    images = _block(x)
    return (slice(start, start + images) for start in range(0, len(x), images))


def _block(x: Tensor) -> int:
    """Return how many images are worked on at a time."""
    return max(1, _BLOCK_BYTES * len(x) // (x.numel() * x.element_size()))

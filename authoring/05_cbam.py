# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 · CBAM: which channels, then where
#
# **You will be able to**
#
# * put the two gates in sequence, and say which map each of them is computed from, in three arrangements;
# * say what each part contributes on a task where the answer is known, and which plain network does as well;
# * tell implementations of CBAM apart: which differences alter the output, what a fresh one does to features, what it costs.
#
# **Time** 40 minutes of reading. The cells run in about half a minute on two CPU cores; with a GPU,
# training uses four times as many images.
#
# **Before this** lessons 03 and 04: the channel gate and the spatial gate.

# %%
import torch
from torch import nn
from torch.nn import functional as F

from cbam_course import (
    CBAM,
    ChannelAttention,
    SpatialAttention,
    SqueezeExcitation,
    capture,
    count_cost,
    insert_attention,
    make_scenes,
)
from cbam_course.data.photos import load_photo
from cbam_course.inspection import plots
from cbam_course.networks.filter_bank import FilterBank

# %% [markdown]
# ## The question
#
# Channel attention is blind to position; spatial attention is blind to the channel. So what can they say together? For
# the picture we set two gates by hand: one that opens the channel "red" and nearly closes all others, and one that opens a
# disc around the cup.

# %%
filters = FilterBank()
features = filters(load_photo("coffee", size=120)[None] / 255)
channel_gate = torch.full((1, 8, 1, 1), 0.1)
channel_gate[:, filters.names.index("red")] = 1.0
rows, columns = torch.meshgrid(torch.linspace(-1, 1, 120), torch.linspace(-1.5, 1.5, 180), indexing="ij")
spatial_gate = (((rows + 0.2) ** 2 + columns**2 < 0.5).float() * 0.9 + 0.1)[None, None]

# %%
versions = [
    features,
    features * channel_gate,
    features * spatial_gate,
    features * channel_gate * spatial_gate,
]
titles = ["x", "which", "where", "both"]
shown = [(version[0, filters.names.index(name)], f"{name}: {title}")
         for name in ("red", "light") for version, title in zip(versions, titles, strict=True)]  # fmt: skip
plots.show_maps([m for m, _ in shown], [t for _, t in shown], columns=4)

# %% [markdown]
# *What to see: two rows of four maps, "red" above and "light" below. The channel gate leaves the upper row as it is and
# darkens the lower one as a whole; the spatial gate cuts a disc out of both rows; with both gates only the disc of "red" is
# left.*
#
# Each value of the result is $x_{c,i,j} \cdot s_c \cdot m_{i,j}$: one factor for its channel and one for its position. For
# 8 channels and 120 × 180 positions that is 8 + 21,600 factors instead of 8 · 21,600. It is cheap, and it is a limit: no
# such product can keep red *here* and light *there*. Nobody sets the gates by hand, of course. The Convolutional Block
# Attention Module (CBAM; Woo, Park, Lee and Kweon 2018) computes them from the features, one after the other:
#
# $$x' = M_c(x) \cdot x \qquad x'' = M_s(x') \cdot x'$$
#
# (section 3, equation 1, with $M_c$ from lesson 03 and $M_s$ from lesson 04.)

# %%
plots.draw_flow(
    [("feature map x", "(N, C, H, W)"), ("channel gate\nof x", "(N, C, 1, 1)"), ("x′ = x ·\nchannel gate", "(N, C, H, W)"),
     ("spatial gate\nof x′", "(N, 1, H, W)"), ("x″ = x′ ·\nspatial gate", "(N, C, H, W)")],
    highlight=["x′ = x ·\nchannel gate"],
)  # fmt: skip

# %% [markdown]
# *What to see: five boxes in a row. The box in the middle, x′, is coloured: the spatial gate is computed from it and not
# from x.*
#
# ## By hand
#
# The two channels of lesson 02 once more, with the MLP of lesson 03: one hidden unit that asks "is channel 1 above
# channel 0?", and output weights −1 and 2. Its gate came out as 0.38 and 0.73.

# %% tags=["nbval-check-output"]
x = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]], [[0.0, 0.0], [0.0, 8.0]]]])
w1, w2 = torch.tensor([[-0.5, 0.5]]), torch.tensor([[-1.0], [2.0]])


def channel_gate(x):
    """(N, 2, H, W) -> (N, 2, 1, 1)."""
    logit = sum(torch.relu(z @ w1.T) @ w2.T for z in (x.mean(dim=(2, 3)), x.amax(dim=(2, 3))))
    return torch.sigmoid(logit)[:, :, None, None]


refined = x * channel_gate(x)
print(refined.round(decimals=2))

# %% [markdown]
# For the spatial gate we take a 1×1 kernel with the weights −2 for the mean and 2 for the maximum. With two channels,
# 2 · (maximum − mean) is simply the distance between them: the gate opens where one channel stands out from the other.
#
# **Predict, then run.** In x, the distances are 1, 3, 5 at the first three positions and |7 − 8| = 1 at the last one. So
# the gate of **x** is widest at position 2, bottom left. Where is the gate of **x′** widest? Use the numbers above.


# %% tags=["nbval-check-output"]
def spatial_gate(x):
    """(N, 2, H, W) -> (N, 1, H, W)."""
    mean, maximum = x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)
    return torch.sigmoid(-2 * mean + 2 * maximum)


print("gate of x ", spatial_gate(x).flatten())
print("gate of x′", spatial_gate(refined).flatten())

# %% [markdown]
# Bottom right. There x has 7 and 8, a distance of 1, and x′ has 2.64 and 5.85, a distance of 3.2: the channel gate has
# made channel 1 the louder one, and now the spatial gate notices the place where it speaks. The second gate sees what the
# first one has decided. That is the point of a sequence.

# %% tags=["nbval-check-output"]
by_hand = refined * spatial_gate(refined)
print(by_hand.round(decimals=2))

# %% [markdown]
# ## Three arrangements
#
# The same two gates can be joined in other ways. In each of them both gates multiply x, and a product does not care about
# order. What differs is the map that each gate is computed *from*:
#
# | arrangement | channel gate computed from | spatial gate computed from |
# |---|---|---|
# | channel first (CBAM) | x | x after the channel gate |
# | spatial first | x after the spatial gate | x |
# | parallel | x | x |
#
# **Predict, then run.** Position 3, bottom right, holds 7 and 8. In which arrangement do these two come out largest?

# %% tags=["nbval-check-output"]
located = x * spatial_gate(x)
arrangements = {
    "channel first": by_hand,
    "spatial first": located * channel_gate(located),
    "parallel": x * channel_gate(x) * spatial_gate(x),
}
for name, y in arrangements.items():
    print(f"{name:14} {[round(v, 2) for v in y[0, :, 1, 1].tolist()]}")

# %% [markdown]
# Channel first: there alone has the map learned from the channel gate that channel 1 matters. With spatial first the
# position is turned down to 73 % *before* the channel gate compares the maxima, so that its unit fires more
# weakly. In the parallel form neither gate knows of the other. These are three different functions with the same weights.
#
# Are they three different *abilities*? Training can adapt the weights to each arrangement, so that numbers for fixed weights
# say nothing about it. We come back to it with trained networks.
#
# ## The module
#
# Version 1 writes everything out, in the order of the equations.


# %%
class CBAMV1(nn.Module):
    def __init__(self, in_channels, reduction_ratio=16, kernel_size=7):
        super().__init__()
        hidden = max(1, in_channels // reduction_ratio)
        self.reduce = nn.Linear(in_channels, hidden, bias=False)
        self.expand = nn.Linear(hidden, in_channels, bias=False)
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)

    def mlp(self, z):
        return self.expand(torch.relu(self.reduce(z)))

    def forward(self, x):
        logit = self.mlp(x.mean(dim=(2, 3))) + self.mlp(x.amax(dim=(2, 3)))
        x = x * torch.sigmoid(logit)[:, :, None, None]
        pools = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        return x * torch.sigmoid(self.conv(pools))


# %% [markdown]
# The line that makes it CBAM is the third last: `x` gets a new meaning, and the pools below read the new one. It is also
# the line that is easy to get wrong, for if the product went into another name and the pools still read the old `x`, every
# shape would fit and no error would come. Task 4 of the exercise is about that.
#
# Version 2 is made of the two modules that you have built. Nothing is left but the sequence.


# %%
class CBAMV2(nn.Module):
    def __init__(self, in_channels, reduction_ratio=16, kernel_size=7):
        super().__init__()
        self.channel = ChannelAttention(in_channels, reduction_ratio)
        self.spatial = SpatialAttention(kernel_size)

    def forward(self, x):
        return self.spatial(self.channel(x))


# %% [markdown]
# That is the package's class, too. We copy the weights and compare all three, and then the calculation by hand.

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
written_out, composed, theirs = CBAMV1(64), CBAMV2(64), CBAM(64)
theirs.load_state_dict(composed.state_dict())
names = {"channel.mlp.0.weight": "reduce.weight", "channel.mlp.2.weight": "expand.weight",
         "spatial.conv.weight": "conv.weight"}  # fmt: skip
written_out.load_state_dict({names[name]: value for name, value in theirs.state_dict().items()})
batch = torch.randn(2, 64, 9, 12)
torch.testing.assert_close(composed(batch), theirs(batch))
torch.testing.assert_close(written_out(batch), theirs(batch))
print("three ways to write it, the same output")

# %%
small = CBAM(2, reduction_ratio=2, kernel_size=1)
with torch.no_grad():
    small.channel.mlp[0].weight.copy_(w1)
    small.channel.mlp[2].weight.copy_(w2)
    small.spatial.conv.weight.copy_(torch.tensor([-2.0, 2.0]).view(1, 2, 1, 1))
torch.testing.assert_close(small(x), by_hand)
print("equal to the calculation by hand")

# %% [markdown]
# ## What it costs
#
# **Predict, then run.** CBAM for 256 channels, r = 16, kernel 7: how many parameters have its two parts? And how many has
# one 3×3 convolution from 256 to 256 channels, the layer that it usually stands behind?

# %% tags=["nbval-check-output"]
size = (1, 256, 28, 28)
layers = {"channel part": ChannelAttention(256), "spatial part": SpatialAttention(), "CBAM": CBAM(256),
          "3×3 convolution": nn.Conv2d(256, 256, 3, padding=1, bias=False)}  # fmt: skip
for name, layer in layers.items():
    cost = count_cost(layer, size)
    print(f"{name:16} {cost.parameters:8,} parameters   {cost.macs:12,} multiply-adds")

# %% [markdown]
# 1.4 % of the convolution's parameters, and one multiply-add where the convolution has five thousand. The spatial part
# has 98 parameters, however many channels there are. In a whole network, at the end of every residual branch of a ResNet-50:

# %% tags=["nbval-check-output"]
from torchvision.models import resnet50

network = resnet50()
plain = count_cost(network, (1, 3, 224, 224))
with_cbam = count_cost(insert_attention(network, CBAM), (1, 3, 224, 224))
print(f"plain      {plain.parameters:10,} parameters   {plain.macs / 1e9:.3f} G multiply-adds")
print(f"with CBAM  {with_cbam.parameters:10,} parameters   {with_cbam.macs / 1e9:.3f} G multiply-adds")
extra = [after / before - 1 for before, after in zip(plain, with_cbam, strict=True)]
print(f"more by {extra[0]:.1%} and {extra[1]:.2%}")

# %% [markdown]
# A tenth more parameters is not nothing. They sit in the last stages, where a block puts out 2,048 channels and its MLP
# has 2 · 2048²/16 weights. The multiply-adds are negligible indeed.
#
# **Is the time negligible as well?** Pooling and the two products are no multiply-adds in this count, but each of them walks
# through the whole feature map in memory. Written with the usual pooling layers (`AdaptiveMaxPool2d`, `max(dim=1)`), one
# CBAM took 11 to 14 times as long as the one pass `x * 1.0` through the same map, and a ResNet-50 with it 1.27 times as
# long as without, against 1.07 times with SE (measured beforehand: one CPU thread, `eval`, 112 × 112 pixels for the
# network). Written with `mean` and `amax`, as here, a module takes 0.44 to 0.60 of that time in `eval` and 1.2 to 1.4 times
# as long in training, where the gradient of `amax`, which ties share, is costly (measured beforehand, three sizes).
# "Negligible" is true of FLOPs, not of time.
#
# ## What each part contributes
#
# Now to networks. Each has three blocks and ends in an average over all positions. The task `where`: name the shape of the
# red object among four others. Five seeds each; every point is one run.

# %%
from cbam_course.training.results import load_results, runs_by_label

where = {"plain": "plain", "plain-wide": "plain, wider", "plain-long": "plain, three times as long", "se": "SE",
         "spatial": "spatial", "channel": "channel", "cbam": "CBAM", "plain-max": "plain, mean+max head",
         "plain-mlp": "plain, mean+max head, MLP"}  # fmt: skip
plots.plot_runs(runs_by_label("where", where), xlabel="accuracy on where", chance=1 / 5)

# %% [markdown]
# *What to see: two groups. Plain, wider and SE lie together on the left; spatial, channel, CBAM, the two networks with a
# mean+max head and the plain network that trained longer lie together on the right, the spatial part a little behind, the
# two heads at the very front.*
#
# Read it in three steps.
#
# **The parts are told apart.** More parameters alone (the wider network) bring nothing, nor does SE's average.
# Spatial attention brings nearly the whole gain, channel attention with its maximum slightly more, and both together are
# no better than the channel part alone.
#
# **The simplest baseline is as good.** A network without any attention, whose last layer reads the mean *and the maximum*
# of each channel, does as well as CBAM. The comparison was named before the table was read; here it is, paired by seed:

# %%
from cbam_course.training.statistics import compare

table = load_results("where")
print(compare(table, "cbam", "plain-max"))
print(compare(table, "spatial", "plain"))

# %% [markdown]
# Why? **A maximum over space is itself a gate.** It lets one position of each channel through and shuts out all others, and
# it chooses by the strongest response. A channel that answers to "corner of something red" then reports its best corner,
# undiluted by two thousand other positions. A gate in front of an average, and a maximum in place of it, are two ways to keep
# a small object from drowning. Note which module of the right-hand group contains no maximum over space: the spatial one.
#
# **The gap is one of speed.** With a learning rate of 0.01 instead of 0.003 the plain network reached 0.94 in the same
# eight epochs (one run of seed 0; `results/README.md`), and with 24 epochs instead of 8, in all five seeds, it stands in
# the right-hand group of the figure. What looked like an ability that the plain network lacks is partly a training
# run that was cut short. Longer training belongs to the baselines as well.
#
# ## Look inside
#
# Two networks live, each for about ten seconds without a GPU: spatial attention alone, and CBAM. One seed, an illustration.

# %%
from cbam_course.doctor import by_device
from cbam_course.networks.small_cnn import SmallCNN
from cbam_course.training.kept_networks import fit_once

train, test = make_scenes(by_device(1600, gpu=6400), seed=10), make_scenes(500, seed=11)
factories = {"spatial": lambda width: SpatialAttention(), "CBAM": lambda width: CBAM(width, 4)}
networks, settings = {}, {"epochs": 5, "batch_size": 32, "learning_rate": 0.01, "progress": False}
for name, factory in factories.items():
    torch.manual_seed(0)
    networks[name] = SmallCNN(5, attention=factory)
    history = fit_once(f"05-{name}", networks[name], train.classification, test.classification, **settings)
    print(f"{name:8} accuracy {history.final:.2f} after {history.seconds:.0f} s")

# %% [markdown]
# `capture` records the gates of both networks on the 500 test scenes, as they run. In CBAM, each of the three blocks has two.

# %%
inputs, records = test.inputs(), {}
for name, network in networks.items():
    with torch.no_grad(), capture(network.cpu().eval()) as records[name]:
        network(inputs)
for name, gates in records["CBAM"].items():
    print(f"{name:26} {tuple(gates[0].shape)!s:18} mean {gates[0].mean():.2f}, spread {gates[0].std():.2f}")

# %% [markdown]
# First the spatial maps: those of the middle block, without and with a channel gate in front.

# %%
maps = {
    "spatial only": records["spatial"]["blocks.1.attention"][0],
    "in CBAM": records["CBAM"]["blocks.1.attention.spatial"][0],
}
large = {name: F.interpolate(gate, size=48, mode="nearest")[:, 0] for name, gate in maps.items()}
plots.show_maps(
    [m for gate in large.values() for m in gate[:6]], [name for name in large for _ in range(6)],
    masks=torch.cat([test.masks[:6]] * 2), columns=6, size=1.5, limits=(0, 1),
)  # fmt: skip

# %% [markdown]
# *What to see: the target of six test scenes is outlined in both rows. Above, the maps of the network with spatial
# attention alone are dark, with a light place on the target and a grey frame where the padding is. Below, those of the
# same block inside CBAM are light nearly everywhere and show no such place.*
#
# Count it as in lesson 04: in how many scenes does the brightest pixel of a map lie on the target?

# %%
from cbam_course.inspection.pointing import pointing_rate

print(f"chance {test.masks.float().mean():.3f}")
for name, gates in records.items():
    shares = [pointing_rate(gate[:, 0], test.masks) for gate, *_ in gates.values() if gate.shape[1] == 1]
    print(f"{name:8} blocks 0, 1, 2:  {'  '.join(f'{share:.2f}' for share in shares)}")

# %% [markdown]
# The better network has the worse maps. Inside CBAM the best of the three hits the target far less often than the best of the
# spatial-only network does. (In a prototype: 66–70 % alone, 11–40 % inside CBAM, chance 2.7 %; measured
# beforehand.) If maps that point at the object were the *reason* for the accuracy, this could not be.
#
# So who does the work? The gates of the last block, averaged over the scenes of each class, for the eight channels in
# which the classes differ most:

# %%
gate = records["CBAM"]["blocks.2.attention.channel"][0].flatten(1)
by_class = torch.stack([gate[test.labels == label].mean(0) for label in range(5)])
channels = by_class.std(0).topk(8).indices.sort().values
plots.plot_gates(
    {name: by_class[label, channels] for label, name in enumerate(test.class_names)},
    [str(c) for c in channels.tolist()], width=10, title="mean channel gate in the last block, by class",
)  # fmt: skip

# %% [markdown]
# *What to see: eight groups of five bars. In each group the bars have very different heights: a channel is open for the
# scenes of one or a few classes and nearly closed for the others.*
#
# These gates know part of the answer. Through its maximum over space the channel part learns about a small shape wherever it
# is, and it says so by which channels it opens. Then the map has less left to do: **the channel part shares the work**. How
# much of it? The test is that of lesson 04: replace gates by their averages and look at the accuracy.

# %%
from copy import deepcopy

from cbam_course.networks.baselines import ConstantGate
from cbam_course.training.fit import image_scores

print(f"{'as trained':26} {image_scores(networks['CBAM'], test.classification).mean():.2f}")
for part in ("spatial", "channel"):
    changed = deepcopy(networks["CBAM"])
    for number, block in enumerate(changed.blocks):
        gate = records["CBAM"][f"blocks.{number}.attention.{part}"][0]
        setattr(block.attention, part, ConstantGate(gate.mean(0, keepdim=True)))
    print(f"{part + ' gates constant':26} {image_scores(changed, test.classification).mean():.2f}")

# %% [markdown]
# (Constant means: the average gate over all test scenes, per channel or per position.) Without the images' own maps the
# network loses little; without their own channel gates it is near guessing, 0.20. (As in lesson 04, part of a fall is
# the surprise of the layers behind; but the maps were given the same chance to surprise.) Remember this when a figure
# in a paper shows the spatial map of a CBAM as what the network "attends to": it is one of two gates, and perhaps the
# idle one.
#
# ## Not where but what
#
# The second task needs a path. A patch in the corner has the colour of the shape that is asked for, farther away than any
# output of these networks can see. In its dense form every pixel has to be marked:

# %%
dense = {"plain": "plain", "spatial": "spatial", "se": "SE", "channel": "channel", "cbam": "CBAM",
         "context-mean": "added average, no gate", "context-mean-max": "added mean and max, no gate"}  # fmt: skip
plots.plot_runs(runs_by_label("what-dense", dense), xlabel="mean IoU on what, dense")

# %% [markdown]
# *What to see: plain and spatial attention at the same place far left. All others far right: channel attention and CBAM in
# front, side by side, then the network that adds both pools, SE, and the one that adds the average, of which one run lies
# apart.*
#
# This is segmentation, and the cleanest separation of all: the spatial part alone brings nothing, the channel part
# everything, and CBAM equals its channel part. Two more comparisons that were named beforehand:

# %%
table = load_results("what-dense")
print(compare(table, "channel", "plain"))
print(compare(table, "channel", "context-mean-max"))

# %% [markdown]
# What the channel part brings is a **path from the whole image to every pixel**. The network that *adds* the same two
# summaries after the same MLP, with no gate, comes nine tenths of the way. Multiplying has an edge here, and the path is
# the rest.
#
# And as a question about the whole image, with the networks that end in an average:

# %%
what = {"plain": "plain", "se": "SE", "spatial": "spatial", "channel": "channel", "cbam": "CBAM",
        "plain-max": "plain, mean+max head", "plain-mlp": "plain, mean+max head, MLP"}  # fmt: skip
plots.plot_runs(runs_by_label("what", what), xlabel="accuracy on what", chance=1 / 3)

# %% [markdown]
# *What to see: the plain network on the left. SE, spatial attention and CBAM are spread over much of the axis, with
# single runs near the plain network and others far to the right; channel attention is closer together. The two networks
# with a mean+max head are on the right, with an MLP in the head at the very end.*

# %%
table = load_results("what")
print(compare(table, "channel", "plain"))
print(compare(table, "cbam", "plain-max"))

# %% [markdown]
# The plain heads are ahead and steadier; of all runs with attention, one reaches the network with an MLP in its head. Against
# the simpler head, CBAM's own spread is too wide for a verdict with five seeds, as the interval says. Look at the points, not
# at the bars: CBAM has one run that never left the plain network's level and one that is the best of all with attention. A
# mean of such runs describes none of them.
#
# In a prototype with two seeds and other settings CBAM had reached 0.995 (measured beforehand). Five seeds do not bear that
# out. Had this lesson been written after two runs, it would have told you something false.
#
# ## Does the order matter?
#
# For fixed weights the three arrangements are three functions. Trained on the dense task, five seeds each:

# %%
orders = {"cbam": "channel first (CBAM)", "spatial-first": "spatial first", "parallel": "parallel"}
plots.plot_runs(runs_by_label("what-dense", orders), xlabel="mean IoU on what, dense")

# %% [markdown]
# *What to see: in each row four or five points at the same place on the right. Spatial first and parallel have one point each
# far to the left.*

# %%
table = load_results("what-dense").pivot(index="seed", columns="model", values="accuracy")
print(table[list(orders)].dropna().round(2).to_string())

# %% [markdown]
# Both failures belong to the same seed. Where training succeeded, the three are level. One seed in five failed for two
# of the arrangements and not for the third; with five runs each, one failure against none is no evidence for anything.
# The paper prefers channel first (section 4.1, table 3, on ImageNet); we could not check its numbers against a copy and
# do not repeat them. Our table neither confirms nor contradicts it.
#
# ## What a fresh module does to features
#
# Before training, a gate is σ of something small: about ½. CBAM has two of them in a row.
#
# **Predict, then run.** What remains of a feature map's standard deviation after one fresh SE block, and after one fresh
# CBAM? And after eight blocks, one behind the other?

# %%
from functools import partial


def shrink(make_block, blocks=1, inits=20):
    """Standard deviation of output / input, averaged over fresh initialisations."""
    ratios = []
    for seed in range(inits):
        torch.manual_seed(seed)
        x = torch.randn(4, 64, 16, 16).relu()
        network = nn.Sequential(*[make_block(64) for _ in range(blocks)]).eval()
        with torch.no_grad():
            ratios.append((network(x).std() / x.std()).item())
    return sum(ratios) / inits


modules = {"SE": SqueezeExcitation, "CBAM, lesson": CBAM,
           "CBAM, paper": partial(CBAM, convention="paper"), "CBAM, timm": partial(CBAM, convention="timm")}  # fmt: skip
for name, make_block in modules.items():
    print(f"{name:13} one block {shrink(make_block):.2f}   eight blocks {shrink(make_block, 8):.6f}")

# %% [markdown]
# SE halves, and CBAM leaves about a quarter, ½ · ½, in all three conventions. (How far above or below depends on the
# features: on others it was 0.50 for SE and 0.24 to 0.38 for CBAM, measured beforehand.) Eight SE blocks leave one part
# in 256, eight CBAM blocks about two in 100,000.
#
# A network that is **trained from the start** with its gates adapts: the next BatchNorm divides by whatever spread
# comes in. A **pretrained** network cannot. Its BatchNorms hold the statistics of the features that they were trained
# on, and now each residual branch arrives with a quarter of its size, while the shortcut has its full size. The network
# that you had is gone before the first step of training. That plausibly explains why people report lower accuracy after
# putting CBAM into a pretrained network (Jongchan/attention-module#24, argusswift/YOLOv4-pytorch#240,
# ultralytics#22856). In the authors' ResNet the BatchNorm of the spatial gate even starts with γ = 0, so that this gate
# is exactly ½ at first. Lesson 06 shows an insertion that starts as the identity.
#
# ## An audit: four modules, one name
#
# You find a `CBAM` in a library. Is it the paper's? We read four implementations.
#
# | | MLP | bias | hidden width | after the 7×7 convolution | order of pools |
# |---|---|---|---|---|---|
# | this course | `Linear` | no | C // r, at least 1 | nothing | mean, max |
# | the authors' code | `Linear` | yes | C // 16 | BatchNorm | max, mean |
# | timm | 1×1 convolution | no | C / 16, rounded half up | BatchNorm | mean, max |
# | ultralytics | one C→C 1×1 convolution, average only | yes | – | nothing | mean, max |
# | torchvision (SE only) | 1×1 convolution | yes | handed in | – | – |
#
# **Predict, then run.** Suppose that you copy trained weights from this course's module into another convention. Which
# of these change the output: 1×1 convolutions in place of `Linear`; biases of 0; biases as they are initialised; the other
# order of pools with the same kernel; the other order and exchanged planes; a fresh BatchNorm in `eval` mode; the same in
# training mode?
#
# The first one you know from lesson 02: a 1×1 convolution on a map of one pixel is a linear layer. `convert` does the
# honest translation of all others; then we undo its steps one by one.

# %%
from cbam_course.attention.conventions import convert

torch.manual_seed(0)
batch = torch.randn(4, 64, 14, 14).relu()
lesson, paper = CBAM(64), CBAM(64, convention="paper").eval()
fresh = {name: value.clone() for name, value in paper.state_dict().items()}
state = lesson.state_dict()
converted = convert(state, "lesson", "paper")
changes = {
    "biases 0, planes exchanged": {},
    "biases as initialised": {n: v for n, v in fresh.items() if "mlp" in n and n.endswith("bias")},
    "planes not exchanged": {"spatial.conv.weight": state["spatial.conv.weight"]},
    "a fresh BatchNorm, eval": {n: v for n, v in fresh.items() if "norm" in n},
}

# %%
with torch.no_grad():
    for name, change in changes.items():
        paper.load_state_dict({**converted, **change})
        print(f"{name:28} differs by {(paper(batch) - lesson(batch)).abs().max():.6f}")
    print(
        f"{'the same, training mode':28} differs by {(paper.train()(batch) - lesson(batch)).abs().max():.6f}"
    )

# %% [markdown]
# Zero biases and exchanged planes: no difference. A fresh BatchNorm in `eval` mode divides by √(1 + 0.00001) and might
# as well not be there. The other three are different functions, without an error or a warning. The planes are the most
# treacherous: nothing in a state dictionary tells which plane belongs to which pool.
#
# The hidden width fails more openly, where it fails:

# %% tags=["nbval-check-output"]
for channels in (64, 40, 24):
    widths = [CBAM(channels, convention=c).channel.mlp[0].out_features for c in ("lesson", "paper", "timm")]
    print(f"{channels} channels: hidden units lesson {widths[0]}, paper {widths[1]}, timm {widths[2]}")

# %% [markdown]
# At 64 all agree; at 40 and 24 timm has one unit more and the weights do not fit. And ultralytics' `CBAM` is another
# module under the same name: its channel part is one layer from C to C after an average, without maximum, bottleneck or
# shared MLP (asked about in ultralytics#14635). **Predict** its number of parameters for 256 channels beside ours, then run.

# %% tags=["nbval-check-output"]
one_layer = nn.Conv2d(256, 256, 1)
print("one C→C layer with bias", f"{sum(p.numel() for p in one_layer.parameters()):,}")
print("the paper's shared MLP ", f"{count_cost(ChannelAttention(256), size).parameters:,}")
print(
    "with biases            ", f"{count_cost(ChannelAttention(256, convention='paper'), size).parameters:,}"
)

# %% [markdown]
# Eight times as many, and not the paper's function. A table in somebody's article that says "YOLO + CBAM" may mean either.
# Say which module you used, not only its name.
#
# ## Where it is used, and what became of the claims
#
# CBAM was proposed for classification networks, at the end of each residual branch, and tried on detection as well. It
# is popular in the necks of YOLO detectors, where it is said to help with **small objects**, and in segmentation
# networks. The argument for small objects is the one you have seen: the maximum and the map keep something small from
# drowning. Our table has the accuracy on the thirds of the test scenes with the smallest and the largest targets:

# %%
table = load_results("where").groupby("model")[["accuracy_small", "accuracy_large"]].mean()
chosen = table.loc[["plain", "spatial", "cbam", "plain-max"]]
gain = (chosen - chosen.loc["plain"]).add_suffix(", gain")
print(chosen.join(gain).round(3).to_string())

# %% [markdown]
# Here the small ones gain as much as the large ones, or slightly more, from attention and from the mean+max head alike. It is
# an effect of keeping a maximum or a gate before the average, not of CBAM in particular. All our "large" targets are small
# beside the image, too.
#
# What others measured, each quoted and none re-measured here:
#
# * **ImageNet, one recipe** (implus/PytorchInsight): ResNet-50 76.38 % plain, 77.18 % SE, 77.63 % CBAM; ResNet-101 78.20 %
#   plain, 78.47 % SE, 78.35 % CBAM. CBAM is ahead of SE once and behind it once, with one run each.
# * **Small objects in aerial images** (DIOR, Faster R-CNN with ResNet-50, MUST-AI-Lab): 70.9 mAP plain; SE in the backbone
#   69.9 to 70.4; CBAM in the backbone 69.2 to 69.8, in the neck 71.2 to 72.0. The place decided more than the module.
# * **timm's author**, in a comment in `cbam.py`: mixed results, and it can reduce performance significantly, on fine-grained
#   tasks among others.
#
# So nothing here promises that CBAM beats SE, or that either beats a plain network with a better head or recipe. Lesson
# 07 is about finding out for your own case.
#
# ## What this does not show
#
# * Our networks are small, and our scenes were built so that the parts can be told apart. What a part *can* do on scenes is not
#   what it *will* do on photographs.
# * The strongest simple baselines caught up on both classification tasks, and on the dense task adding came near multiplying.
#   What CBAM offers is a compact way to get a maximum and a global path into *every* block, also where no pooled head exists.
# * The look inside was one network with one seed. That the channel part did most of the work is a statement about that network.
# * Runs that fail as a whole (one of CBAM on `what`, one each of two arrangements) deserve an explanation, and we have none
#   that we tested.
#
# ## Three questions
#
# <details><summary>1. All spatial kernels of a CBAM are zero. What is left of the module?</summary>
#
# The spatial gate is ½ everywhere, so it is half of the channel attention's output. In front of a BatchNorm that is
# trained along, the factor ½ disappears, and the module is channel attention.
# </details>
#
# <details><summary>2. For which channel gates are "channel first" and "parallel" the same function?</summary>
#
# When the spatial gate comes out the same from x and from x′. That is so when the channel gate is 1 for all channels; and
# when the spatial gate does not look, as with a kernel of zeros.
# </details>
#
# <details><summary>3. A map inside CBAM does not point at the object. Is the module broken?</summary>
#
# Not for that reason. The channel part may have done the work already, as in the network above, whose accuracy was higher
# than that of the network with beautiful maps. To learn what a gate does for the answer, change it and measure.
# </details>
#
# ## Sources
#
# * S. Woo, J. Park, J.-Y. Lee, I. S. Kweon: *CBAM: Convolutional Block Attention Module*, ECCV 2018, sections 3 and 4.1.
# * Implementations: Jongchan/attention-module (the authors'), huggingface/pytorch-image-models (timm, `layers/cbam.py`),
#   ultralytics (`nn/modules/conv.py`), torchvision (`ops.SqueezeExcitation`).
# * Replications: implus/PytorchInsight; the DIOR tables of MUST-AI-Lab; issues as named in the text. They are quoted, not
#   re-measured.
# * Tables: `results/where.csv`, `results/what.csv` and `results/what-dense.csv`, made by `python -m cbam_course sweep`;
#   `results/README.md` names the primary comparisons. Times and two-seed prototypes were measured beforehand.

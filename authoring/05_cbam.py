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
# * say what each part of CBAM contributes where the answer is known, and which layer without a gate does it too;
# * look inside a trained CBAM, with the controls that such a look needs.
#
# **Time** 35 minutes of reading. The cells run in under half a minute on two CPU cores, with or without a GPU.
#
# **Before this** lessons 03 and 04: the channel gate and the spatial gate.

# %%
import torch
from torch import nn

from cbam_course import (
    CBAM,
    ChannelAttention,
    SpatialAttention,
    capture,
    count_cost,
    make_scenes,
    predict,
    reveal,
)
from cbam_course.data.photos import load_photo
from cbam_course.inspection import plots
from cbam_course.networks.small_cnn import FilterBank

# %% [markdown]
# ## The question
#
# Channel attention is blind to position; spatial attention is blind to the channel. What can the two do together? For
# the picture we set two gates by hand: one opens the channel "red" and nearly closes all others, the other opens a disc
# around the cup.

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
# *What to see: two rows of four maps, "red" above and "light" below. The channel gate ("which") leaves the upper row
# as it is and darkens the lower one as a whole; the spatial gate ("where") cuts a disc out of both; with both gates
# the disc of "red" stays bright and the rest is dark.*
#
# Each value of the result is $x_{c,i,j} \cdot s_c \cdot m_{i,j}$: one factor for its channel and one for its position. For
# 8 channels and 120 × 180 positions that is 8 + 21,600 factors instead of 8 · 21,600. That is cheap, and it is a limit: no
# such product can keep red *here* and light *there*. The Convolutional Block Attention Module (CBAM; Woo, Park, Lee and
# Kweon 2018) computes both gates from the features, one after the other:
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
# **Predict, then run.** In x, the distances are 1, 3, 5 at positions 0 to 2 and |7 − 8| = 1 at position 3. So the
# gate of **x** is most open at position 2, bottom left. Where is the gate of **x′** most open? Use the numbers above.


# %% tags=["nbval-check-output"]
def spatial_gate(x):
    """(N, 2, H, W) -> (N, 1, H, W)."""
    mean, maximum = x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)
    return torch.sigmoid(-2 * mean + 2 * maximum)


print("gate of x ", spatial_gate(x).flatten())
print("gate of x′", spatial_gate(refined).flatten())

# %% [markdown]
# Bottom right. There x has 7 and 8, a distance of 1, and x′ has 2.64 and 5.85, a distance of 3.2: the channel gate has
# weakened channel 0 more than channel 1, so that channel 1 now stands out where both were strong. The second gate reacts
# to what the first one has done.

# %% tags=["nbval-check-output"]
by_hand = refined * spatial_gate(refined)
print(by_hand.round(decimals=2))

# %% [markdown]
# ## Three arrangements
#
# The same two gates can be joined in other ways. In each of them both gates multiply x, and the order of factors does not
# matter. What differs is the map that each gate is computed *from*:
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
# Channel first: only here does the spatial gate see that channel 1 was strengthened. With spatial first, the position is
# turned down to 73 % before the channel gate compares the maxima, and its hidden unit responds less. In the parallel
# form neither gate sees the other's work. With the same weights these are three different functions.
#
# They need not be three different *abilities*: training can adapt the weights to each arrangement.
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
# The third line from the end makes it CBAM: `x` now means x′, and the pools below read it. If the product went into
# another name and the pools still read the old `x`, every shape would fit, nothing would raise an error, and the module
# would be the parallel form.
#
# Version 2 is made of the two modules that you have built.


# %%
class CBAMV2(nn.Module):
    def __init__(self, in_channels, reduction_ratio=16, kernel_size=7):
        super().__init__()
        self.channel = ChannelAttention(in_channels, reduction_ratio)
        self.spatial = SpatialAttention(kernel_size)

    def forward(self, x):
        return self.spatial(self.channel(x))


# %% [markdown]
# The package's class is the same. We copy the weights and compare all three, and then the calculation by hand.

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
# ## Its price in parameters
#
# **Predict, then run.** CBAM for 256 channels, r = 16, kernel 7: how many parameters does it have? A 3×3 convolution
# from 256 to 256 channels, the layer it usually stands behind, has 589,824.

# %%
predict("05-parameters", None)

# %%
size = (1, 256, 28, 28)
layers = {"channel part": ChannelAttention(256), "spatial part": SpatialAttention(), "CBAM": CBAM(256),
          "3×3 convolution": nn.Conv2d(256, 256, 3, padding=1, bias=False)}  # fmt: skip
for name, layer in layers.items():
    print(f"{name:16} {count_cost(layer, size).parameters:8,} parameters")
print(reveal("05-parameters", count_cost(CBAM(256), size).parameters))

# %% [markdown]
# 1.4 % of the convolution's parameters. Nearly all of them are the MLP's, 2 · 256²/16. The spatial part has
# 2 · 7² = 98, however many channels there are. What CBAM costs in time is another matter; lesson 09 measures it.
#
# ## What each part contributes
#
# Lessons 03 and 04 each had a task on which the answer is known. In `what`, a patch in one corner has the colour of the
# shape to be marked: the cue is **global**. In `near`, each disc has a flag 13 to 15 pixels beyond its edge, and the discs
# with a red flag are to be marked: the cue is at **middle distance**, and each disc needs an answer of its own. The plain
# `DenseCNN` sees neither cue: its answers stayed the same to the last bit when the cue was painted over.

# %%
scenes = {task: make_scenes(3, task=task, seed=5) for task in ("what", "near")}
plots.show_images(
    [image for part in scenes.values() for image in part.images], [task for task in scenes for _ in range(3)],
    masks=[mask for part in scenes.values() for mask in part.masks], columns=6, size=1.7,
)  # fmt: skip

# %% [markdown]
# *What to see: three scenes of `what` on the left, with the patch in a corner and the shape of its colour outlined; three
# of `near` on the right, with the discs outlined whose flag is red.*
#
# One would expect a part of CBAM to help where its gate brings the cue. But other layers can bring it as well.
# So each part gets **rivals without a gate**. For channel attention: *added context*, the same mean and maximum through
# the same MLP, added instead of multiplied. For spatial attention: the *added map*, the same 7×7 convolution over both
# pools, added without a sigmoid and with one weight for each channel; and a *wide kernel*, a depthwise 7×7 convolution,
# added.
#
# Each model has its own learning rate, chosen on validation images; models, seeds and comparisons were registered before
# the runs (`results/registered/`). The score is the mean IoU of the marked pixels on 2,000 test scenes. First `near`:

# %%
from cbam_course.statistics import compare, load_results, runs_by_label

models = {"plain": "plain", "plain-long": "plain, 3 × as long", "channel": "channel", "spatial": "spatial",
          "cbam": "CBAM", "context-mean-max": "rival: added context", "added-map": "rival: added map",
          "wide-kernel": "rival: wide kernel"}  # fmt: skip
near = load_results("near-long")
print("seeds:", near.groupby("model")["seed"].nunique().reindex(models, fill_value=0).to_dict())
plots.plot_runs(runs_by_label(near, models), xlabel="mean IoU on near")

# %% [markdown]
# *What to see: one row a model, one point a seed. The plain networks, channel attention and added context lie far to
# the left. CBAM, the added map and the wide kernel lie far to the right, each close together. Spatial attention's points
# are spread from one side to the other.*
#
# **Spatial attention alone learns the task in some seeds and stays at the floor in others.** The two rivals without a
# gate learn it in every seed.
#
# Marking every disc earns a network 0.44. Plain networks, channel attention and added context do no better. One
# summary of the whole image cannot say *which* disc has the red flag. A 7×7 kernel on a pooled map reaches from a
# disc to its flag, whether its result multiplies or is added. **What counts here is reach; a gate is one way to have
# it, and alone not the surest.**

# %%
for first, second in (
    ("wide-kernel", "spatial"),
    ("added-map", "spatial"),
    ("channel", "plain"),
    ("wide-kernel", "cbam"),
):
    print(compare(near, first, second))

# %% [markdown]
# The first three comparisons were registered, the last was not. In the second and the third, no difference had been
# expected. The wide kernel has more weights than a spatial gate: 49
# for each channel instead of 98 for all.
#
# Now `what`:

# %%
what = load_results("what-dense")
print("seeds:", what.groupby("model")["seed"].nunique().reindex(models, fill_value=0).to_dict())
plots.plot_runs(runs_by_label(what, models), xlabel="mean IoU on what")

# %% [markdown]
# *What to see: plain, the plain network that trained three times as long, spatial attention and the added map lie
# together far to the left. Channel attention, CBAM and added context lie far to the right. The wide kernel's points are
# spread between the two.*
#
# Now it is the other way round. The plain network stays at its floor even with three times the training, and spatial
# attention stays there with it. Channel attention is a **path from everywhere**: each pixel is multiplied by factors
# computed from the whole image, the patch included. CBAM has this path from its channel part.
#
# Again most of the gain needs no gate: the same summary *added* comes within a few points of channel attention. Three
# outcomes were not expected: spatial attention and longer training lie below plain, by less than 0.01, and the wide
# kernel gets part of the way, in some seeds. Three 7×7 kernels in a row, on pooled maps, reach across the scene.

# %%
for first, second in (
    ("channel", "plain"),
    ("spatial", "plain"),
    ("context-mean-max", "channel"),
    ("cbam", "channel"),
    ("plain-long", "plain"),
    ("wide-kernel", "plain"),
):
    print(compare(what, first, second))

# %% [markdown]
# Together this is a **double dissociation**: each part can learn one task and fails at the other in every seed. CBAM
# learns both. It is evidence about reach and paths, not about gating, since each part has a rival without a gate that
# learns the same task.
#
# With ten epochs instead of twenty, spatial attention and CBAM stood at the floor at every learning rate, while the
# added map had already learned the task (lesson 04, one seed). So a gate can be harder to learn than a map that is
# added, and an experiment that is too short would have told you that gates cannot do it.
#
# ## Look inside
#
# Which gate does the work in a CBAM that has learned `near`? We take the network of lesson 04 and one with CBAM (both of
# the first registered seed; one run each, an illustration), and record all gates on the same 300 scenes as there.

# %%
from cbam_course.networks.pretrained import trained_near

test, networks, records = make_scenes(300, task="near", seed=900), {}, {}
for name in ("spatial", "cbam"):
    networks[name] = trained_near(name)
    with torch.no_grad(), capture(networks[name]) as records[name]:
        networks[name](test.inputs())

# %%
spatial = {
    name: [gate[:, 0] for gate, *_ in record.values() if gate.shape[1] == 1]
    for name, record in records.items()
}
large = {
    name: [nn.functional.interpolate(m[:2, None], size=64)[:, 0] for m in maps]
    for name, maps in spatial.items()
}
plots.show_maps(
    [maps[n][i] for maps in large.values() for i in range(2) for n in range(3)],
    [f"{name}, block {n}" for name in large for _ in range(2) for n in range(3)],
    masks=[test.masks[i] for _ in large for i in range(2) for _ in range(3)], columns=6, size=1.7, limits=(0, 1),
)  # fmt: skip

# %% [markdown]
# *What to see: above, the spatial gates of the network with spatial attention alone, three blocks for each of two scenes;
# below, those of CBAM. The discs asked for are outlined. In both rows the map of block 0 has bright spots, that of
# block 1 has bright and dark figures, and that of block 2 is bright nearly everywhere.*
#
# Count, with the controls of lesson 04: the brightest pixel, that of another image's map, and a point on *any* disc.

# %%
from cbam_course.inspection.pointing import pointing_rate

print(
    f"chance {test.masks.float().mean():.2f}, any disc, asked for or not {test.labels.float().mean() / 3:.2f}"
)
for name, maps in spatial.items():
    rates = [
        f"{pointing_rate(m, test.masks):.2f} ({pointing_rate(m.roll(1, 0), test.masks):.2f})" for m in maps
    ]
    print(f"{name:8} blocks 0, 1, 2: {', '.join(rates)}   in brackets: another image's map")

# %% [markdown]
# In both networks the map of block 0 hits about as often as a point on any disc would. No map's brightest pixel
# singles out the discs asked for. To learn which part does the work, we change the gates: we replace all gates of one
# part by their average over the scenes, so that they no longer follow the image.
#
# **Predict, then run.** Which part can the network do without: channel or spatial?

# %%
from copy import deepcopy

from cbam_course.networks.baselines import ConstantGate
from cbam_course.training.fit import image_scores

print(f"CBAM as trained          {image_scores(networks['cbam'], test.dense).mean():.3f}")
for part in ("channel", "spatial"):
    changed, moved = deepcopy(networks["cbam"]), []
    for number, block in enumerate(changed.blocks):
        gate = records["cbam"][f"blocks.{number}.attention.{part}"][0]
        moved.append(f"{(gate.amax(0) - gate.amin(0)).max():.2f}")
        setattr(block.attention, part, ConstantGate(gate.mean(0, keepdim=True)))
    score = image_scores(changed, test.dense).mean()
    print(f"{part} gates averaged   {score:.3f}   between images they moved by up to {', '.join(moved)}")

# %% [markdown]
# The channel gates follow the image in block 0 alone, and when all of them are averaged the score stays. Without its
# spatial gates the network falls below the score of marking every disc. (Part of a drop may come from later layers
# receiving unfamiliar values; but the channel gates were replaced in the same way.) On these scenes, this CBAM works as a
# spatial gate with constant weights for its channels. On `what` you will find out for yourself, in task
# `who-does-the-work`.
#
# Why then does CBAM learn `near` in every seed, and spatial attention alone does not? The two also differ in the learning
# rate that their tuning chose, 0.03 and 0.01. We have not tested it.
#
# A figure in a paper that shows the spatial map of a CBAM shows one of its two gates, perhaps the one that the
# network does not need.
#
# ## Does the order matter?
#
# The three arrangements, trained at the learning rate of CBAM with five seeds (no parallel form on `near`):

# %%
orders = {"cbam": "channel first", "spatial-first": "spatial first", "parallel": "parallel"}
for task, table in {"near": near, "what": what}.items():
    scores = table[table.seed <= 25].groupby("model")["accuracy"].agg(["count", "mean", "min", "max"])
    print(task, scores.reindex(list(orders)).dropna(subset="mean").round(3).to_string(), sep="\n")

# %% [markdown]
# These rows are *exploratory*: no comparison of orders was registered, and the two other orders did not choose a learning
# rate of their own. Read each difference beside that between a model's best and worst seed. The paper prefers channel
# first (section 4.1, table 3, on ImageNet); five seeds of a small network on scenes can neither confirm nor contradict it.
#
# ## What this does not show
#
# * **That gating matters.** A rival without a gate learns each task. What CBAM offers is reach and a global path in one
#   small module that fits into any block.
# * **Photographs.** The scenes were built so that the parts can be told apart. What a part *can* do here is not what it
#   *will* do there; lesson 07 is about finding out.
# * **That seeing is enough.** The last gate of the spatial network can depend on a window of 78 pixels (lesson 04), more
#   than a whole `what` scene, and it still fails at `what`. A dependence is not yet a usable path.
# * **Causes.** The look inside was one network of one seed. Which gate carries the work may differ in another.
# * **More than these sizes.** One small network, r = 4, one training recipe.
#
# ## Three questions
#
# <details><summary>1. All spatial kernels of a CBAM are zero. What is left of the module?</summary>
#
# The spatial gate is ½ everywhere, so what is left is half of the channel attention's output. In front of a BatchNorm
# that trains along, the factor ½ disappears, and the module is channel attention.
# </details>
#
# <details><summary>2. For which gates are "channel first" and "parallel" the same function?</summary>
#
# When the spatial gate comes out the same from x and from x′: when the channel gate is 1 for all channels, or when the
# spatial gate does not depend on its input, as with a kernel of zeros.
# </details>
#
# <details><summary>3. An article reports a gain from CBAM on a task with small, far-apart cues. Which two baselines do
# you ask for?</summary>
#
# One with the same reach and one with the same global path, both without a gate: a wider (or dilated) kernel, and added
# context. If one of them gains as much, the article has shown that the plain network saw too little.
# </details>
#
# ## If you want more
#
# **One name, several modules.** The authors' code, timm and ultralytics each have a `CBAM`, and no two compute the same.
# `convention="paper"` and `convention="timm"` build the first two. Which differences alter the output is task
# `which-differ` of the exercise; the optional lesson 06b compares them line by line.

# %%
for channels in (64, 40, 24):
    widths = [CBAM(channels, convention=c).channel.mlp[0].out_features for c in ("lesson", "paper", "timm")]
    print(f"{channels} channels: hidden units lesson {widths[0]}, paper {widths[1]}, timm {widths[2]}")

# %% [markdown]
# **What others measured**, quoted and not measured again here. ImageNet with one recipe (implus/PytorchInsight):
# ResNet-50 76.38 % plain, 77.18 % SE, 77.63 % CBAM; ResNet-101 78.20 % plain, 78.47 % SE, 78.35 % CBAM; one run each.
# timm's author, in a comment in `cbam.py`: mixed results, and it can reduce performance significantly, on fine-grained
# tasks among others.
#
# ## Sources
#
# * S. Woo, J. Park, J.-Y. Lee, I. S. Kweon: *CBAM: Convolutional Block Attention Module*, ECCV 2018, sections 3 and 4.1.
# * Implementations: Jongchan/attention-module (the authors'), huggingface/pytorch-image-models (timm, `layers/cbam.py`),
#   ultralytics (`nn/modules/conv.py`).
# * Tables: `results/near-long.csv` and `results/what-dense.csv`; what was asked before they were run stands in
#   `results/registered/`, and every outcome in `results/README.md`.

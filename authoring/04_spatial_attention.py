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
# # 04 · Spatial attention: where to look
#
# **You will be able to**
#
# * compute CBAM's spatial gate by hand, in a loop, vectorised and as a module, and keep its map aligned with the image;
# * say how far a gate sees, what its border shows, and what pooling over channels throws away;
# * judge a map: against the true mask, the centre, another image's map and random weights.
#
# **Time** 35 minutes of reading. The cells run in about a minute on two CPU cores, and in less with a GPU.
#
# **Before this** lesson 02: a gate; lesson 03: the maximum beside the average.

# %%
import torch
from torch import nn
from torch.nn import functional as F

from cbam_course import ChannelAttention, SpatialAttention, capture, fit, make_scenes, predict, reveal
from cbam_course.inspection import plots
from cbam_course.networks.pretrained import trained_near
from cbam_course.networks.small_cnn import FilterBank

# %% [markdown]
# ## The question
#
# Scenes of the task `near` have three blue discs, and each disc has a small square flag 13 to 15 pixels beyond its edge.
# Mark the discs whose flag is **red**; the other flags are cyan.

# %%
scenes = make_scenes(300, task="near", seed=900)
plots.show_images(scenes.images[:6], masks=scenes.masks[:6])

# %% [markdown]
# *What to see: six scenes of coloured noise with three blue discs each. Outlined are one or two of them: those with a
# small red square at some distance, hard to find by eye. The others have a cyan one.*
#
# The network for this is `DenseCNN`: three 3×3 convolutions, two poolings, a logit for each pixel. How far does it
# see? Paint grey whatever lies more than 12 pixels from the discs asked for, their flags included, and compare the
# logits on the discs.
#
# **Predict, then run.** One network is plain, the other has spatial attention in its three blocks; both are trained and
# come with the course. Which of them notices?

# %%
near = F.max_pool2d(scenes.masks[:, None].float(), 25, stride=1, padding=12) > 0
painted = torch.where(near, scenes.images, 128).to(torch.uint8)
for name in ("plain", "spatial"):
    network = trained_near(name)
    with torch.no_grad():
        before, after = network(scenes.inputs()), network(painted / 127.5 - 1)
    change = (before - after)[scenes.masks].abs().max().item()
    print(f"{name}: the logits on the discs change by at most {change:g}")

# %% [markdown]
# The plain network's logits are equal to the last bit. It does not see the flags, so no training can teach it this
# task. A channel gate does see the whole image, but one factor for each channel cannot say *which* disc has the red
# flag. What is missing is a path from one place to another, at middle distance.
#
# ## Channel attention does not know where
#
# Cut the feature maps of three scenes into quarters and exchange them crosswise: every value is still there,
# somewhere else.
#
# **Predict, then run.** How far do the channel gates before and after differ?

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
filters, channel = FilterBank(), ChannelAttention(8, reduction_ratio=2)
features = filters(scenes.images[:3] / 255)
moved = features.roll((32, 32), dims=(2, 3))
difference = (channel.gate(features) - channel.gate(moved)).abs().max().item()
print(f"largest difference between the gates: {difference:.5f}")

# %% [markdown]
# Not at all. Average and maximum of a channel do not say where anything is. The answer to *where?* must be a **map**:
# one number for each position. CBAM builds it by exchanging the roles of the axes: channel attention pools over
# positions and keeps channels; spatial attention pools over channels and keeps positions.

# %%
plots.draw_flow(
    [("feature map x", "(N, C, H, W)"), ("mean, max\nover channels", "(N, 2, H, W)"),
     ("7×7\nconvolution", "(N, 1, H, W)"), ("sigmoid", "(N, 1, H, W)"), ("multiply", "(N, C, H, W)")],
    skip="x itself", highlight=["mean, max\nover channels"],
)  # fmt: skip

# %% [markdown]
# *What to see: the module in one row. Below, the feature map becomes two maps, then one, then a gate between 0 and 1;
# above, it goes on unchanged. At the right the two are multiplied.*
#
# $$M_s = \sigma\big(f^{7\times 7}([\,\mathrm{mean}_c\,x;\ \mathrm{max}_c\,x\,])\big), \qquad y = x \cdot M_s$$
#
# (Woo et al. 2018, section 3.1, equation 3; $f^{7\times7}$ is a convolution from two maps to one, and [ ; ] puts the
# two side by side as channels.)
#
# ## By hand: pool over channels
#
# One image, two channels, 3 × 3 pixels.

# %%
x = torch.tensor([[[[1.0, 2, 0], [0, 6, 1], [0, 0, 2]],
                   [[3.0, 0, 0], [0, 2, 1], [4, 0, 0]]]])  # fmt: skip
plots.show_numbers(x[0], ["channel 0", "channel 1"])

# %% [markdown]
# *What to see: two small maps. Channel 0 has its largest value, 6, in the middle; channel 1 has its largest, 4, at the
# bottom left.*
#
# **Predict, then run.** At each position average the two channels, and take the larger of the two. What stands in the
# middle of each map? What shape does the pair have?

# %% tags=["nbval-check-output"]
mean = x.mean(dim=1, keepdim=True)
maximum = x.amax(dim=1, keepdim=True)
pools = torch.cat([mean, maximum], dim=1)
print(pools, tuple(pools.shape))

# %% [markdown]
# In the middle: (6 + 2) / 2 = 4, and 6. Whatever C is, what goes on is (N, 2, H, W). So `SpatialAttention` takes no
# `in_channels`.
#
# ## By hand: look around
#
# One position alone cannot say whether it stands out. So a convolution looks at its surroundings. Training finds the
# weights; by hand we choose a 3 × 3 kernel: *the maximum here, minus a quarter of each mean around here*.

# %%
weight = torch.zeros(1, 2, 3, 3)
weight[0, 0] = -0.25
weight[0, 1, 1, 1] = 1.0
plots.show_numbers(weight[0], ["on the mean", "on the maximum"])

# %% [markdown]
# *What to see: the two planes of the kernel. That for the mean is −0.25 everywhere; that for the maximum is 0, with a
# 1 in the middle.*
#
# In the middle of the map all nine means are in the window. They add up to 2+1+0+0+4+1+2+0+1 = 11, so the logit is
# 6 − 11/4 = 3.25.
#
# **Predict, then run.** In the top left corner the window sticks out of the map, and what is outside counts as 0. Which
# four means are left, and what is the logit?

# %% tags=["nbval-check-output"]
logit = F.conv2d(pools, weight, padding=1)
gate = torch.sigmoid(logit)
print(logit[0, 0])
print(gate[0, 0].round(decimals=2))

# %% [markdown]
# In the corner 2, 1, 0 and 4 are left: 3 − 7/4 = 1.25. The middle stands out most and keeps 96 % of its values. The
# top right position, which is 0 beside large values, keeps 18 %.
#
# The last step is the product: (N, C, H, W) times (N, 1, H, W). In the middle both channels are multiplied by the
# same 0.96: a spatial gate never changes the *proportions between channels* at a position, just as a channel gate
# never changes those between positions.
#
# ## As a loop, then without one


# %%
def spatial_attention_loop(x, weight):
    """(N, C, H, W) -> (N, C, H, W), one position at a time."""
    y, reach = torch.empty_like(x), weight.shape[-1] // 2
    height, width = x.shape[2:]
    for n in range(x.shape[0]):
        for i in range(height):
            for j in range(width):
                logit = 0.0
                for a in range(max(0, i - reach), min(height, i + reach + 1)):
                    for b in range(max(0, j - reach), min(width, j + reach + 1)):
                        w_mean, w_max = weight[0, :, a - i + reach, b - j + reach]
                        logit = logit + w_mean * x[n, :, a, b].mean() + w_max * x[n, :, a, b].max()
                y[n, :, i, j] = x[n, :, i, j] * torch.sigmoid(logit)
    return y


# %% [markdown]
# The innermost lines run over the window; `max` and `min` cut it off at the border, which is what zero padding means.
# Vectorised, three lines are left.


# %% tags=["nbval-check-output"]
def spatial_attention(x, weight):
    """(N, C, H, W) -> (N, C, H, W)."""
    pools = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
    logit = F.conv2d(pools, weight, padding=weight.shape[-1] // 2)
    return x * torch.sigmoid(logit)


torch.manual_seed(0)
batch, kernel = torch.randn(2, 5, 6, 4), torch.randn(1, 2, 3, 3)
torch.testing.assert_close(spatial_attention(batch, kernel), spatial_attention_loop(batch, kernel))
print("the loop and the vectorised version agree")

# %% [markdown]
# ## Odd kernel, padding
#
# The gate must have the height and width of x. A kernel of k pixels fits into n pixels with padding p on both sides at
# n + 2p − k + 1 places.
#
# **Predict, then run.** The map has 20 × 20 pixels. Which of the five pairs in the first line of the cell keep its
# size? And the last stage of a ResNet has maps of 7 × 7 pixels: what is the shape of the gate there when the padding
# is forgotten, and what does the product do with it?

# %% tags=["nbval-check-output"]
for k, padding in ((3, 0), (3, 1), (7, 3), (4, 1), (4, 2)):
    side = F.conv2d(torch.zeros(1, 2, 20, 20), torch.zeros(1, 2, k, k), padding=padding).shape[-1]
    print(f"kernel {k}, padding {padding}: {side} × {side}")
last_stage = torch.rand(1, 512, 7, 7)
forgotten = torch.sigmoid(nn.Conv2d(2, 1, 7)(last_stage[:, :2]))
print(tuple(forgotten.shape), "times", tuple(last_stage.shape), "is", tuple((last_stage * forgotten).shape))

# %% [markdown]
# Only padding (k − 1) / 2 keeps the size, and only for an odd k is that a whole number. An even kernel has no pixel in
# the middle: with the nearest paddings its map is one pixel too small or too large.
#
# Usually a wrong size raises an error in the product. On the 7 × 7 map it does not: a single number is broadcast over
# the whole map, an attention that no longer answers *where*.
#
# ## The module
#
# The kernel becomes a parameter that an optimiser finds. An even size is refused, and a method
# `gate` makes sure that a picture shows the gate that ran. The package has the same class with checks of its arguments.


# %% tags=["nbval-check-output"]
class MySpatialAttention(nn.Module):
    def __init__(self, kernel_size=7):
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size is {kernel_size}; give an odd number, so that it has a middle.")
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)

    def gate(self, x):
        pools = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        return torch.sigmoid(self.conv(pools))

    def forward(self, x):
        return x * self.gate(x)


ours, theirs, batch = MySpatialAttention(), SpatialAttention(), torch.randn(2, 64, 9, 12)
theirs.load_state_dict(ours.state_dict())
torch.testing.assert_close(ours(batch), theirs(batch))
print("same weights, same output:", ours.conv.weight.numel(), "weights")

# %% [markdown]
# ## How far does it see?
#
# A gate sees farther than its kernel: what it reads comes from convolutions and earlier gates, which have looked
# around too. The part of the image that a value depends on is its **receptive field**. It can be measured: take the
# gradient of one value with respect to every pixel, and see where it is not zero.
#
# **Predict, then run.** A `DenseCNN` has a gate after each of its three blocks; the first two blocks pool by 2. A
# scene has 64 × 64 pixels. Which gate sees all of it?

# %% tags=["nbval-check-output"]
from cbam_course.networks.small_cnn import DenseCNN

torch.manual_seed(0)
network = DenseCNN(attention=lambda channels: SpatialAttention()).eval()
x = image = torch.rand(1, 3, 128, 128, requires_grad=True)  # larger than a scene, so that nothing is cut off
for number, block in enumerate(network.blocks):
    y = block.pool(torch.relu(block.norm(block.conv(x))))
    gate = block.attention.gate(y)
    (gradient,) = torch.autograd.grad(
        gate[0, 0, gate.shape[2] // 2, gate.shape[3] // 2], image, retain_graph=True
    )
    print(f"gate {number} depends on a square of {int((gradient != 0).any(dim=(0, 1, 2)).sum())} pixels")
    x = y * gate

# %% [markdown]
# Each number is the side of the square. The last is wider than a scene, and still that gate does not see everything
# from everywhere. A window of 78 pixels reaches 39 to each side: from the middle that covers the scene, from a corner
# only part of it. And the receptive field says what a gate *can* see, not what it uses.
#
# ## The border shows
#
# Zero padding puts a frame of zeros around the two pooled maps. Give the module an image that is the same everywhere.
#
# **Predict, then run.** Is its gate the same everywhere? If not, how wide is the frame that differs for k = 7?

# %%
flat = torch.ones(1, 4, 16, 16)
torch.manual_seed(2)
gates = {f"k = {k}": SpatialAttention(k).gate(flat).detach()[0, 0] for k in (3, 7)}
for name, values in gates.items():
    differs = (values - values[8, 8]).abs() > 1e-5
    print(f"{name} differs from the middle at {differs.sum()} of 256 positions")
plots.show_maps(list(gates.values()), list(gates), size=2.6)

# %% [markdown]
# *What to see: for k = 3 a frame one pixel wide around an even area; for k = 7 a frame three pixels wide, with its own
# value in each corner.*
#
# So a bright or dark edge in a map may have nothing to do with the image.
#
# ## What it learns
#
# Training a whole network took twenty epochs (`results/shipped.json`), too many for a lesson. So we keep the layers
# of a trained one, put fresh gates between them, and train the **gates alone**, 3 · 98 weights. One seed: an
# illustration.

# %%
from cbam_course.training.fit import image_scores
from cbam_course.training.parameter_groups import train_only


def fresh_gates(seed):
    network = trained_near("spatial")
    torch.manual_seed(seed)
    for block in network.blocks:
        block.attention = SpatialAttention()
    train_only(network, "attention")
    return network


network, train = fresh_gates(0), make_scenes(1000, task="near", seed=901)
print(f"mean IoU with fresh gates {image_scores(network, scenes.dense).mean():.2f}")
options = {"epochs": 3, "batch_size": 32, "learning_rate": 0.03, "progress": False}
history = fit(network, train.dense, scenes.dense, **options)
print(f"mean IoU with trained gates {history.final:.2f}, after {history.seconds:.0f} s")

# %% [markdown]
# Networks marking every disc score a mean IoU (lesson 02) of 0.44 at most (`results/registered/near-long.toml`): the
# **floor** of this task. With fresh gates the network does not get beyond that; with trained ones it tells the discs
# apart. But its layers had been trained with such gates.
#
# Now look at the gates of the network that was trained as a whole.


# %%
def gate_maps(network):
    with torch.no_grad(), capture(network) as record:
        network(scenes.inputs())
    return [F.interpolate(values[0], size=64)[:, 0] for values in record.values()]


model = trained_near("spatial")
gates = gate_maps(model)
titles = [f"gate {n}" for n in range(3) for _ in range(6)]
six = [gate for maps in gates for gate in maps[:6]]
plots.show_maps(six, titles, masks=torch.cat([scenes.masks[:6]] * 3), size=1.5, limits=(0, 1))

# %% [markdown]
# *What to see: in rows, the three gates for the six scenes, with the discs asked for outlined. Gate 0 is bright on all
# discs, asked for or not, and on some other spots. Gate 1 is about ½ over most of the scene, also on the outlined discs;
# elsewhere it has angular figures of very bright and very dark parts. Gate 2 is bright everywhere.*
#
# ## Does it point at the target?
#
# Six pictures prove nothing. Count instead: in how many of the 300 scenes does the **brightest pixel** of the map lie
# on a disc that is asked for? A share alone means nothing, so there are three controls. **The centre**: a map that
# always points at the middle. **Another image's map**: it has what the gate does on every image, such as a bright
# border, but not this image. **Random weights**: the same module, untrained.
#
# **Predict, then run.** Which of the three gates points at the discs asked for?

# %%
from cbam_course.inspection.pointing import pointing_rate

centre = torch.zeros(300, 64, 64)
centre[:, 31:33, 31:33] = 1.0
print(f"chance {scenes.masks.float().mean():.3f}, the centre {pointing_rate(centre, scenes.masks):.3f}")
for number, (maps, random) in enumerate(zip(gates, gate_maps(fresh_gates(1)), strict=True)):
    rates = [pointing_rate(each, scenes.masks) for each in (maps, maps.roll(1, 0), random)]
    print(
        f"gate {number}: brightest {rates[0]:.3f}, of another image {rates[1]:.3f}, random weights {rates[2]:.3f}"
    )
print(f"any disc, asked for or not {scenes.labels.float().mean() / 3:.3f}")

# %% [markdown]
# Gate 0 hits far more often than chance, the centre and another image's map: it does look at the image. But there is a
# fourth control, the last line: whoever points at **any** of the three discs is right about as often. Gate 0 finds
# discs, not the discs asked for. And gate 1, whose figures are so striking, puts its brightest pixel on a target in none
# of the 300 scenes. With random weights gate 0 hits far less often: what it shows was learned.
#
# So no gate points at the answer with its brightest pixel. Does the network not need them?
#
# ## Brighter is not more important
#
# A map shows a *factor*, not what it multiplies, nor what later layers make of the product: they may read a dimmed area
# as a signal. To learn whether a gate matters, change it and look at the answer. Replace one
# gate by its own average, the same number for every position of every image.
#
# **Predict, then run.** Which of the three can the network least do without?

# %%
predict("04-which-gate", None, sure=None)  # 0, 1 or 2 in place of None, and how sure you are, such as 0.8

# %%
from copy import deepcopy

from cbam_course.networks.baselines import ConstantGate

print(f"as trained {image_scores(model, scenes.dense).mean():.2f}")
scores = []
for number, maps in enumerate(gates):
    changed = deepcopy(model)
    changed.blocks[number].attention = ConstantGate(maps.mean())
    scores.append(image_scores(changed, scenes.dense).mean().item())
    print(f"gate {number} made constant {scores[-1]:.2f} (its mean was {maps.mean():.2f})")
print(reveal("04-which-gate", scores.index(min(scores))))

# %% [markdown]
# Gate 1, which points at no target, is the one that the network cannot do without. Gate 2, the brightest, can be
# replaced by a number and the score stays. In the picture, the angular figures stand beside discs that are not
# outlined, those with a *cyan* flag. On this map a step is 4 pixels, so a 7×7 kernel reaches 12 to each side, and the
# values there depend on pixels farther out. So the gate can write what it sees of a flag into the features of the
# disc 13 to 15 pixels away, where the next layer can read it. It seems to work by marking what is *not* asked for.
#
# This holds for *this* network, and part of the drop may come from later layers receiving unfamiliar values.
#
# ## What it cannot see
#
# Pooling over channels forgets **which** channel it was.
#
# **Predict, then run.** We exchange "red" and "blue", and every other channel with some neighbour. How far does the
# gate move?

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
module = SpatialAttention()
exchanged = features[:, [2, 7, 0, 4, 3, 6, 5, 1]]
difference = (module.gate(features) - module.gate(exchanged)).abs().max().item()
print(f"largest difference between the gates: {difference:.5f}")

# %% [markdown]
# Not at all. Channel attention is blind to position, spatial attention to the channel: it sees *that* something is
# bright, not what. Lesson 05 joins the two.
#
# ## Over seeds, beside simple baselines
#
# This is the registered experiment `near-long`: mean IoU on fresh test scenes, the learning rate tuned for each model
# (rows with fewer than ten runs are exploratory). `wide-kernel` adds a depthwise 7×7 convolution (one kernel for each
# channel), without any gate; `dilated` spreads 3×3 weights over the same window; `added-map` adds the map, without a
# sigmoid and with one weight for each channel, instead of multiplying by it. `spatial-first` is CBAM with its gates
# exchanged (lesson 05).
#
# The second table is the tuning of an experiment with **ten** epochs, at four learning rates, one seed each.

# %%
from cbam_course.statistics import load_results

table = load_results("near-long").groupby("model")["accuracy"]
print(table.agg(["mean", "min", "max", "count"]).round(2).sort_values("mean"))
tuning = load_results("near.tuning").pivot_table(index="model", columns="learning_rate", values="accuracy")
print(tuning.loc[["plain", "channel", "spatial", "cbam", "added-map", "wide-kernel"]].round(2))

# %% [markdown]
# Plain and channel attention get no farther than marking every disc, with any seed. Spatial attention gets far beyond
# it with some seeds and not with others. The two rivals without a gate get far beyond it with every seed: this task
# can be learned where there is reach, and a gate is one way to have it.
#
# After ten epochs spatial attention and CBAM had not left the floor at any rate, and both rivals had left it at every
# rate: with this one seed, multiplying by a map was slower to learn than adding one. The experiment was withdrawn as
# too short, and registered again with twenty epochs as `near-long`.
#
# **What this does not show.** The scenes were made so that reach decides; photographs were not. A deeper network reaches
# farther without any attention.
#
# ## Three questions
#
# <details><summary>1. A gate's convolution has only zeros. What does the module do?</summary>
#
# σ(0) = ½ everywhere: it halves every feature.
# </details>
#
# <details><summary>2. Why are the mean and the maximum not added before the convolution?</summary>
#
# It would save half of the weights, 49 of 98, and fix their ratio: the kernel could no longer subtract one from
# the other. "Brighter than its surroundings" in the calculation by hand needed both, with opposite signs.
# </details>
#
# <details><summary>3. An image is moved by one pixel. Does its gate move with it?</summary>
#
# For a single module away from the border, exactly by one pixel: pools and convolution treat all positions alike. Within k // 2 pixels of
# the border the padding comes into the window, and the values change.
# </details>
#
# ## If you want more
#
# ### Window arithmetic
#
# A layer with kernel k makes the window k − 1 steps wider, counted in pixels of its own input. Behind a pooling of stride
# 2 a step is two pixels of the layer before. For `DenseCNN` with gates:

# %% tags=["nbval-check-output"]
window, step = 1, 1
for number, stride in enumerate((2, 2, 1)):
    window += (3 - 1) * step  # convolution
    window += (stride - 1) * step  # pooling, where there is one
    step *= stride
    window += (7 - 1) * step  # gate
    print(f"gate {number}: {window} pixels")

# %% [markdown]
# The same numbers as by gradient. Leave out the gates' own line for the two earlier blocks, and gate 2 would come out at
# 42 pixels instead of 78 (78 − 6 · 2 − 6 · 4): each gate hands on what it saw.
#
# ### On a photograph
#
# The eight channels of lesson 02 and a 7×7 kernel of our own choice: *the maximum in the middle 3×3, minus the
# maximum in the whole window*, both as averages, times 12. It opens where something stands out from its surroundings.

# %%
from cbam_course.data.photos import load_photo

photo = load_photo("coffee", size=120)
stands_out = SpatialAttention(7)
with torch.no_grad():
    stands_out.conv.weight.zero_()
    stands_out.conv.weight[0, 1] = -12 / 49
    stands_out.conv.weight[0, 1, 2:5, 2:5] += 12 / 9
    heat = stands_out.gate(filters(photo[None] / 255))[0, 0]
plots.show_overlay(photo, heat)

# %% [markdown]
# *What to see: left the cup, in the middle the gate, right both. The map is near ½ on even areas; thin structures such
# as the rim, the spoon and highlights are lighter, their surroundings darker. At the outermost pixels a light
# frame shows: that is the padding, not the photo.*
#
# Nothing here knows what a cup is, and it is a heat map all the same.
#
# ### Photographs of pets
#
# People aim their cameras, so in photographs the centre can hit often. Before a share of hits on such pictures is called
# localisation, an always-central dot has to be counted on the same pictures.
#
# ## Sources
#
# * S. Woo, J. Park, J.-Y. Lee, I. S. Kweon: *CBAM: Convolutional Block Attention Module*, ECCV 2018, section 3.1
#   (spatial attention, equation 3) and section 4.1 (kernel size).
# * J. Zhang et al.: *Top-down Neural Attention by Excitation Backprop*, ECCV 2016: the pointing game.
# * Tables: `results/near-long.csv` and `results/near.tuning.csv`. The trained networks: `results/shipped.json`.

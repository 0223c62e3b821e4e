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
# * judge a map: against the true mask, against the middle of the image, against another image's map.
#
# **Time** 35 minutes of reading. The cells run in under a minute on two CPU cores; with a GPU, training
# uses four times as many images.
#
# **Before this** lesson 02: a gate; lesson 03: the maximum beside the average.

# %%
import torch
from torch import nn
from torch.nn import functional as F

from cbam_course import ChannelAttention, SpatialAttention, capture, make_scenes
from cbam_course.data.photos import load_photo
from cbam_course.inspection import plots
from cbam_course.networks.filter_bank import FilterBank

# %% [markdown]
# ## The question
#
# Channel attention summarises each channel by its average and its maximum. Take a scene, cut it into quarters and
# exchange them crosswise: every pixel is still there, somewhere else.

# %%
scenes = make_scenes(3, task="where", seed=5)
moved = scenes.images.roll((24, 24), dims=(2, 3))
plots.show_images(
    torch.cat([scenes.images, moved]), ["original"] * 3 + ["quarters exchanged"] * 3, columns=6, size=1.6
)

# %% [markdown]
# *What to see: on the left three scenes, each with a red shape among four shapes of other colours; on the right the
# same three, in which the parts have changed places, so that the red shape lies elsewhere or is cut in two.*
#
# **Predict, then run.** We compute the channel gate from the eight channels with names, before and after. How far
# do the two gates differ?

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
filters, channel = FilterBank(), ChannelAttention(8, reduction_ratio=2)
features = filters(scenes.images / 255)
features_moved = features.roll((24, 24), dims=(2, 3))
difference = (channel.gate(features) - channel.gate(features_moved)).abs().max().item()
print(f"largest difference between the gates: {difference:.5f}")

# %% [markdown]
# Not at all. Average and maximum of a channel do not say where anything is, so no MLP behind them can find out. The
# answer to *where?* must be a **map**: one number for each position. CBAM builds it by exchanging the roles of the
# axes. Channel attention pools over positions and keeps channels; spatial attention pools over channels and keeps
# positions.

# %%
plots.draw_flow(
    [("feature map x", "(N, C, H, W)"), ("mean, max\nover channels", "(N, 2, H, W)"),
     ("7×7\nconvolution", "(N, 1, H, W)"), ("sigmoid", "(N, 1, H, W)"), ("multiply", "(N, C, H, W)")],
    skip="x itself", highlight=["mean, max\nover channels"],
)  # fmt: skip

# %% [markdown]
# *What to see: the module in one row. Below, the feature map becomes two maps, then one, then a gate between 0 and 1;
# above, it waits untouched. At the right the two meet in a multiplication.*
#
# $$M_s = \sigma\big(f^{7\times 7}([\,\mathrm{mean}_c\,x;\ \mathrm{max}_c\,x\,])\big), \qquad y = x \cdot M_s$$
#
# (Woo et al. 2018, section 3.1, equation 3; $f^{7\times7}$ is a convolution from two planes to one.)
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
# In the middle: (6 + 2) / 2 = 4, and 6. With 2 channels or with 2,048, what goes on is (N, 2, H, W). The module's size
# does not depend on C, which is why `SpatialAttention` takes no `in_channels`.
#
# ## By hand: look around
#
# One position alone cannot say whether it stands out. So a convolution looks at its surroundings. Training finds the
# weights; for a calculation by hand we choose a 3 × 3 kernel that means something: *the maximum here, minus a quarter
# of each mean around here*.

# %%
weight = torch.zeros(1, 2, 3, 3)
weight[0, 0] = -0.25
weight[0, 1, 1, 1] = 1.0
plots.show_numbers(weight[0], ["on the mean", "on the maximum"])

# %% [markdown]
# *What to see: the plane for the mean is −0.25 everywhere; the plane for the maximum is 0 with a 1 in the middle.*
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
# The last step is the product: (N, C, H, W) times (N, 1, H, W). Broadcasting repeats the map over all channels.

# %% tags=["nbval-check-output"]
y = x * gate
print((y / x)[0, :, 1, 1])

# %% [markdown]
# In the middle both channels have been multiplied by the same factor, 0.9627. A spatial gate never changes the
# *proportions between channels* at a position, just as a channel gate never changes those between positions.
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


# %%
def spatial_attention(x, weight):
    """(N, C, H, W) -> (N, C, H, W)."""
    pools = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
    logit = F.conv2d(pools, weight, padding=weight.shape[-1] // 2)
    return x * torch.sigmoid(logit)


# %% tags=["nbval-check-output"]
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
# **Predict, then run.** The map has 20 × 20 pixels. Which of these five keep its size?

# %% tags=["nbval-check-output"]
for k, padding in ((3, 0), (3, 1), (7, 3), (4, 1), (4, 2)):
    side = F.conv2d(torch.zeros(1, 2, 20, 20), torch.zeros(1, 2, k, k), padding=padding).shape[-1]
    print(f"kernel {k}, padding {padding}: {side} × {side}")

# %% [markdown]
# Only padding (k − 1) / 2 keeps the size, and only for an odd k is that a whole number. An even kernel has no pixel in
# the middle: its map is one pixel too small or too large, and lies half a pixel beside the image.
#
# Usually a wrong size raises an error in the product. There is one place where it does not.
#
# **Predict, then run.** The last stage of a ResNet has maps of 7 × 7 pixels. What is the shape of the gate when the
# padding is forgotten, and what does the product do with it?

# %% tags=["nbval-check-output"]
last_stage = torch.rand(1, 512, 7, 7)
forgotten = torch.sigmoid(nn.Conv2d(2, 1, 7)(last_stage[:, :2]))
print(tuple(forgotten.shape), "times", tuple(last_stage.shape), "is", tuple((last_stage * forgotten).shape))

# %% [markdown]
# A single number for the whole map, broadcast without complaint: an attention that no longer answers *where*. It happens
# wherever the map is as small as the kernel. So pad, always.
#
# ## The module grows
#
# Version 1 puts the kernel where an optimiser finds it.


# %%
class SpatialAttentionV1(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x):
        pools = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        return x * torch.sigmoid(self.conv(pools))


# %% [markdown]
# Version 2 lets the kernel size be chosen, refuses an even one, and has a method `gate`, so that a picture shows the
# gate that ran.


# %%
class SpatialAttentionV2(nn.Module):
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


# %% [markdown]
# The package holds the same class with checks of its arguments. Same weights, same numbers:

# %% tags=["nbval-check-output"]
ours, theirs = SpatialAttentionV2(), SpatialAttention()
theirs.load_state_dict(ours.state_dict())
batch = torch.randn(2, 64, 9, 12)
torch.testing.assert_close(ours(batch), theirs(batch))
print("same weights, same output")

# %% [markdown]
# ## How far does it see?
#
# **Predict, then run.** The kernel has 2·k² weights. One pixel of x is made bright. At how many positions does the
# gate change, for k = 3 and for k = 7?

# %% tags=["nbval-check-output"]
dark = torch.zeros(1, 4, 21, 21)
bright = dark.clone()
bright[:, :, 10, 10] = 1.0
changes = {}
for k in (3, 7):
    torch.manual_seed(0)
    module = SpatialAttention(k)
    changes[f"k = {k}"] = (module.gate(bright) - module.gate(dark)).detach()[0, 0]
    count = int((changes[f"k = {k}"] != 0).sum())
    print(f"k = {k}: {module.conv.weight.numel()} weights, {count} positions change")

# %%
plots.show_maps(list(changes.values()), list(changes), signed=True, size=2.6, title="change of the gate")

# %% [markdown]
# *What to see: two maps that are zero except around the middle, a square of 3 × 3 on the left and one of 7 × 7 on the
# right, in two colours for more and less.*
#
# 98 weights instead of 18, and a window more than five times as large. The paper compares 3 with 7 and keeps 7
# (section 4.1). In a network the gate sees farther, because it reads maps that have already looked around. Each layer
# widens the window by (kernel − 1) steps; behind a pooling of stride 2 a step is two pixels of the layer before.
#
# **Predict, then run.** In the small network below each block is a 3 × 3 convolution, a 2 × 2 pooling and then the
# gate. How wide is the window of the first gate, in pixels of the image?

# %% tags=["nbval-check-output"]
window, step = 1, 1
for block in range(3):
    for kernel, stride in ((3, 1), (2, 2)):  # convolution, pooling
        window += (kernel - 1) * step
        step *= stride
    print(
        f"gate {block}: sees {window + (7 - 1) * step} pixels with k = 7, {window + (3 - 1) * step} with k = 3"
    )

# %% [markdown]
# 1 + 2 + 1 = 4 pixels are behind each value of the pooled map, and 6 more steps of 2 make 16. The third gate sees 70
# pixels, more than the 48 of a scene: it can compare any position with all others. Such a window is called the
# **receptive field**. It says how far a gate *can* see, not what it uses.
#
# ## The border shows
#
# Zero padding puts a black frame around the two pooled maps. Give the module an image that is the same everywhere.
#
# **Predict, then run.** Is its gate the same everywhere? If not, how wide is the frame that differs for k = 7?

# %%
flat = torch.ones(1, 4, 16, 16)
torch.manual_seed(2)
gates = {f"k = {k}": SpatialAttention(k).gate(flat).detach()[0, 0] for k in (3, 7)}
plots.show_maps(list(gates.values()), list(gates), size=2.6)

# %% [markdown]
# *What to see: for k = 3 a frame one pixel wide around an even area; for k = 7 a frame three pixels wide, with its own
# value in each corner.*

# %% tags=["nbval-check-output"]
for name, values in gates.items():
    differs = (values - values[8, 8]).abs() > 1e-4
    print(
        name,
        "frame at the left:",
        int(differs[8, :8].sum()),
        "pixels; changed:",
        int(differs.sum()),
        "of 256",
    )

# %% [markdown]
# With k = 7 the frame takes 156 of the 256 positions of a 16 × 16 map. So a bright or dark edge in a map need not have
# anything to do with the image. It is information, too: near the border a gate can know *where in the image* it is,
# and training may use that.
#
# ## On a photograph
#
# Now the eight channels of lesson 02 and a 7 × 7 kernel of our own choice: *the maximum in the middle 3 × 3, minus the
# maximum in the whole window*, both as averages, times 12. It opens where something stands out from its surroundings.

# %%
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
# Nothing here knows what a cup is. It is a heat map all the same, and it looks convincing. Remember that for the
# next section, in which the kernel is learned.
#
# ## What it learns
#
# In the scenes of the task `where`, the label is the shape of the **red** object, one of five. A network that ends
# in an average over all positions hears the red shape and its four neighbours at once. A spatial gate can turn the
# neighbours down before that average is taken.
#
# We train one network with spatial attention in each of its three blocks. One seed: an illustration. `fit_once` is `fit` that
# keeps what it trained in the course's folder (in Colab in your Drive): when you run the lesson again, the network is loaded.

# %%
from cbam_course.doctor import by_device
from cbam_course.networks.small_cnn import SmallCNN
from cbam_course.training.kept_networks import fit_once

train, test = make_scenes(by_device(1600, gpu=6400), seed=10), make_scenes(500, seed=11)
torch.manual_seed(0)
model = SmallCNN(5, attention=lambda width: SpatialAttention())
history = fit_once("04-spatial", model, train.classification, test.classification, epochs=6, progress=False)
print(f"accuracy {history.final:.2f} after {history.seconds:.0f} s; guessing gives 0.20")

# %% [markdown]
# `capture` records the gates as they run. There is one for each block, on maps of 24, 12 and 6 pixels.

# %%
model, inputs = model.cpu().eval(), test.inputs()
with torch.no_grad(), capture(model) as record:
    model(inputs)
gates = [values[0][:, 0] for values in record.values()]
large = [F.interpolate(gate[:, None], size=48, mode="nearest")[:, 0] for gate in gates]
for name, gate in zip(record, gates, strict=True):
    print(f"{name}  {tuple(gate.shape)}  from {gate.min():.2f} to {gate.max():.2f}")

# %%
plots.show_images(test.images[:6], masks=test.masks[:6], columns=6, size=1.65)

# %% [markdown]
# *What to see: six test scenes with the target outlined. It is red in each, and the shapes around it are not.*
#
# **Predict, then run.** Which of the three gates will point at the red shape: the one on the finest map, or a later one?

# %%
plots.show_maps(
    [gate for layer in large for gate in layer[:6]], [f"gate {n}" for n in range(3) for _ in range(6)],
    masks=torch.cat([test.masks[:6]] * 3), columns=6, size=1.5, limits=(0, 1),
)  # fmt: skip

# %% [markdown]
# *What to see: in rows, the three gates for the six scenes, coarser from row to row, with the same outlines. In the row of gate 1 the maps are dark but for a light patch on the
# target and a grey frame along the border. Gate 0 is mottled, with several light places; gate 2 is light almost
# everywhere, with a dark place away from the target.*
#
# The grey frame is the padding again: it says nothing about the scene.
#
# ## Does it point at the target?
#
# Six pictures persuade and prove nothing. Count instead: in how many of the 500 test scenes does the **brightest pixel**
# of the map lie on the target? Equally bright pixels share the hit.
#
# A share means nothing alone. Three comparisons cost a line each. **Chance**: how much of the image is target?
# **The middle**: a map that always points at the centre. **Another image's map**: it keeps every habit of the gate, such
# as a bright border, and loses the image.

# %%
from cbam_course.inspection.pointing import pointing_rate

middle = torch.zeros_like(large[0])
middle[:, 23:25, 23:25] = 1.0
print(f"chance {test.masks.float().mean():.3f}   always the middle {pointing_rate(middle, test.masks):.3f}")

# %% [markdown]
# **Predict, then run.** For each of the three gates: the brightest pixel, the brightest pixel of the next image's map,
# and the *darkest* pixel.

# %%
for n, maps in enumerate(large):
    brightest, other = pointing_rate(maps, test.masks), pointing_rate(maps.roll(1, 0), test.masks)
    darkest = pointing_rate(-maps, test.masks)
    print(f"gate {n}: brightest {brightest:.2f}   of another image {other:.2f}   darkest {darkest:.2f}")

# %% [markdown]
# A gate that finds the target has a first number far above all baselines, and its map of another image falls back to
# about chance. Read off which of the three gates do. Where the *darkest* pixel beats the brightest, the gate turns the
# target **down** at that place.
#
# The middle deserves its line. Even here it is hit three times as often as chance, because shapes never touch the edge
# of a scene and one of nine places lies in the middle. In photographs it is far stronger, because people aim their
# cameras: on 298 photographs of pets, the maximum of a Grad-CAM map lay on the animal in 86 % (SqueezeNet) and
# 77 % (EfficientNet-Lite0) of the images, and **the middle of the image in 86 %**; another image's map in 46–59 %
# (measured beforehand). 86 % sounded like localisation, and a dot in the middle does as well.
#
# ## Brighter is not more important
#
# A map of a gate shows a *factor*. What it multiplies, and what later layers make of the product, it does not show: a
# background of zeros stays zero under a gate of 1, and a following layer may read a dimmed area as a signal. To
# learn whether a gate matters, change it and look at the answer. Replace one gate by its own average, the same
# number for every position of every image:

# %%
from copy import deepcopy

from cbam_course.networks.baselines import ConstantGate
from cbam_course.training.fit import image_scores

print(f"as trained               {image_scores(model, test.classification).mean():.2f}")
for n, gate in enumerate(gates):
    changed = deepcopy(model)
    changed.blocks[n].attention = ConstantGate(gate.mean())
    score = image_scores(changed, test.classification).mean()
    print(f"gate {n} made constant     {score:.2f}   (its mean was {gate.mean():.2f})")

# %% [markdown]
# The darkest gate of the three, gate 1, is the one whose map the network cannot do without; gate 2, the brightest, can be
# replaced by a number at little cost. So the fall in accuracy says how much the trained network relies on a
# map, and the brightness does not: gate 1 works by being dark, since it **suppresses** everything but the target.
#
# Even this is a statement about *this* network. The layers behind a gate are used to its values, and part of the fall is
# their surprise; trained without that gate from the start, the others would have learned something else.
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
# Not at all: it is the mirror image of the experiment at the start. Channel attention is blind to position, spatial
# attention to the channel. It sees *that* something is bright, not what. Inside a network the convolution in
# front of it can help, by making wanted channels brighter than all others, and the gates that you have just seen must
# have been made that way. A gate that knows which channels matter would help as well. That is one reason to put the
# two in sequence, in lesson 05.
#
# ## Over seeds, beside simple baselines
#
# So much for one run. The tables hold five seeds for each model; accuracy is that of the test set after the last epoch.

# %%
from cbam_course.training.results import runs_by_label

where = {"plain": "plain", "plain-wide": "plain, wider", "plain-long": "plain, three times as long", "se": "SE",
         "spatial": "spatial", "channel": "channel", "cbam": "CBAM", "plain-max": "plain, mean+max head",
         "plain-mlp": "plain, mean+max head, MLP"}  # fmt: skip
plots.plot_runs(runs_by_label("where", where), xlabel="accuracy on where", chance=0.2)

# %% [markdown]
# *What to see: the plain and the wider network and SE lie together near 0.82, every point of spatial attention lies far
# to the right of all of theirs, and channel attention, CBAM and the two networks without attention whose head takes
# a maximum lie a little further right still. So does the plain network that trained three times as long.*
#
# Spatial attention helps with *where*, in every one of five seeds. And three things catch up with it or pass it.
#
# * **A head that pools mean and maximum.** The maximum over space picks the position where a channel fires most
#   strongly, and drops all others. It *is* a choice of where, made separately for each channel, without a parameter.
# * **Channel attention.** Its gate can silence the channels that respond to the other colours, for the whole image.
# * **Longer training.** The plain network that trained for 24 epochs instead of 8 stands among them. It can learn to be
#   silent about other colours by itself; attention gets there sooner.
#
# What spatial attention should *not* help with is a question whose answer lies in no map: `what`, in which a patch in
# the corner says which of three shapes is asked for. Here is its dense form from lesson 02.

# %%
dense = {"plain": "plain", "spatial": "spatial", "se": "SE", "channel": "channel", "cbam": "CBAM",
         "context-mean-max": "added pools, no gate"}  # fmt: skip
plots.plot_runs(runs_by_label("what-dense", dense), xlabel="mean IoU on what")

# %% [markdown]
# *What to see: the plain network and the one with spatial attention lie at the same place, far to the left; SE, channel
# attention, CBAM and the network that adds the pools lie far to the right.*
#
# Nothing gained, in no seed. The same task as a question about the whole image, where the answer is the name of the shape:

# %%
what = {"plain": "plain", "spatial": "spatial", "channel": "channel", "cbam": "CBAM",
        "plain-max": "plain, mean+max head", "plain-mlp": "plain, mean+max head, MLP"}  # fmt: skip
plots.plot_runs(runs_by_label("what", what), xlabel="accuracy on what", chance=1 / 3)

# %% [markdown]
# *What to see: the plain network's runs lie together near 0.59. Spatial attention lies between 0.61 and 0.80, channel
# attention between 0.84 and 0.93, and the plain networks whose head takes a maximum further right still. One run of
# CBAM stays near the plain network.*
#
# In this form spatial attention gains something in three of five runs. Can a map of *where* answer *what*? In this
# network's last block the map has 6 × 6 positions, and a 7 × 7 window covers all of it: the gate can react to the patch,
# however far away that is. But what it reads are two pools that do not say which colour was bright, and what it gives
# is a factor that all channels share. In the dense network the last map has 12 × 12 positions, the window covers a
# third of it, and nothing is gained. (What held CBAM up in one run we do not know.)
#
# Each module does what its construction allows, and for each there is a plain way to get the same thing. Measure
# before you insert.
#
# ## Three questions
#
# <details><summary>1. A gate's convolution has only zeros. What does the module do?</summary>
#
# σ(0) = ½ everywhere: it halves every feature. That is close to what a freshly initialised module does. Lesson 05 looks
# at what halving means for a network that was trained without it.
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
# Away from the border, exactly by one pixel: pools and convolution treat all positions alike. Within k // 2 pixels of
# the border the padding comes into the window, and the values change.
# </details>
#
# ## Sources
#
# * S. Woo, J. Park, J.-Y. Lee, I. S. Kweon: *CBAM: Convolutional Block Attention Module*, ECCV 2018, section 3.1
#   (spatial attention, equation 3) and section 4.1 (kernel size).
# * Tables: `results/where.csv`, `results/what.csv` and `results/what-dense.csv`, made by `python -m cbam_course sweep`.
#   The pet photographs were measured beforehand.

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
# # 02 · Squeeze-and-Excitation: which channels matter
#
# **You will be able to**
#
# * compute an SE gate by hand, in a loop, vectorised and as a module, and say what each step is for;
# * say what the reduction ratio trades, and count the parameters of an SE block without running it;
# * name what an SE gate cannot see, and show it with two images.
#
# **Time** 30 minutes of reading. The cells run in about half a minute on two CPU cores; with a GPU,
# training uses four times as many images.
#
# **Before this** [lesson 01](01_feature_maps.ipynb): the shape (N, C, H, W), pooling, broadcasting. The words stand in the
# [glossary](../GLOSSARY.md).

# %%
import torch
from torch import nn

from cbam_course import SqueezeExcitation, capture, count_cost, fit, make_scenes
from cbam_course.data.photos import load_photo
from cbam_course.inspection import plots
from cbam_course.networks.filter_bank import FilterBank

# %% [markdown]
# ## The question
#
# A feature map is a stack of channels, each a detector for something. Here are eight of
# them for one photograph, made by filters that we chose by hand, so that each has a name.

# %%
filters = FilterBank()
photo = load_photo("coffee", size=200)
feature_map = filters(photo[None] / 255)
plots.show_maps(feature_map[0], filters.names, columns=4, size=1.9)

# %% [markdown]
# *What to see: eight maps of a coffee cup. "red", "light" and "dark" are filled, the two edge maps draw the rim
# and the saucer as thin lines, "spot" is faint, and "green" and "blue" are empty: nothing in this photo is green
# or blue.*
#
# All eight go on to the next layer with the same right to speak. Should they? For this photo the empty maps say
# nothing. For a question about the cup's *shape* the edges count and the red of the wood distracts. For a
# photograph of a meadow it would be otherwise.
#
# A convolution cannot choose. Its weights are the same for every image, and each of its outputs sees a few pixels
# only. Squeeze-and-Excitation (SE; Hu, Shen and Sun 2018) adds the missing path: look at the *whole* image,
# then give each channel a factor between 0 and 1.

# %%
plots.draw_flow(
    [("feature map x", "(N, C, H, W)"), ("squeeze:\nmean", "(N, C)"), ("Linear\nC → C/r", "(N, C/r)"),
     ("ReLU", "(N, C/r)"), ("Linear\nC/r → C", "(N, C)"), ("sigmoid", "(N, C, 1, 1)"), ("multiply", "(N, C, H, W)")],
    skip="x itself", highlight=["squeeze:\nmean"],
)  # fmt: skip

# %% [markdown]
# *What to see: the whole module in one row. The feature map goes in on the left. Below, it shrinks to one number
# for each channel, passes two small layers and a sigmoid; above, it waits untouched. At the right the two meet
# in a multiplication.*
#
# Three steps have names: **squeeze** (the mean), **excitation** (the two layers and the sigmoid, which give the
# **gate**), **scale** (the product). We take them one at a time.
#
# ## Squeeze: one number per channel
#
# To decide which *channels* matter, first ask each channel for a single number: how active is it, on average,
# over the whole image?
#
# $$z_c = \frac{1}{HW}\sum_{i,j} x_{c,i,j}$$
#
# (Hu et al. 2018, section 3.1, equation 2.) Begin with a map small enough to check by hand: one image, two
# channels, 2 × 2 pixels.

# %%
x = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]], [[0.0, 0.0], [0.0, 8.0]]]])
plots.show_numbers(x[0], ["channel 0", "channel 1"])

# %% [markdown]
# *What to see: channel 0 holds 1, 3, 5 and 7; channel 1 holds three zeros and one 8.*
#
# **Predict, then run.** What is the mean of each channel? Which shape holds them?

# %% tags=["nbval-check-output"]
z = x.mean(dim=(2, 3))
print(z, tuple(z.shape))

# %% [markdown]
# Channel 1 owns the brightest pixel of all, 8, and still has the lower mean: 2 against 4. An average forgets that
# something small was very bright. Lesson 03 comes back to this channel.
#
# ## Excitation: from averages to a gate
#
# The gate of a channel should depend on the other channels too: "edges matter *when* there is little colour".
# So the averages go through two small fully connected layers, W₁ with a ReLU and W₂ with a sigmoid:
#
# $$s = \sigma(W_2\,\mathrm{ReLU}(W_1 z))$$
#
# (Hu et al. 2018, section 3.2, equation 3.) Training finds the two matrices. For a calculation by hand we choose
# them: one hidden unit, which adds a quarter of the first average to a half of the second; and two output
# weights, +1 and −1.

# %% tags=["nbval-check-output"]
w1 = torch.tensor([[0.25, 0.5]])
w2 = torch.tensor([[1.0], [-1.0]])
hidden = torch.relu(z @ w1.T)
logit = hidden @ w2.T
print("hidden", hidden, " logit", logit)

# %% [markdown]
# By hand: 0.25 · 4 + 0.5 · 2 = 2; ReLU leaves 2; the outputs are +2 and −2. The sigmoid
# $\sigma(a) = 1/(1+e^{-a})$ turns any number into one between 0 and 1, with σ(0) = ½.
#
# **Predict, then run.** Which channel will be kept, which one nearly closed? Do the two factors add up to 1, and
# would they have to?

# %% tags=["nbval-check-output"]
gate = torch.sigmoid(logit)
print(gate)

# %% [markdown]
# Channel 0 keeps 88 % of its values, channel 1 keeps 12 %. That they add up to 1 is an accident of +2 and −2: each
# sigmoid stands alone, so all gates may be open at once, or all closed. A softmax would make the channels
# compete for a fixed total, and SE wants no such contest: several channels may matter together.
#
# ## Scale: multiply each channel by its number
#
# $$\tilde{x}_{c,i,j} = s_c \cdot x_{c,i,j}$$
#
# (equation 4.) The gate has the shape (N, C), the feature map (N, C, H, W). Two axes of length 1 make it
# (N, C, 1, 1), and broadcasting repeats it over all positions.

# %% tags=["nbval-check-output"]
y = x * gate[:, :, None, None]
print(y.round(decimals=2))

# %% [markdown]
# Within a channel nothing has moved: 1, 3, 5 and 7 still stand in the ratio 1 : 3 : 5 : 7. SE makes whole channels
# louder or softer, and it never chooses between positions.
#
# ## As a loop, then without one
#
# The loop says what is meant, image by image and channel by channel. It is slow, and it is our reference.


# %%
def squeeze_excite_loop(x, w1, w2):
    """(N, C, H, W) -> (N, C, H, W), one number at a time."""
    y = torch.empty_like(x)
    for n in range(x.shape[0]):
        z = torch.tensor([channel.mean() for channel in x[n]])
        gate = torch.sigmoid(w2 @ torch.relu(w1 @ z))
        for c in range(x.shape[1]):
            y[n, c] = gate[c] * x[n, c]
    return y


# %% [markdown]
# Vectorised, it is the three steps from above and nothing else.


# %%
def squeeze_excite(x, w1, w2):
    """(N, C, H, W) -> (N, C, H, W)."""
    z = x.mean(dim=(2, 3))
    gate = torch.sigmoid(torch.relu(z @ w1.T) @ w2.T)
    return x * gate[:, :, None, None]


# %% [markdown]
# Do they agree? Not on the small example that we built them with, on random numbers, with two images of five
# channels. `assert_close` is silent when they do, and says by how much when they do not.

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
batch, a, b = torch.randn(2, 5, 4, 6), torch.randn(3, 5), torch.randn(5, 3)
torch.testing.assert_close(squeeze_excite(batch, a, b), squeeze_excite_loop(batch, a, b))
print("the loop and the vectorised version agree")

# %% [markdown]
# ## The module grows
#
# Version 1 puts the two matrices where an optimiser can find them: into `nn.Linear` layers. The hidden layer is
# smaller than the channels by the **reduction ratio** r.


# %%
class SqueezeExcitationV1(nn.Module):
    def __init__(self, in_channels, reduction_ratio=16):
        super().__init__()
        hidden = in_channels // reduction_ratio
        self.reduce = nn.Linear(in_channels, hidden, bias=False)
        self.expand = nn.Linear(hidden, in_channels, bias=False)

    def forward(self, x):
        z = x.mean(dim=(2, 3))
        gate = torch.sigmoid(self.expand(torch.relu(self.reduce(z))))
        return x * gate[:, :, None, None]


# %% [markdown]
# **Predict, then run.** The early layers of small networks have few channels. What is the gate for 8 channels and
# the usual ratio 16? Follow `hidden` before you run the cell.

# %%
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # PyTorch warns that it initialises a layer without elements
    small = SqueezeExcitationV1(8)
ratio = small(torch.ones(1, 8, 2, 2))
print(ratio[0, :, 0, 0].tolist())

# %% [markdown]
# 8 // 16 is 0. A layer with no hidden units returns zeros for every image, and σ(0) is ½: the module halves
# everything, can learn nothing, and raises no error. Version 2 keeps at least one hidden unit. It also gives the
# gate a method of its own, so that what we look at later is the gate that ran.


# %%
class SqueezeExcitationV2(nn.Module):
    def __init__(self, in_channels, reduction_ratio=16):
        super().__init__()
        hidden = max(1, in_channels // reduction_ratio)
        self.mlp = nn.Sequential(
            nn.Linear(in_channels, hidden, bias=False),
            nn.ReLU(),
            nn.Linear(hidden, in_channels, bias=False),
        )

    def gate(self, x):
        z = x.mean(dim=(2, 3))
        return torch.sigmoid(self.mlp(z))[:, :, None, None]

    def forward(self, x):
        return x * self.gate(x)


# %% [markdown]
# That is the whole module. The package holds the same class with checks of its arguments; with the same weights it
# gives the same numbers.

# %% tags=["nbval-check-output"]
ours, theirs = SqueezeExcitationV2(64), SqueezeExcitation(64)
theirs.load_state_dict(ours.state_dict())
batch = torch.randn(2, 64, 8, 8)
torch.testing.assert_close(ours(batch), theirs(batch))
print("same weights, same output")

# %% [markdown]
# torchvision has an SE block as well. It writes the layers as 1×1 convolutions, which on a map of one pixel are the
# same thing as `nn.Linear`; it takes the hidden width instead of the ratio; and it has biases. Zero those, copy
# our weights, and compare.

# %% tags=["nbval-check-output"]
from torchvision.ops import SqueezeExcitation as TorchvisionSE

vision = TorchvisionSE(64, 64 // 16)
with torch.no_grad():
    for layer, source in ((vision.fc1, ours.mlp[0]), (vision.fc2, ours.mlp[2])):
        layer.weight.copy_(source.weight[:, :, None, None])
        layer.bias.zero_()
torch.testing.assert_close(vision(batch), ours(batch))
print("equal to torchvision's block")

# %% [markdown]
# ## What the reduction ratio trades
#
# Two layers, C → C/r and C/r → C, without biases: 2·C²/r weights.
#
# **Predict, then run.** Write down the number for C = 256 and r = 16 before the table appears. What happens to it
# when r is doubled? When C is doubled?

# %% tags=["nbval-check-output"]
for channels in (64, 256):
    for r in (4, 16, 32):
        cost = count_cost(SqueezeExcitation(channels, r), (1, channels, 28, 28))
        print(
            f"C = {channels:3d}   r = {r:2d}   {cost.parameters:6,} parameters   {cost.macs:8,} multiply-adds"
        )

# %% [markdown]
# Doubling r halves the price; doubling C makes it four times as high. For comparison: one 3×3 convolution from 256
# to 256 channels has 9 · 256² = 589,824 weights, and uses each of them at every one of the 28 × 28 positions. The SE
# block's MLP runs once for each image, whatever its size, which is why the paper can call it light.
#
# A large r means few hidden units: a coarse summary that all gates must share. A small r costs more and can
# learn finer rules. The paper settled on 16 after trying ratios from 2 to 32 (section 6.1 of its longer version).
#
# "Light" is true of parameters and multiply-adds. Time is another matter: the block reads the whole feature map
# twice, once to average it and once to scale it. On one CPU thread a ResNet-50 with SE took 1.07 times as long as
# without (measured beforehand at 112 × 112 pixels; `python benchmarks/speed.py` repeats the measurement).
#
# ## Where it sits
#
# In a residual network the block goes onto the residual branch, at its end, before the addition.

# %%
plots.draw_flow(
    [("x", "(N, C, H, W)"), ("3×3 conv\nBatchNorm", ""), ("ReLU", ""), ("3×3 conv\nBatchNorm", ""),
     ("SE", "(N, C, H, W)"), ("add", "(N, C, H, W)"), ("ReLU", "")],
    skip="shortcut", skip_to=5, highlight=["SE"],
)  # fmt: skip

# %% [markdown]
# *What to see: a residual block in one row. SE is the last step of the branch; the shortcut runs past it and is not
# scaled.*
#
# After the addition it would scale the shortcut too, and after twenty blocks with gates near ½ about $2^{-20}$ of the
# input would be left. On the branch, the block can be silenced and the shortcut stays. `insert_attention` of the
# package finds that place in networks of torchvision and timm.
#
# ## What it learns
#
# So far the weights were random or ours. Now let training find them, on a task where the answer is known. Each
# *scene* holds three shapes in three colours and, in the top left corner, a patch. The patch has the colour of
# one of the shapes, and the network has to mark the pixels of **that** shape.

# %%
scenes = make_scenes(6, task="what", seed=3)
plots.show_images(scenes.images, masks=scenes.masks, columns=6, size=1.6)

# %% [markdown]
# *What to see: six scenes of noisy coloured clutter with three shapes each. The patch in the corner has the colour
# of the shape that is outlined in white. The outline is the answer and not part of the image.*
#
# The shapes lie at least 19 pixels from the patch, and this network's outputs see less than that around them. A plain
# network can find shapes and cannot know which one was asked for. SE has a path from the whole image to every
# pixel: the average knows whether the patch is there in red or in blue, and the gate can turn the channels
# of that colour up.
#
# We train both, for about ten seconds each without a GPU. The blocks have 16, 32 and 48 channels, so we take r = 4: with 16 the
# hidden layers would have one, two and three units. It is an illustration with one seed, no more.

# %%
from cbam_course.doctor import by_device
from cbam_course.networks.small_cnn import DenseCNN

train = make_scenes(by_device(2000, gpu=8000), task="what", seed=10)
test = make_scenes(300, task="what", seed=11)
torch.manual_seed(0)
models = {"plain": DenseCNN(), "SE": DenseCNN(attention=lambda width: SqueezeExcitation(width, 4))}
for name, model in models.items():
    history = fit(model, train.dense, test.dense, epochs=6, batch_size=32, learning_rate=0.01, progress=False)
    print(f"{name:6} mean IoU {history.final:.2f} after {history.seconds:.0f} s")

# %% [markdown]
# Marking all three shapes equally would give about 0.25, and the plain network is not far from that. The one with SE
# does better after the same few seconds. Look at the answers, and then at the gates behind them.

# %%
with torch.no_grad():
    answers = torch.cat([model.cpu()(test.inputs()[:6]).sigmoid() for model in models.values()])
titles = ["plain"] * 6 + ["SE"] * 6
plots.show_maps(answers, titles, masks=test.masks[:6].repeat(2, 1, 1), size=1.5, limits=(0, 1))

# %% [markdown]
# *What to see: the same six test scenes twice. The white outline is the shape asked for. Above, the plain network is
# bright on two or three shapes of each scene, whatever their colour. Below, with SE, fewer of the wrong shapes are
# bright, though not none: six epochs are short.*
#
# `capture` records the gates as they run. For each of the three blocks, average the gate over all test scenes with a
# red, a green and a blue patch. Where do the three averages differ?

# %%
with torch.no_grad(), capture(models["SE"]) as gates:
    models["SE"](test.inputs())
patches = test.asked_colour.unique()
mean_gates = {}
for name, (gate,) in gates.items():
    mean_gates[name] = torch.stack([gate[test.asked_colour == patch].mean((0, 2, 3)) for patch in patches])
    spread = mean_gates[name].amax(0) - mean_gates[name].amin(0)
    print(f"{name}: {len(spread)} channels, the averages differ by up to {spread.max():.2f}")

# %%
selective = max(mean_gates, key=lambda name: mean_gates[name].std(0).max())
labels = [f"{test.colour_names[patch]} patch" for patch in patches]
plots.plot_gates(dict(zip(labels, mean_gates[selective], strict=True)), width=10, title=selective)

# %% [markdown]
# *What to see: three bars for each channel of the block whose gates differ most. In the run printed here the bar of the
# red patch stands apart in most channels, and those of the green and the blue patch are nearly equal.*
#
# So after six epochs this network tells red from not red, and hardly green from blue. That is why two shapes stay
# bright in several of the scenes above; your run may have learned another pair first. The networks of the table
# further down trained longer.
#
# This is what SE is for. The patch is one small thing in a corner. Its colour moves the averages, the MLP reads
# them, and the gate changes what happens at positions the patch is far away from.
#
# ## What it cannot see
#
# The gate is computed from averages. Whatever leaves the averages alone leaves the gate alone.
#
# **Predict, then run.** Take the photo of the cup and shuffle its pixels: every pixel lands somewhere else, with
# its colour. We compute the gate from the eight channels of the photo's own colours. What happens to it?

# %% tags=["nbval-check-output"]
torch.manual_seed(1)
se = SqueezeExcitation(8, reduction_ratio=2)
original = feature_map
order = torch.randperm(original.shape[2] * original.shape[3])
shuffled = original.flatten(2)[:, :, order].reshape(original.shape)
difference = (se.gate(original) - se.gate(shuffled)).abs().max().item()
print(f"largest difference between the two gates: {difference:.6f}")

# %%
light = filters.names.index("light")
plots.show_maps([original[0, light], shuffled[0, light]], ["light", "light, shuffled"], size=3)

# %% [markdown]
# *What to see: on the left the cup in the channel "light"; on the right the same values in random order, which look
# like noise.*
#
# The two gates are equal. One of these is a cup and one is nothing, and SE cannot tell them apart: it is **blind to
# position**. It answers *which channels*, for the image as a whole, and gives each position the same factor.
#
# It is nearly blind to small bright things, too. Give one channel a single bright pixel in a map of 48 × 48:

# %% tags=["nbval-check-output"]
quiet = torch.zeros(1, 1, 48, 48)
spot = quiet.clone()
spot[0, 0, 20, 31] = 1.0
print(f"mean {spot.mean():.6f}   maximum {spot.max():.1f}")

# %% [markdown]
# One pixel in 2,304 moves the average by 0.0004 and the maximum from 0 to 1. CBAM's channel attention, in lesson
# 03, reads both. Its spatial attention, in lesson 04, gives each position a factor of its own.
#
# ## What this does not show
#
# One seed and one task made to suit the module prove little. Here is the same comparison with five seeds each, and
# with the strongest simple baseline that we know: a network of the same size which **adds** the global averages,
# after a linear layer, to every position, with no gate at all.

# %%
from cbam_course.training.results import load_results

table = load_results("what-dense")
chosen = {"plain": "plain", "se": "SE", "context-mean": "added averages, no gate"}
runs = {label: table.accuracy[table.model == name] for name, label in chosen.items()}
plots.plot_runs(runs, xlabel="mean IoU on the test scenes")

# %% [markdown]
# *What to see: three rows of five points. The plain network lies far to the left, near 0.22. SE and the network that
# only adds the averages lie on the right, near 0.6, and their points overlap.*
#
# Both have what the plain network lacks: a *path* from the whole image to every pixel. Multiplying by a gate is one
# way to use it, adding is another. Is the gate better? Subtract the runs seed by seed.

# %%
from cbam_course.training.statistics import compare

print(compare(table, "se", "context-mean"))

# %% [markdown]
# So most of the gain comes from the path, and what the gate adds to it, five seeds do not settle. Remember that
# when you read that attention "focuses" on something.
#
# And on photographs? Two networks trained on ImageNet with one recipe reached 76.38 % without and 77.18 % with SE
# (ResNet-50, implus/PytorchInsight); with a stronger recipe 81.21 % and 81.10 % (resnet50.a1 and seresnet50.a1
# in timm's results file at 288 pixels). One gain, one loss, one run each: too few for a claim in either
# direction.
#
# ## Three questions
#
# <details><summary>1. All values of a feature map are doubled. What happens to the gate of the bias-free module?</summary>
#
# The averages double, and so do the hidden units (ReLU keeps positive factors) and the logits. The signs of the
# logits stay, and the gates move away from ½: open ones open further, closed ones close further.
# </details>
#
# <details><summary>2. Why does SE not simply use one layer from C to C?</summary>
#
# It would have C² weights, 65,536 for 256 channels against 8,192 with r = 16, and without a ReLU it could not
# express "A unless B". The bottleneck makes it cheap, and the hidden layer makes it more than a linear rule.
# </details>
#
# <details><summary>3. A feature map has 1 × 1 pixels. What does the squeeze do?</summary>
#
# Nothing: the average of one number is that number. SE is then a gated layer on a vector, and nothing about it is
# specific to images.
# </details>
#
# ## Sources
#
# * J. Hu, L. Shen, G. Sun: *Squeeze-and-Excitation Networks*, CVPR 2018. Sections 3.1 (squeeze), 3.2 (excitation);
#   the longer version, arXiv:1709.01507, has the study of the reduction ratio in section 6.1.
# * Accuracies on ImageNet: the tables of the repositories implus/PytorchInsight and huggingface/pytorch-image-models
#   (timm). They are quoted, not re-measured.
# * The five-seed table: `results/what-dense.csv`, with its command and conditions in `results/README.md`.

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
# * compute an SE gate by hand, in a loop, vectorised and as a module;
# * say what the reduction ratio trades, and count the parameters of an SE block without running it;
# * name what an SE gate cannot see, and show it with two images.
#
# **Time** 30 minutes of reading. The cells run in about half a minute on two CPU cores; with a GPU,
# training uses four times as many images.
#
# **Before this** [lesson 01](01_feature_maps.ipynb): the shape (N, C, H, W), pooling, broadcasting.

# %%
import torch
from torch import nn

from cbam_course import SqueezeExcitation, capture, count_cost, fit, make_scenes, predict
from cbam_course.data.photos import load_photo
from cbam_course.inspection import plots
from cbam_course.networks.small_cnn import FilterBank

# %% [markdown]
# ## The question
#
# A feature map is a stack of channels, each a detector for something. Here are eight, from the filters of lesson 01.

# %%
filters = FilterBank()
photo = load_photo("coffee", size=200)
feature_map = filters(photo[None] / 255)
plots.show_maps(feature_map[0], filters.names, columns=4, size=1.9)

# %% [markdown]
# *What to see: eight maps of a coffee cup. "red", "light" and "dark" are filled, the two edge maps draw the rim and
# the saucer as thin lines, "spot" is faint, and "green" and "blue" are almost empty: hardly anything in this photo is
# green or blue.*
#
# Which of the eight matter depends on the image and the question. For the *shape* of the cup the edges count; the red
# of the wood distracts.
#
# A convolution cannot choose. Its weights are the same for every image, and each of its outputs sees a few pixels
# only. Squeeze-and-Excitation (SE; Hu, Shen and Sun 2018) adds what is missing: it looks at the *whole* image,
# then gives each channel a factor between 0 and 1.

# %%
plots.draw_flow(
    [("feature map x", "(N, C, H, W)"), ("squeeze:\nmean", "(N, C)"), ("Linear\nC → C/r", "(N, C/r)"),
     ("ReLU", "(N, C/r)"), ("Linear\nC/r → C", "(N, C)"), ("sigmoid", "(N, C, 1, 1)"), ("multiply", "(N, C, H, W)")],
    skip="x itself", highlight=["squeeze:\nmean"],
)  # fmt: skip

# %% [markdown]
# *What to see: the whole module in one row. Below, the feature map shrinks to one number for each channel and passes
# two small layers and a sigmoid; above, it goes past unchanged. At the right the two are multiplied.*
#
# Three steps have names: **squeeze** (the mean), **excitation** (the two layers and the sigmoid, which give the
# **gate**), **scale** (the product). We take them one at a time.
#
# ## Squeeze: one number per channel
#
# To decide which *channels* matter, first compute a single number for each: how active is it, on average, over the
# whole image?
#
# $$z_c = \frac{1}{HW}\sum_{i,j} x_{c,i,j}$$
#
# (Hu et al. 2018, section 3.1, equation 2.) Begin with a map small enough to check by hand: one image, two
# channels, 2 × 2 pixels.

# %%
x = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]], [[0.0, 0.0], [0.0, 8.0]]]])
plots.show_numbers(x[0], ["channel 0", "channel 1"])

# %% [markdown]
# *What to see: channel 0 holds 1, 3, 5 and 7; channel 1 three zeros and one 8.*
#
# **Predict, then run.** What is the mean of each channel? What shape does the result have?

# %% tags=["nbval-check-output"]
z = x.mean(dim=(2, 3))
print(z, tuple(z.shape))

# %% [markdown]
# Channel 1 owns the brightest pixel of all, 8, and still has the lower mean: 2 against 4. An average forgets that
# something small was very bright.
#
# ## Excitation: from averages to a gate
#
# The gate of a channel should depend on the other channels too: "edges matter *when* there is little colour". So the
# averages go through two small fully connected layers (together an **MLP**), W₁ with a ReLU and W₂ with a sigmoid:
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
# By hand: 0.25 · 4 + 0.5 · 2 = 2; ReLU leaves 2; the outputs, called **logits**, are +2 and −2. The sigmoid
# $\sigma(a) = 1/(1+e^{-a})$ maps any number to one between 0 and 1, with σ(0) = ½.
#
# **Predict, then run.** Which channel will be kept, and which nearly closed? Do the two factors have to add up to 1?

# %% tags=["nbval-check-output"]
gate = torch.sigmoid(logit)
print(gate)

# %% [markdown]
# Channel 0 is multiplied by 0.88, channel 1 by 0.12. That the factors add up to 1 is an accident of +2 and −2: each
# sigmoid is computed alone, so all gates may be open at once, or all closed. A softmax would make the channels
# compete for a fixed total.
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
# Within channel 0 the ratio is still 1 : 3 : 5 : 7. SE strengthens or weakens whole channels; it never chooses
# between positions.
#
# ## As a loop, then without one
#
# The loop is our reference.


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
# Do they agree? `assert_close` is silent when they do.

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
# **Predict, then run.** The early layers of small networks have few channels. What is the gate for 8 channels and the
# usual ratio 16? Follow `hidden` before you run the second cell. `predict` is optional.

# %%
predict("02-eight-channels", None)  # a number in place of None: the gate of every channel

# %%
import warnings

from cbam_course.checks.predictions import reveal

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # PyTorch warns that it initialises a layer without elements
    small = SqueezeExcitationV1(8)
ratio = small(torch.ones(1, 8, 2, 2))
print(ratio[0, :, 0, 0].tolist())
reveal("02-eight-channels", ratio.mean().item())

# %% [markdown]
# 8 // 16 is 0. Without hidden units the logits are 0 for every image, and σ(0) is ½: the module halves
# everything, can learn nothing, and raises no error. Version 2 keeps at least one hidden unit, and gives the
# gate a method of its own.


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
# The package has the same class with checks of its arguments; with the same weights it
# gives the same numbers.

# %% tags=["nbval-check-output"]
ours, theirs = SqueezeExcitationV2(64), SqueezeExcitation(64)
theirs.load_state_dict(ours.state_dict())
batch = torch.randn(2, 64, 8, 8)
torch.testing.assert_close(ours(batch), theirs(batch))
print("same weights, same output")

# %% [markdown]
# ## What the reduction ratio trades
#
# Two layers, C → C/r and C/r → C, without biases: 2·C²/r weights.
#
# **Predict, then run.** Write down the number for C = 128 and r = 16 before the table appears. What happens to it
# when r is doubled? When C is doubled?

# %% tags=["nbval-check-output"]
for channels in (64, 128):
    for r in (4, 16, 32):
        cost = count_cost(SqueezeExcitation(channels, r), (1, channels, 28, 28))
        print(
            f"C = {channels:3d}   r = {r:2d}   {cost.parameters:5,} parameters   {cost.macs:7,} multiply-adds"
        )

# %% [markdown]
# Doubling r halves the number of parameters, and leaves half as many hidden units to combine channels; doubling C
# makes it four times as large. For comparison: one 3×3 convolution from 128 to 128 channels has 9 · 128² = 147,456
# weights, and uses each of them at every one of the 28 × 28 positions. The MLP of SE runs once for each image.
#
# The paper settled on 16 after trying ratios from 2 to 32 (section 6.1 of its longer version).
#
# SE is light in parameters and multiply-adds. Time is another matter (lesson 09): the block reads the whole feature
# map twice, once to average it and once to scale it.
#
# ## Where it sits
#
# A residual block adds its input x (the *shortcut*) to what its layers make of x (the *residual branch*). SE goes to
# the end of the branch, before the addition.

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
# input would be left. On the branch, the shortcut always passes. Lesson 06 finds that place in known networks.
#
# ## What it learns
#
# So far the weights were random or ours. Now training finds them, on a task where the answer is known. Each
# *scene* holds three shapes in three colours and, in the top left corner, a patch. The patch has the colour of
# one of the shapes, and the network has to mark the pixels of **that** shape.

# %%
scenes = make_scenes(6, task="what", seed=3)
plots.show_images(scenes.images, masks=scenes.masks, columns=6, size=1.6)

# %% [markdown]
# *What to see: six scenes of noisy coloured clutter with three shapes each. The patch in the corner has the colour
# of the shape outlined in white. The outline is the answer, not part of the image.*
#
# The network, `DenseCNN`, gives a logit for each pixel. It has three blocks: 3×3 convolution, BatchNorm, ReLU,
# pooling in the first two, then attention. Every shape lies at least 19 pixels from the patch, farther than an output
# of this network sees (lesson 03 tests that). So without attention it can find shapes but cannot know which one is
# asked for. With SE it can: the averages differ between a red and a blue patch, and the gates can strengthen the
# channels of that colour everywhere.
#
# The score is the mean **IoU** (intersection over union): marked pixels that belong to the shape, divided by all
# pixels that are marked or belong to it, averaged over the scenes. We train both for six epochs. The blocks have 16,
# 32 and 48 channels, so we take r = 4: with 16 the hidden layers would have one, two and three units. One **seed**
# (it fixes all random draws): an illustration.

# %%
from cbam_course.doctor import by_device
from cbam_course.networks.small_cnn import DenseCNN

train = make_scenes(by_device(1500, gpu=6000), task="what", seed=10)
test = make_scenes(300, task="what", seed=11)
torch.manual_seed(0)
models = {"plain": DenseCNN(), "SE": DenseCNN(attention=lambda width: SqueezeExcitation(width, 4))}
for name, model in models.items():
    history = fit(model, train.dense, test.dense, epochs=6, batch_size=16, learning_rate=0.03, progress=False)
    print(f"{name:6} mean IoU {history.final:.2f} after {history.seconds:.0f} s")

# %% [markdown]
# What would a perfect drawing of all three shapes score? One part in three of what it marks is right: 1/3. A network
# that does not know which shape is asked for stays below that. Look at the answers.

# %%
plots.show_images(test.images[:6], columns=6, masks=test.masks[:6], size=1.5)

# %% [markdown]
# *What to see: six test scenes. The white outline is the shape that has the colour of the patch.*

# %%
with torch.no_grad():
    answers = torch.cat([model.cpu()(test.inputs()[:6]).sigmoid() for model in models.values()])
titles = ["plain"] * 6 + ["SE"] * 6
plots.show_maps(answers, titles, masks=test.masks[:6].repeat(2, 1, 1), size=1.5, limits=(0, 1))

# %% [markdown]
# *What to see: for the same six scenes two rows of answers, bright where the network marks. The white outline is the
# shape asked for. In the row "plain" wrong shapes are bright as well as right ones. In the row "SE" fewer of the wrong
# ones are bright; after six epochs some may be left.*
#
# `capture` records the gates as they run. For each block, we average the gate over all test scenes with a red, a
# green and a blue patch, and ask how far the three averages lie apart.

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
gates = dict(zip(labels, mean_gates[selective], strict=True))
plots.plot_gates(gates, width=10, title=selective, colours=("#d7322d", "#3caa46", "#375fd7"))

# %% [markdown]
# *What to see: for each channel of the block whose gates differ most, a red, a green and a blue bar: the average
# gate in scenes with a patch of that colour. There are channels whose bars differ in height.*
#
# A channel with one bar higher than the others is strengthened when that colour is asked for. Where two bars are
# equal, the gate does not tell those two colours apart. Blocks with a difference of 0.00 do not react to the patch.
#
# So the patch in a corner moves the averages, the MLP reads them, and the gate changes what happens far away.
#
# ## What it cannot see
#
# The gate is computed from averages. What does not change the averages does not change the gate.
#
# **Predict, then run.** Take the eight maps of the cup from the beginning and shuffle the positions of the feature
# map: all eight values of a position move together to another one. By how much does the gate change?

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
# *What to see: on the left the channel "light" of the cup; on the right the same values in random order, which look
# like noise.*
#
# The two gates are equal: SE is **blind to position**. (Had we shuffled the photograph instead, the edge filters
# would have seen other edges, and the averages would have changed.)
#
# SE is nearly blind to small bright things, too. Give one channel a single bright pixel in a map of 48 × 48:

# %% tags=["nbval-check-output"]
quiet = torch.zeros(1, 1, 48, 48)
spot = quiet.clone()
spot[0, 0, 20, 31] = 1.0
print(f"mean {spot.mean():.6f}   maximum {spot.max():.1f}")

# %% [markdown]
# One pixel in 2,304 moves the average by 0.0004 and the maximum by 1. CBAM's channel attention, in lesson 03, reads
# both. Its spatial attention, in lesson 04, gives each position a factor of its own.
#
# ## What this does not show
#
# One seed on a task made to suit the module proves little. Here is a table for the same task. It was **registered**:
# what to compare was written down beforehand. Ten seeds, 2,500 scenes, each model at a learning rate chosen for it on
# other scenes. `plain-long` is the plain network trained three times as long. `context-mean-max` is the strongest
# model without a gate among those registered: it puts the averages *and the maxima* through a two-layer MLP like that
# of SE and **adds** the result to every position.

# %%
from cbam_course.experiments.evidence import evidence

table = evidence("what-dense")
for model in ("plain", "plain-long", "se", "context-mean-max"):
    scores = table.runs(model)["accuracy"]
    print(
        f"{model:17} mean IoU {scores.mean():.3f}   {scores.min():.3f} to {scores.max():.3f}   {len(scores)} seeds"
    )

# %% [markdown]
# SE marks far more of the right shape than the plain network, with every seed. Three times the training does not help
# the plain network: it cannot learn what it cannot see. Now subtract the runs seed by seed. These two differences
# were not among the registered comparisons.

# %%
print(table.gain("se", "plain"))
print(table.gain("se", "context-mean-max"))

# %% [markdown]
# > **How to read this.** Another ten seeds would give another mean difference. The **95 % interval** says which true
# > differences fit these runs: computed anew for each such experiment, it would contain the true difference in
# > 95 of 100. If it **excludes 0**, no difference at all is a poor explanation. The **p-value** says how poor: it is the
# > probability of a mean difference at least this far from 0 if the true one were 0; below 0.05, the interval excludes 0.
# > An interval that includes 0 does *not* show that two models are equal. And a small p-value says nothing about size:
# > read the difference itself. Lesson 07 goes deeper.
#
# What separates SE from the added context is small beside what both gain over the plain network. Both have what the
# plain network lacks: a *path* from the whole image to every pixel. So most of that gain can be had without a gate. (The
# added context also reads maxima; lesson 03 compares it with a gate that does.) Remember that when you read that
# attention "focuses" on something.
#
# And one task of drawn shapes says nothing about photographs; lesson 07 comes to those.
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
# It would have C² weights, 16,384 for 128 channels against 2,048 with r = 16, and without a ReLU it could not
# express "A only if B". The bottleneck makes it cheap, and the hidden layer makes it more than a linear rule.
# </details>
#
# <details><summary>3. A feature map has 1 × 1 pixels. What does the squeeze do?</summary>
#
# Nothing: the average of one number is that number. SE is then a gated layer on a vector, and nothing about it is
# specific to images.
# </details>
#
# ## If you want more
#
# **On photographs.** Two ResNet-50 trained on ImageNet with one recipe reached 76.38 % without and 77.18 % with SE
# (implus/PytorchInsight), one run each: too few for a claim. timm's results file has seven such pairs, of which five
# gain and two lose; lesson 07 lists them all.
#
# **torchvision** has an SE block as well. It writes the layers as 1×1 convolutions, which on a map of one pixel are the
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
# ## Sources
#
# * J. Hu, L. Shen, G. Sun: *Squeeze-and-Excitation Networks*, CVPR 2018. Sections 3.1 (squeeze), 3.2 (excitation);
#   the longer version, arXiv:1709.01507, has the study of the reduction ratio in section 6.1.
# * Accuracies on ImageNet: the table of the repository implus/PytorchInsight, quoted and not re-measured.
# * The table of ten seeds: `results/what-dense.csv`; what was asked before it was run stands in
#   `results/registered/what-dense.toml`, and every outcome in `results/README.md`.

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
# # 03 · Channel attention: the maximum beside the average
#
# **You will be able to**
#
# * show with one repainted patch whether a network has a path from everywhere, and build one that has;
# * write CBAM's channel attention, count its parameters, and say what the maximum adds to the average;
# * say what a table shows, and does not show, about the maximum and about the gate.
#
# **Time** 30 minutes of reading. The cells run in under a minute on two CPU cores; with a GPU, training
# uses four times as many images.
#
# **Before this** lesson 02: squeeze, excitation, scale.

# %%
import torch
from torch import nn
from torch.nn import functional as F

from cbam_course import ChannelAttention, count_cost, fit, make_scenes, predict, reveal
from cbam_course.inspection import plots
from cbam_course.networks.small_cnn import DenseCNN, FilterBank
from cbam_course.training.metrics import mean_iou

# %% [markdown]
# ## The question
#
# The scenes of task `what` ask a question in their corner: the patch at the top left has the colour of the one shape
# that is to be marked. Every shape lies at least 19 pixels away from the patch.

# %%
scenes = make_scenes(200, task="what", seed=31)
images, masks = scenes.inputs(), scenes.masks
plots.show_images(scenes.images[:4] / 255, masks=masks[:4], columns=4)

# %% [markdown]
# *What to see: four noisy scenes with three shapes each and a square patch at the top left. The shape whose colour is that
# of the patch is outlined.*
#
# To mark the right shape, a pixel far from the corner needs the colour in the corner. A 3 × 3 convolution sees the
# next pixels, and a few of them in a row see a little farther. Does a `DenseCNN` (three blocks, lesson 02) see far
# enough? There is a test that needs no training: repaint the patch and see whether anything changes on the shapes.

# %%
repainted = images.clone()
repainted[:, :, :9, :9] = images.roll(1, 0)[:, :, :9, :9]  # each scene gets its neighbour's patch
predict("03-repaint-plain", None)  # a number instead of None: by how much do the logits on the shapes change?


# %%
@torch.no_grad()
def change_on_shapes(network):
    """The largest change of any logit on the target's pixels, when the patch is repainted."""
    before, after = network.eval()(images), network(repainted)
    return (before - after)[masks].abs().max().item()


torch.manual_seed(0)
plain = change_on_shapes(DenseCNN())
print("plain", plain)
reveal("03-repaint-plain", plain)

# %% [markdown]
# Not "nearly nothing": exactly 0. The logits are equal bit for bit, whatever the weights are, because no number of the
# patch takes part in computing them. Training longer cannot help: what a network cannot see it cannot learn.
#
# **Predict, then run.** The same three blocks, with CBAM's channel attention at the end of each, and no training at all.
# Do the logits on the shapes change now?

# %%
predict("03-repaint-channel", None)  # True or False

# %%
torch.manual_seed(0)
attentive = DenseCNN(attention=lambda width: ChannelAttention(width, 4))
changed = change_on_shapes(attentive)
print(f"with channel attention {changed:.4f}")
reveal("03-repaint-channel", changed > 0)

# %% [markdown]
# They do, if only a little before any training. Channel attention pools over *all* positions, turns what it finds
# into one factor per channel, and multiplies every position by it. So whatever stands in the corner can change every
# position, within one block: a **path from everywhere**. SE has the same path. This lesson builds CBAM's version
# (Woo, Park, Lee and Kweon 2018), which reads two summaries instead of one, and then asks what the second summary is
# worth and whether the path has to be a gate.
#
# ## Two summaries
#
# Here is the feature map of lesson 02 again, whose channel 1 has the brightest pixel of all and still the lower
# average.

# %%
x = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]], [[0.0, 0.0], [0.0, 8.0]]]])
plots.show_numbers(x[0], ["channel 0", "channel 1"])

# %% [markdown]
# *What to see: channel 0 holds 1, 3, 5 and 7; channel 1 holds three zeros and one 8.*
#
# **Predict, then run.** Which channel looks stronger to an average, which one to a maximum?

# %% tags=["nbval-check-output"]
average, maximum = x.mean(dim=(2, 3)), x.amax(dim=(2, 3))
print("average", average, " maximum", maximum)

# %% [markdown]
# They disagree about the order. The average asks *how much is there in all?*, the maximum *how strong is the strongest
# response anywhere?*
#
# ## A small object in an average
#
# When does that matter? Take scenes with one red shape, and the same scenes with the shape painted over. As a detector we
# use the filter "red" of lesson 02, averaged over 5 × 5 pixels, so that one red pixel of noise does not count.

# %%
with_red = make_scenes(600, task="where", seed=20)
pictures, covered = with_red.images / 255, with_red.masks[:, None]
empty = torch.where(covered, pictures.mean((2, 3), keepdim=True), pictures)
red = FilterBank()


def red_patch(images, window=5):
    """(N, 3, H, W) -> (N, 1, h, w)."""
    return F.avg_pool2d(red(images)[:, :1], window, stride=1)


maps = torch.cat([red_patch(pictures[:4]), red_patch(empty[:4])])
plots.show_maps(maps[:, 0], ["with"] * 4 + ["without"] * 4, columns=4)

# %% [markdown]
# *What to see: above, one bright spot in each map where the red shape is, and fainter ones where another colour contains
# some red; below, the bright spot is gone and the fainter ones remain.*
#
# You can tell the rows apart at a glance. Can a single number per map? Take 300 maps with and 300 other ones without the
# object, and count how often a value from the first set exceeds one from the second. This share is the **area under the
# ROC curve** (AUC): 1 when the number always tells, 0.5 when it guesses.


# %%
def auc(with_object, without):
    """How often a value of the first set exceeds one of the second."""
    return (with_object[:, None] > without[None, :]).float().mean().item()


present, absent = red_patch(pictures[:300]), red_patch(empty[300:])
print(f"the object covers {with_red.masks.float().mean():.1%} of the image")
print(f"AUC: average {auc(present.mean((1, 2, 3)), absent.mean((1, 2, 3))):.2f}", end="   ")
print(f"maximum {auc(present.amax((1, 2, 3)), absent.amax((1, 2, 3))):.2f}")

# %% [markdown]
# The object shifts the average, but so do other reddish things in the scene: the average tells less often than the
# maximum, which looks at the strongest place alone.
#
# But a maximum stands on one number, so it inherits that number's noise. We add noise to the maps, more and more of it.

# %%
torch.manual_seed(0)
levels, curves = [0.0, 0.1, 0.2, 0.3, 0.4], {"average": [], "maximum": []}
for level in levels:
    a, b = (m + level * torch.randn_like(m) for m in (present, absent))
    curves["average"].append(auc(a.mean((1, 2, 3)), b.mean((1, 2, 3))))
    curves["maximum"].append(auc(a.amax((1, 2, 3)), b.amax((1, 2, 3))))
plots.plot_lines(curves, x=levels, xlabel="noise on the map", ylabel="area under the ROC curve")

# %% [markdown]
# *What to see: as the noise grows, the line of the average falls a little; that of the maximum starts above it, falls
# faster, and ends below it.*
#
# In the average the noise of nearly two thousand positions mostly cancels; in the maximum it does not. Neither
# summary is better everywhere. They fail in different situations, and that is the reason for reading both.
#
# ## One MLP for both
#
# $$M_c(x) = \sigma\big(\mathrm{MLP}(\mathrm{AvgPool}(x)) + \mathrm{MLP}(\mathrm{MaxPool}(x))\big)$$
#
# (Woo et al. 2018, section 3.1, equation 2.) The MLP is that of SE, and it is **the same** in both terms.

# %%
plots.draw_flow(
    [("feature map x", "(N, C, H, W)"), ("mean\nand max", "twice (N, C)"), ("one MLP,\nfor each", "twice (N, C)"),
     ("add", "(N, C)"), ("sigmoid", "(N, C, 1, 1)"), ("multiply", "(N, C, H, W)")],
    skip="x itself", highlight=["mean\nand max", "add"],
)  # fmt: skip

# %% [markdown]
# *What to see: SE's row of boxes with two changes. The squeeze makes two summaries instead of one, and after the MLP
# the two results are added before the sigmoid.*
#
# By hand, on our two channels, with one hidden unit that asks "is channel 1 above channel 0?", and output weights −1
# and 2.
#
# **Predict, then run.** The averages are (4, 2) and the maxima (7, 8). For which of the two does the hidden unit
# fire, and how strongly?

# %% tags=["nbval-check-output"]
w1 = torch.tensor([[-0.5, 0.5]])
w2 = torch.tensor([[-1.0], [2.0]])
from_average = torch.relu(average @ w1.T) @ w2.T
from_maximum = torch.relu(maximum @ w1.T) @ w2.T
print("from the average", from_average + 0, " from the maximum", from_maximum)

# %% [markdown]
# For the averages, −0.5 · 4 + 0.5 · 2 = −1, and ReLU makes it 0. For the maxima, −0.5 · 7 + 0.5 · 8 = 0.5. SE with these
# weights would leave both channels at ½; the maximum makes the difference.

# %% tags=["nbval-check-output"]
gate = torch.sigmoid(from_average + from_maximum)
print(gate)

# %% [markdown]
# Channel 1, with its one bright pixel, is now the more open one: 0.73 against 0.38.
#
# Two details are easy to get wrong. **The sum comes before the sigmoid.** With two sigmoids and a sum after them, the factor
# would reach 2 and amplify; it could not close as long as one of the branches stayed open. And **the MLP is shared**, so
# the second summary costs no parameters: a pool has none.
#
# **Predict, then run.** How many parameters for 64 channels and a ratio of 16, with one MLP and with two?

# %% tags=["nbval-check-output"]
shared = count_cost(ChannelAttention(64, 16), (1, 64, 28, 28)).parameters
print("one shared MLP", shared, "  two MLPs", 2 * shared)

# %% [markdown]
# As many as SE. Sharing also says something: an average of 3 and a maximum of 3 mean the same to the MLP, since both are
# values of the same channel.
#
# ## As a loop, then without one


# %%
def channel_attention_loop(x, w1, w2):
    """(N, C, H, W) -> (N, C, H, W), one image and one channel at a time."""
    y = torch.empty_like(x)
    for n in range(x.shape[0]):
        average = torch.stack([channel.mean() for channel in x[n]])
        maximum = torch.stack([channel.max() for channel in x[n]])
        logit = w2 @ torch.relu(w1 @ average) + w2 @ torch.relu(w1 @ maximum)
        for c in range(x.shape[1]):
            y[n, c] = torch.sigmoid(logit[c]) * x[n, c]
    return y


# %% [markdown]
# Vectorised, one line for each step of the equation.


# %%
def channel_attention(x, w1, w2):
    """(N, C, H, W) -> (N, C, H, W)."""
    summaries = x.mean(dim=(2, 3)), x.amax(dim=(2, 3))
    logit = sum(torch.relu(z @ w1.T) @ w2.T for z in summaries)
    return x * torch.sigmoid(logit)[:, :, None, None]


# %% [markdown]
# Do they agree, on two images of five channels?

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
batch, a, b = torch.randn(2, 5, 4, 6), torch.randn(3, 5), torch.randn(5, 3)
torch.testing.assert_close(channel_attention(batch, a, b), channel_attention_loop(batch, a, b))
print("the loop and the vectorised version agree")

# %% [markdown]
# ## The module
#
# It is lesson 02's SE with one line more: the maximum.


# %%
class ChannelAttentionV1(nn.Module):
    def __init__(self, in_channels, reduction_ratio=16):
        super().__init__()
        hidden = max(1, in_channels // reduction_ratio)
        self.mlp = nn.Sequential(
            nn.Linear(in_channels, hidden, bias=False),
            nn.ReLU(),
            nn.Linear(hidden, in_channels, bias=False),
        )

    def gate(self, x):
        logit = self.mlp(x.mean(dim=(2, 3))) + self.mlp(x.amax(dim=(2, 3)))
        return torch.sigmoid(logit)[:, :, None, None]

    def forward(self, x):
        return x * self.gate(x)


# %% [markdown]
# The package's class has the same parameters under the same names, so weights carry over.

# %% tags=["nbval-check-output"]
ours, theirs = ChannelAttentionV1(64), ChannelAttention(64)
theirs.load_state_dict(ours.state_dict())
batch = torch.randn(2, 64, 8, 8)
torch.testing.assert_close(ours(batch), theirs(batch))
print("same weights, same output")

# %% [markdown]
# `max(1, ...)` is there for layers with fewer than 16 channels, as in lesson 02: without it their gate would be ½ for
# every image.
#
# ## Train it
#
# One run, one seed: an illustration. The network from the beginning, with channel attention, learns to mark the shape
# that the patch asks for. Marking all three shapes would score about a third.

# %%
from cbam_course.doctor import by_device

train = make_scenes(by_device(1500, gpu=6000), task="what", seed=10)
settings = {"epochs": 4, "batch_size": 32, "learning_rate": 0.01, "progress": False}
history = fit(attentive, train.dense, (images, masks.float()), **settings)
print(f"mean IoU {history.final:.2f} after {history.seconds:.0f} s")

# %% [markdown]
# Does it read the patch, or has it found another trick? Show it the same scenes with the neighbour's patch, where
# that has another colour, and score its answers by the old masks.

# %%
others = scenes.asked_colour != scenes.asked_colour.roll(1)
with torch.no_grad():
    asked, other = (mean_iou(attentive.eval()(i), masks)[others].mean().item() for i in (images, repainted))
    logits = attentive(torch.stack([images[0], repainted[0]]))
print(f"{others.sum()} scenes: mean IoU with their own patch {asked:.2f}, with another colour {other:.2f}")
plots.show_maps(logits, ["its own patch", "another patch"], columns=2)

# %% [markdown]
# *What to see: two maps of logits for one scene. Nothing but the patch was changed, and the bright region has changed with
# it.*
#
# Repainting 81 pixels in a corner changes the answer on the other side of the image, and the old answer is no longer given.
#
# ## What the table says
#
# One run says little about which summary is better. The table has several seeds for each model, and each model has a
# learning rate chosen on other images (`results/README.md` says how). The measure is mean IoU.

# %%
from cbam_course.statistics import compare, load_results

table = load_results("what-dense")


def mean_of(*models, last_seed=30):
    for model in models:
        runs = table[(table.model == model) & (table.seed <= last_seed)].accuracy
        seeds = f"{runs.mean():.2f} over {len(runs)} seeds" if len(runs) else "no runs in this table yet"
        print(f"{model:20} {seeds}")


mean_of("plain", "plain-long", "se", "channel", "context-mean-max")

# %% [markdown]
# `plain-long` is the plain network trained three times as long. SE and channel attention are far above the plain network
# in every seed. The last row is the rival: **added context** computes the same two summaries through the same kind of
# MLP and *adds* the result to every position. It has the path and no gate.

# %%
print(compare(table, "channel", "se"))
print(compare(table, "context-mean-max", "channel"))

# %% [markdown]
# Both comparisons were registered before the runs. In the first, the maximum was expected to help. The ten seeds do not
# show that it does: what the curves above suggest, the trained networks do not confirm on this task.
#
# The second decides what this lesson may say about gates. Added context brings at least three quarters of what
# channel attention gains over plain. So on this task the *path* brings most of the gain; a gate is one way to build
# it, and adding is another. That the two are equal is not shown.
#
# Average alone, maximum alone, or both? These are *ablations*: the same module with one part left out, trained with
# the first five seeds at the learning rate of the module they come from. All rows below are of these five seeds.
# `channel-average` is SE once more, so the same seeds should repeat its score. The lower rows make the hidden layer
# narrower, for the gate and for added context: the reduction ratio is 8 (`r8`) or 16 (`r16`), elsewhere 4.

# %%
mean_of("se", "channel-average", "channel-max", "channel", last_seed=25)
mean_of("channel-r8", "context-mean-max-r8", "channel-r16", "context-mean-max-r16", last_seed=25)

# %% [markdown]
# The maximum alone does not score below both together. With a narrower hidden layer, added context loses more than
# the gate. Read this as a hint, not as a finding: it was not among the questions asked beforehand. Lesson 05 draws
# this table with spatial attention and CBAM.
#
# ## What this does not show
#
# * **That a gate is needed.** Added context, which has none, gets most of the way.
# * **That the maximum is worth having.** It may be, for smaller cues or in other networks. One broken pixel is enough to
#   fool it (see *If you want more*).
# * **That channel attention knows where anything is.** It is blind to position, like SE: shuffle the pixels of a feature
#   map and neither summary changes. *Where* is the subject of lesson 04.
#
# ## Three questions
#
# <details><summary>1. Why not feed average and maximum side by side into one MLP with 2C inputs?</summary>
#
# It would work and could weigh the two differently. It has 3·C²/r weights instead of 2·C²/r, and it must learn
# by itself that both summaries speak of the same channels.
# </details>
#
# <details><summary>2. All values of a channel are negative. What does the maximum report?</summary>
#
# The value closest to zero, still negative. It becomes 0 only when a ReLU comes first.
# </details>
#
# <details><summary>3. The map has 1 × 1 pixels. What is left of the difference to SE?</summary>
#
# Average and maximum are equal, so the logit is twice that of SE with the same MLP. Training can absorb the factor.
# </details>
#
# ## If you want more
#
# **One pixel of 50.** One channel, 48 × 48, all zeros, with one broken pixel. What does each summary report?

# %% tags=["nbval-check-output"]
broken = torch.zeros(1, 1, 48, 48)
broken[0, 0, 7, 7] = 50.0
print(f"average {broken.mean():.3f}   maximum {broken.max():.0f}")

# %% [markdown]
# The average moves by 0.022; the maximum reports 50, and the whole gate may follow one bad pixel.
#
# **A maximum is only as good as its detector.** Without the 5 × 5 averaging, a single pixel of clutter can be as red as
# the object:

# %%
for window in (1, 3, 5, 7):
    a, b = red_patch(pictures[:300], window), red_patch(empty[300:], window)
    by_average = auc(a.mean((1, 2, 3)), b.mean((1, 2, 3)))
    print(
        f"window {window}: average {by_average:.2f}   maximum {auc(a.amax((1, 2, 3)), b.amax((1, 2, 3))):.2f}"
    )

# %% [markdown]
# With a window of 1 the average tells better than the maximum. The figure further up has a window of 5, chosen from
# these four on these very scenes: it may flatter the maximum.
#
# **Where the maximum's gradient goes.** The gradient of an average reaches every position with the weight 1/(H·W). Where
# does that of a maximum go, and where when two positions tie?

# %% tags=["nbval-check-output"]
for values in ([1.0, 3.0, 8.0], [1.0, 8.0, 8.0]):
    row = torch.tensor(values, requires_grad=True)
    (gradient,) = torch.autograd.grad(row.amax(0), row)
    (single,) = torch.autograd.grad(row.max(0).values, row)
    print(values, " amax", gradient.tolist(), " max(dim)", int((single > 0).sum()), "position")

# %% [markdown]
# To one position alone; `amax` shares it among ties, `max(dim)` gives it all to one of them. Ties are common after a ReLU,
# where a channel may be 0 everywhere. The average keeps every position learning.
#
# ## Sources
#
# * S. Woo, J. Park, J.-Y. Lee, I. S. Kweon: *CBAM: Convolutional Block Attention Module*, ECCV 2018, section 3.1,
#   equation 2.
# * Table: `results/what-dense.csv`, registered in `results/registered/what-dense.toml`; every outcome in
#   `results/README.md`.

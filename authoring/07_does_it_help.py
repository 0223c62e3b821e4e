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
# # 07 · Does it help? Experiments that survive a referee
#
# **You will be able to**
#
# * say what a handful of runs can show: paired by seed, with an interval, and against the strongest simple baselines;
# * find the flaw in a comparison: unequal training or size, the test set used for choosing, the best of n, many comparisons;
# * read a published table of SE and CBAM for what it says, and no more.
#
# **Time** 45 minutes of reading. The cells run in about half a minute on two CPU cores.
#
# **Before this** lesson 05, with its two tasks `where` and `what`. No statistics is needed beyond a mean and a standard deviation.

# %%
from itertools import product

import numpy as np
import torch
from scipy import stats
from torch.nn import functional as F

from cbam_course import fit, make_scenes
from cbam_course.experiments.sweep import run_sweep
from cbam_course.inspection import plots
from cbam_course.networks.small_cnn import SmallCNN
from cbam_course.training.results import load_results
from cbam_course.training.statistics import compare, summarise

# %% [markdown]
# ## The question
#
# Somebody has put a module into a network, trained it, and the accuracy went up. Does the module help? Here are three networks
# on the task `where`, five seeds each: CBAM, channel attention alone, and no attention at all but a head that reads the mean and
# the maximum of each channel (`plain-max`).

# %%
where = load_results("where")
chosen = ["cbam", "channel", "plain-max"]
plots.plot_runs({name: where.accuracy[where.model == name] for name in chosen}, xlabel="accuracy on where")

# %% [markdown]
# *What to see: three rows of five points. The rows overlap: the lowest run of each lies below the highest of each other one.
# The means differ by less than one hundredth.*
#
# Nothing but the seed differs within a row: the scenes drawn, the first weights, the order of the images. Whoever runs each network
# once gets one point of each row, and sees a difference for certain. Which way?
#
# **Predict, then run.** One run of CBAM and one of `plain-max`, with seeds of their own. In which share of the 25 possible
# pairs does the network with the lower mean come out ahead?


# %%
def scores(model):
    return where[where.model == model].sort_values("seed").accuracy.to_numpy()


def wrong_winner(first, second):
    """Share of all pairs in which the model with the lower mean wins; a tie counts half."""
    worse, better = sorted((first, second), key=np.mean)
    return np.mean([(a > b) + 0.5 * (a == b) for a, b in product(worse, better)])


for first, second in (("cbam", "plain-max"), ("cbam", "channel"), ("cbam", "plain")):
    print(f"{first} and {second:10} {wrong_winner(scores(first), scores(second)):.2f}")

# %% [markdown]
# A coin would give 0.50. For `plain-max` one run each picks the wrong winner one time in three; for CBAM and channel attention it does so
# more often than a coin, because two high runs lift CBAM's mean above its other three. A paper written after one run would report
# either order as a discovery. For CBAM against the plain network one run is enough, because there the
# difference is many times as large as the spread. **How many runs are needed depends on the difference that matters to you.**
#
# ## Pairing, by hand
#
# With one seed all models get the same scenes, the same first weights where they share layers, and the same order of images.
# A hard draw of scenes is hard for all of them. So compare within a seed. Five accuracies, small enough to do on paper:

# %% tags=["nbval-check-output"]
first = np.array([0.82, 0.70, 0.78, 0.66, 0.74])
second = np.array([0.80, 0.69, 0.75, 0.65, 0.71])
difference = first - second
print("differences", difference.round(2), "mean", difference.mean().round(3))
print("spread of first ", first.std(ddof=1).round(3))
print("spread of differences", difference.std(ddof=1).round(3))

# %% [markdown]
# The scores wander by 0.06 and the differences by 0.01: what wanders is mostly the luck of the seed, and both share it. The
# 95 % interval of a mean of n numbers with standard deviation s is
#
# $$\bar d \pm t_{n-1}\,\frac{s}{\sqrt n}$$
#
# where $t_{n-1}$ is the 97.5 % quantile of Student's distribution; for five numbers it is 2.78 (not 1.96, which is for many).
#
# **Predict, then run.** Treat the ten numbers first as two independent groups, then as five pairs. Which interval includes 0?

# %% tags=["nbval-check-output"]
half = stats.t.ppf(0.975, 4) * difference.std(ddof=1) / np.sqrt(5)
print(f"by hand   {difference.mean() - half:+.3f} to {difference.mean() + half:+.3f}")
unpaired = stats.ttest_ind(first, second).confidence_interval(0.95)
paired = stats.ttest_rel(first, second).confidence_interval(0.95)
print(f"unpaired  {unpaired.low:+.3f} to {unpaired.high:+.3f}")
print(f"paired    {paired.low:+.3f} to {paired.high:+.3f}")

# %% [markdown]
# The same numbers: unpaired they say nothing, paired they exclude 0. Pairing pays where seeds share luck, as here, and costs little
# where they do not. `compare` does this with a table and says it in words. The two comparisons that were named before the
# table was read (`results/README.md`):

# %%
print(compare(where, "spatial", "plain"))
print(compare(where, "cbam", "plain-max"))

# %% [markdown]
# The second sentence does not say that the two are equal. It says what five seeds leave open: any difference inside the interval.
# That is worth more than "no significant difference", because you can ask whether its ends would matter to you.
#
# ## Confounders: what else differs?
#
# A network with CBAM differs from the plain one in more than a gate. It has more parameters, it takes a maximum over space,
# it may learn faster. Each of these has a baseline of its own, trained with the same seeds: **wider** (at least as many
# parameters as CBAM's), **three times as long**, **mean+max head**, and that with an **MLP**. The gain of each over plain:


# %%
def differences(table, rows):
    """Label -> (differences by seed, low, high), for rows {label: (first, second)}."""
    wide = table.pivot(index="seed", columns="model", values="accuracy")
    result = {}
    for label, (first, second) in rows.items():
        d = compare(table, first, second)
        result[label] = ((wide[first] - wide[second]).dropna(), d.low, d.high)
    return result


models = {"SE": "se", "plain, wider": "plain-wide", "spatial": "spatial", "channel": "channel", "CBAM": "cbam",
          "plain, 3 × as long": "plain-long", "mean+max head": "plain-max", "mean+max head, MLP": "plain-mlp"}  # fmt: skip
rows = {label: (name, "plain") for label, name in models.items()}
plots.plot_differences(differences(where, rows), xlabel="accuracy minus plain")

# %% [markdown]
# *What to see: eight rows of five points with a bar. The bars of SE and of the wider network include 0. All others lie far to the right,
# between about 0.10 and 0.15, the spatial part lowest, the mean+max head with an MLP highest.*
#
# Had the table held plain and CBAM alone, "attention gains 12 points" would have been true and would have misled. Parameters
# explain nothing of it. A maximum in the head explains all of it, and so does longer training.
#
# ### The maximum is itself a gate: a look inside
#
# Why does a mean+max head do so well? We train one network of this kind, one seed, an illustration, and ask where each of its 64
# maxima comes from. The scenes for the question have no noise and no clutter, so that the colour of a pixel tells
# whether it belongs to a distractor.

# %%
train, test = make_scenes(1600, seed=10), make_scenes(500, seed=11)
torch.manual_seed(0)
network = SmallCNN(5, head="mean+max")
settings = {"epochs": 5, "batch_size": 32, "learning_rate": 0.01, "progress": False}
print("accuracy", round(fit(network, train.classification, test.classification, **settings).final, 2))

# %%
from cbam_course.data.shapes import PALETTE

clean = make_scenes(500, seed=12, noise=0, clutter=0)
palette = torch.tensor(list(PALETTE.values()))[None, :, :, None, None]
shapes = ((clean.images[:, None].int() - palette).abs().amax(dim=2) <= 25).any(dim=1)


def cells(mask):
    """(N, 48, 48) -> (N, 36): which cells of the last 6 × 6 map touch the mask."""
    return F.max_pool2d(mask.float()[:, None], 8).flatten(1) > 0


target = cells(clean.masks)
distractor = cells(shapes & ~clean.masks) & ~target
places = {"target": target, "a distractor": distractor, "background": ~target & ~distractor}

# %% [markdown]
# **Predict, then run.** Each channel's maximum is won by one of 36 cells. By chance the target's cells would win one time in nine. How
# often do they win over all channels? And in the eight channels that speak most for the right class (weight of the
# head times maximum)?

# %%
with torch.no_grad():
    maps = network.cpu().eval().blocks(clean.inputs())
winners, maxima = maps.flatten(2).argmax(dim=2), maps.amax(dim=(2, 3))
weights = network.head.classify[-1].weight[:, 64:].detach()
loudest = (weights[clean.labels] * maxima).topk(8, dim=1).indices
print(f"{'':13} {'chance':>7} {'all 64':>7} {'best 8':>7}")
for name, place in places.items():
    won = place.gather(1, winners).float()
    shares = [place.float().mean(), won.mean(), won.gather(1, loudest).mean()]
    print(f"{name:13}" + "".join(f" {share:7.2f}" for share in shares))

# %% [markdown]
# The channels that decide take their maximum on the target in nearly all scenes, and almost never on a distractor, though the
# distractors fill four times as many cells. Nobody told the network where the target is. A maximum over space lets one position
# through and shuts out the 35 others, by the strength of the response: **it is a hard spatial gate, one for each channel**, and
# training learns what makes it open. That is what the spatial gate was to bring, and it costs no module.
#
# ### Accuracy, or speed of learning?
#
# The same networks with half and with twice as many epochs; each with its own schedule, so that each run is complete.

# %%
length = load_results("where-length")
eight = where[where.model.isin(length.model.unique()) & (where.epochs == 8)]
table = {4: length[length.epochs == 4], 8: eight, 16: length[length.epochs == 16]}
means = {epochs: runs.groupby("model").accuracy.mean() for epochs, runs in table.items()}
names = ["plain", "spatial", "cbam", "plain-max"]
lines = {name: [mean[name] for mean in means.values()] for name in names}
plots.plot_lines(lines, x=list(means), xlabel="epochs", ylabel="accuracy, mean of 5 seeds")

# %% [markdown]
# *What to see: four curves that rise and come together. Plain is lowest at 4, 8 and 16 epochs, its distance to the others shrinking with
# each doubling; spatial attention lies between it and the other two at 4 epochs, and with them at 16.*
#
# The same with intervals, paired by seed:

# %%
for epochs, runs in table.items():
    d, e = compare(runs, "cbam", "plain"), compare(runs, "cbam", "plain-max")
    print(
        f"{epochs:2} epochs  cbam minus plain {d.low:+.3f} to {d.high:+.3f}   minus plain-max {e.low:+.3f} to {e.high:+.3f}"
    )

# %% [markdown]
# Most of the gap at 4 epochs is **speed of learning**, and a paper that stops there would report it as accuracy. At 16 epochs
# the plain network is still behind, and the plain head with a maximum is ahead of CBAM, with an interval that excludes 0. (An
# exploratory comparison: nobody named it beforehand.)
#
# On the other task, `what`, the same baseline tells another story:

# %%
for name in ("what", "what-dense"):
    print(f"{name}:", compare(load_results(name), "plain-long", "plain"))

# %% [markdown]
# Three times as many epochs do not help there; on the test images they even cost a little. What the plain network lacks for `what` is not time but a path from the patch to
# the shape, and no training makes one. So ask of every gap separately whether it is one of speed.
#
# ### Less data
#
# 750 images instead of 3,000, and four times as many epochs, so that the number of steps is the same:

# %%
few = load_results("where-few")
print(
    summarise(few, baseline="plain")[["n", "mean", "sd", "difference", "difference_low", "difference_high"]]
    .round(3)
    .to_string()
)
print(compare(few, "cbam", "plain-max"))

# %% [markdown]
# With few images the spread is wider, and the two networks with gates come out ahead of the mean+max head by about three points
# on average. The interval includes 0. A tempting story, "attention helps where data are scarce", has five seeds for it and
# no verdict. What it needs is more seeds, decided before looking.
#
# ## Where and what: a double dissociation
#
# One task alone can always be explained by "a better network". Two tasks and two parts are harder to explain away: one part
# helps with the first and not with the second, the other with the second.

# %%
dense = load_results("what-dense")
rows = {"spatial": ("spatial", "plain"), "channel": ("channel", "plain"), "CBAM": ("cbam", "plain"),
        "added mean and max": ("context-mean-max", "plain")}  # fmt: skip
plots.plot_differences(differences(dense, rows), xlabel="mean IoU on what, dense, minus plain")

# %% [markdown]
# *What to see: the spatial part's five points and its bar lie at 0. Channel attention, CBAM and the network that adds the
# pooled features without a gate lie together far to the right, above 0.4.*
#
# On `where` the spatial part gained ten points (above); on `what`, where the cue is far away, it gains nothing at all, and the channel part
# brings everything. So each part does its own thing. But the channel part helped with `where` as well: the dissociation is
# complete for the spatial part only. And the baseline to beat on the dense task is not plain but *added* context, the same
# summaries without a gate:

# %%
print(compare(dense, "channel", "context-mean-max"))
print(compare(dense, "se", "context-mean"))

# %% [markdown]
# Multiplying beats adding where both read mean and maximum; for the average alone five seeds decide nothing. Most of the gain is the
# path from the whole image to each pixel, and a part of it is the gate.
#
# ## Small objects
#
# CBAM is said to help with small objects. In these tables every shape has exactly the same radius: 3, 5 or 7 pixels. An object of
# radius 3 covers about one hundredth of the image.
#
# **Predict, then run.** For which radius is CBAM's gain over plain largest? Is the gain of the mean+max head over plain smaller?

# %%
radius = load_results("where-radius")
rows = {}
for pixels in (3, 5, 7):
    one = radius[radius.data == f"scenes-where-radius{pixels}"]
    pairs = {
        f"radius {pixels}: CBAM": ("cbam", "plain"),
        f"radius {pixels}: mean+max head": ("plain-max", "plain"),
    }
    rows |= differences(one, pairs)
plots.plot_differences(rows, xlabel="accuracy minus plain")

# %% [markdown]
# *What to see: three pairs of rows, CBAM and the mean+max head. For radius 3 both lie far to the right of 0, for radius 5 less than half
# as far, for radius 7 at 0. Within each pair the two bars lie at the same place.*
#
# The runs were made for these six comparisons, and nobody wrote that down before the first run: by the rule of this course they are
# exploratory, as is how the two compare with each other:

# %%
print(radius.pivot_table(index="model", columns="data", values="accuracy").round(3).to_string())
for pixels in (3, 5, 7):
    print(compare(radius[radius.data == f"scenes-where-radius{pixels}"], "cbam", "plain-max"))

# %% [markdown]
# **The claim holds against the plain network and falls against the better baseline.** The smaller the object, the more CBAM gains over a
# network that ends in an average: an average over 2,304 pixels drowns it. And the head with a maximum gains as much, at every
# size. At radius 7 all networks are near 1: there is no room for a gain, and such a table would say "attention brings nothing" about
# the same module. (There the mean+max head is even ahead of CBAM by three thousandths, with an interval that excludes 0: an
# exploratory comparison, and too small to matter.) What a benchmark can show depends on what it leaves open.
#
# The same question about company: 1 or 8 distractors instead of 4.

# %%
crowd = load_results("where-distractors")
for number in (1, 8):
    one = crowd[crowd.data == f"scenes-where-distractors{number}"]
    print(f"{number} distractors:", one.groupby("model").accuracy.mean().round(3).to_dict())
    if one.groupby("model").seed.nunique().min() >= 5:
        print(compare(one, "cbam", "plain"), compare(one, "cbam", "plain-max"), sep="\n")

# %% [markdown]
# With eight distractors the plain network is lower than with one, for more of what its average holds is misleading; the networks with a gate or a
# maximum hardly change. So CBAM's gain over plain is somewhat larger in a crowd. Against the mean+max head both intervals include 0:
# the same pattern as with small objects.
#
# ## Photographs: a null result is a result
#
# Scenes were built so that parts can be told apart. CIFAR-10 was not. ResNet-20 with SE or CBAM in every block, trained on a
# stratified subset with equally many images of each class, five seeds:

# %%
cifar = load_results("cifar10")
print("images", cifar.images.unique(), "epochs", cifar.epochs.unique())
print(summarise(cifar)[["n", "mean", "sd", "low", "high"]].round(3).to_string())
for first, second in (("se", "plain"), ("cbam", "plain"), ("cbam", "se")):
    print(compare(cifar, first, second))

# %% [markdown]
# All three comparisons are exploratory: none was written down before the runs. Read the three sentences before any story about
# them. Whatever they say, they say it about this subset, this short training and this network; an accuracy far below what the network reaches with all images and a full recipe means that it is still learning.
# An interval that includes 0 tells how large an effect may have been missed: its two ends. That is a finding to keep, because the
# drawer in which null results lie is one reason why published gains look larger than they are.
#
# With a GPU the next cell asks the same with more than twice as many images. Each finished run is kept (in Colab in your Drive), so that a
# session that breaks off costs one run at most, and you may interrupt it. Its minutes depend on the GPU; we had none to measure them.

# %%
from cbam_course.data.cifar10 import DataNotFound, load_cifar10
from cbam_course.doctor import device
from cbam_course.storage import course_home

if device().type == "cuda":
    try:
        load_cifar10("train"), load_cifar10("test")
        larger = run_sweep("cifar10", ["plain", "cbam"], seeds=5, epochs=10, images=10_000, learning_rate=0.01,
                           out=course_home() / "results" / "cifar10-larger.csv")  # fmt: skip
        print(compare(larger, "cbam", "plain"))
    except DataNotFound as reason:
        print(reason)
else:
    print("There is no GPU here; the lesson goes on without this sweep.")

# %% [markdown]
# ## A sweep of your own
#
# One function runs an experiment: data, models, seeds. It keeps each finished run in a file, so that it can be stopped and started again. Two
# seeds, three epochs, 900 images: enough to see it work.

# %%
sweep = run_sweep("scenes-where", ["plain", "spatial"], seeds=2, epochs=3, images=900, learning_rate=0.01, jobs=1,
                  out=course_home() / "results" / "my-first-sweep.csv", progress=False)  # fmt: skip
print(sweep[["model", "seed", "accuracy", "seconds"]].to_string(index=False))
print(compare(sweep, "spatial", "plain"))

# %% [markdown]
# `compare` refuses a claim: two seeds are too few. Run the cell again: the rows come from the file, at once. The same from a shell,
# for as long as you like:
#
# `python -m cbam_course sweep --data scenes-where --models plain,plain-max,cbam --seeds 5 --epochs 8 --images 3000 --out mine.csv`
#
# ## Many comparisons
#
# Try modules until one works, and one will. A simulation in which **no** module does anything: scores of five seeds around one
# and the same mean, twelve modules against one baseline, two thousand papers.

# %% tags=["nbval-check-output"]
rng = np.random.default_rng(0)
runs = rng.normal(0.8, 0.01, size=(2000, 13, 5))
p = stats.ttest_rel(runs[:, 1:], runs[:, :1], axis=2).pvalue
print("papers with a module that helps or harms:", (p.min(axis=1) < 0.05).mean().round(2))
print("the same with Bonferroni's 0.05 / 12:    ", (p.min(axis=1) < 0.05 / 12).mean().round(2))
best = runs[:, 0].max(axis=1) - runs[:, 0].mean(axis=1)
print("best of five minus mean of five:         ", best.mean().round(4))

# %% [markdown]
# More than a third of these papers have something to report, and nothing is there. (All twelve comparisons share the five runs of one
# baseline; the exercise asks for independent ones, which is worse.) Bonferroni's cure is to divide the level by the number of
# comparisons; Holm's is as safe and less strict: the smallest p-value against 0.05/12, the next against 0.05/11, and so on, until the first
# that fails. The better cure is to name one or two comparisons beforehand and call the others exploratory, as `results/README.md` of this
# course does.
#
# The last line is the price of **best of n**. The best of five runs lies above their mean by more than a standard deviation (0.01 here),
# without any module. A table that reports the best run of one model beside the mean of another has its gain built in. The
# same happens when the **test set** chooses: the epoch, the learning rate, the seed that look best on it look best partly by
# luck on these images. Choose on a validation set, and open the test set once.
#
# ## Reading a published table
#
# Replications of SE and CBAM, as their sources report them; none is re-measured here.
#
# | source | result |
# |---|---|
# | implus/PytorchInsight, ImageNet, one recipe | ResNet-50: 76.38 plain, 77.18 SE, 77.63 CBAM · ResNet-101: 78.20 plain, 78.47 SE, 78.35 CBAM |
# | timm's results file, 288 px | recipe a1: ResNet-50 81.21, with SE 81.10 · recipe a2: 80.77 and 81.11 |
# | timm's comment in `cbam.py` | mixed results; can reduce performance significantly, fine-grained tasks named |
# | DIOR, Faster R-CNN ResNet-50 (MUST-AI-Lab) | plain 70.9 mAP; SE in the backbone 69.9 to 70.4, CBAM in the backbone 69.2 to 69.8, CBAM in the neck 71.2 to 72.0 |
# | CIFAR-10, 5 runs, best (ai-huang) | SE-ResNet-20 +0.4 points; SE-ResNet-110 and -164 did not converge |
# | users, CBAM put into a pretrained network | accuracy drops: Jongchan/attention-module#24, argusswift/YOLOv4-pytorch#240, ultralytics#22856 |
#
# They disagree, and you can now say why that is no scandal. Ask each row: how many runs per cell, and is a spread given? Best or mean? The same
# recipe on both sides, and was it tuned for one of them? How many modules, places and settings were tried? Was the plain network given a
# comparable head, size, and training? In the first row CBAM leads at one depth and SE at the other; with one run per cell both leads may
# be luck. In the second, the sign of SE's effect depends on the recipe. In the fourth, the place mattered more than the module.
#
# ## What we can say now
#
# The claims that this course set out with, each with its table and the verdict of its runs:

# %%
count = where.groupby("model").parameters.first()
print(
    f"light: {count['plain']:,} parameters, with CBAM {count['cbam']:,}, more by {count['cbam'] / count['plain'] - 1:.0%}"
)
small, tuned = radius[radius.data == "scenes-where-radius3"], load_results("finetune")
verdicts = {"plugged in": (tuned, "cbam", "plain"), "as identity": (tuned, "cbam-identity", "plain"),
            "where": (where, "spatial", "plain"), "where, fair": (where, "cbam", "plain-max"),
            "segmentation": (dense, "channel", "plain"), "the gate": (dense, "channel", "context-mean-max"),
            "not its part": (dense, "spatial", "plain"),
            "small objects": (small, "cbam", "plain"), "small, fair": (small, "cbam", "plain-max"),
            "photographs": (cifar, "cbam", "plain")}  # fmt: skip
for claim, (table, first, second) in verdicts.items():
    d = compare(table, first, second)
    print(f"{claim:14} {first:13} minus {second:17} {d.mean:+.3f}  ({d.low:+.3f} to {d.high:+.3f})")

# %% [markdown]
# * **Light**: in multiply-adds, yes. In parameters about a tenth, in a ResNet-50 (lesson 05) as here, where r = 4. In time, no (lesson 05).
# * **Plug-and-play**: the shapes fit everywhere. In our fine-tuning CBAM inserted plainly came out ahead of no attention, and inserted as
#   the identity no different from it; users report falls. Measure it on your network (lesson 06).
# * **Which channels, and where**: yes, the parts do what their names say, on tasks that need it. Spatial attention helps with *where* and
#   not with *what*; channel attention carries *what* to every pixel, and through its maximum helps with *where* too.
# * **Better than simple baselines**: not for classification here. A mean+max head does as well, at less cost.
# * **Small objects**: yes against a network that averages; no against one that also takes a maximum.
# * **Segmentation**: a global path helps greatly; the gate adds a part to what plain addition brings.
# * **Better on photographs**: our runs are too small to promise it, and published replications disagree. Run your own.
#
# ## What this does not show
#
# * Five seeds give wide intervals. They find large effects and leave small ones open, and a tenth of a point on ImageNet is small.
# * The t interval assumes differences that scatter roughly normally. Where single runs fail as a whole, as on `what` (lesson 05), look at
#   the points.
# * The seeds draw scenes and weights together. The intervals speak about this procedure, not about one fixed data set.
# * One learning rate per table. With 0.01 instead of 0.003 the plain network learns `where` in 8 epochs, too (0.94, one run of seed 0;
#   `results/README.md`). The gains above are gains under the setting of the table.
#
# ## Three questions
#
# <details><summary>1. Two 95 % intervals of two means overlap. Does that show that the models do not differ?</summary>
#
# No. The intervals of the means contain the luck of the seed, which paired runs share. The interval of the paired
# difference may exclude 0, as in the example by hand. Compare differences.
# </details>
#
# <details><summary>2. After five seeds the interval barely includes 0. You run five more, and then it excludes 0. What is wrong?</summary>
#
# The number of runs was decided by the result. Whoever stops as soon as the interval excludes 0, and goes on otherwise, gets more
# false alarms than 5 %. Decide the number beforehand, or start anew with fresh seeds.
# </details>
#
# <details><summary>3. The plain network reaches 0.999 and so does CBAM. Is CBAM useless?</summary>
#
# The task cannot tell: there is no room for a gain, as with radius 7. Choose a task on which the baseline leaves something to do.
# </details>
#
# ## Sources
#
# * S. Woo, J. Park, J.-Y. Lee, I. S. Kweon: *CBAM: Convolutional Block Attention Module*, ECCV 2018; J. Hu, L. Shen, G. Sun:
#   *Squeeze-and-Excitation Networks*, CVPR 2018.
# * S. Holm: *A simple sequentially rejective multiple test procedure*, Scandinavian Journal of Statistics 6, 1979.
# * Replications: as named in the table, quoted and not re-measured.
# * Tables: `results/where.csv`, `where-length.csv`, `where-few.csv`, `where-radius.csv`, `where-distractors.csv`, `what-dense.csv`,
#   `cifar10.csv` and `finetune.csv`, made by `python -m cbam_course sweep`; `results/README.md` has conditions and primary comparisons.

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
# # 09 · What it costs: time, memory, and how to make it cheap
#
# **You will be able to**
#
# * count how often a module reads and writes the feature map, and say why that decides its time;
# * measure time and memory so that the numbers mean something, and find the slow line with a profiler;
# * judge whether attention is worth its price, against longer training and a plainer layer.
#
# **Time** 35 minutes of reading. The cells run in under half a minute on one CPU core; a GPU is not needed.
#
# **Before this** lesson 06: attention in a whole network.

# %%
import os
import statistics
import time

os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler is to say nothing of its own start

import torch
from torch import nn
from torch.nn import functional as F

from cbam_course import CBAM, SqueezeExcitation, count_cost, insert_attention, predict, reveal
from cbam_course.attention.fused import fuse
from cbam_course.inspection import plots
from cbam_course.inspection.cost import count_traffic, measure_cost, measure_machine
from cbam_course.inspection.plots.roofline import plot_roofline
from cbam_course.statistics import load_benchmark, load_results

clock = time.process_time if os.name == "posix" else time.perf_counter  # Windows counts it in steps of 16 ms
_ = torch.manual_seed(0)
torch.set_num_threads(1)  # with several threads we would also measure how they wait for each other

# %% [markdown]
# ## The question
#
# Both papers call their module light, and count multiply-adds to show it. Here is a ResNet-50 with SE and with CBAM on every
# branch, compared with the plain one. Two columns are counted now. The seconds come from `benchmarks/attention.csv`, a table that was
# measured once, with all networks taking turns on one thread.
#
# **Predict, then run.** CBAM adds half a percent of multiply-adds. How many percent of time does it add?

# %%
from torchvision.models import resnet50

predict("09-time-of-cbam", None)
timings = load_benchmark("attention")
whole = timings[(timings.group == "ResNet-50 at 112 px") & (timings["memory format"] == "contiguous_format")]
plain, more = count_cost(resnet50(), (4, 3, 112, 112)), {}
for name, attention in (("SE", SqueezeExcitation), ("CBAM", CBAM)):
    cost = count_cost(insert_attention(resnet50(), attention), (4, 3, 112, 112))
    ratios = whole[whole.what == name].set_index("mode").ratio
    more[name] = 100 * torch.tensor(
        [cost.parameters / plain.parameters, cost.macs / plain.macs, ratios["evaluation"], ratios["training"]]
    ).sub(1)
    print(name, "adds in percent:", [round(value, 2) for value in more[name].tolist()])
print("measured with", *timings[["processor", "torch", "date"]].iloc[0])
reveal("09-time-of-cbam", round(more["CBAM"][2].item()), tolerance=4)

# %%
names = ["parameters", "multiply-adds", "seconds,\nevaluation", "seconds,\ntraining"]
plots.plot_gates(more, names, ylabel="% more than plain", limits=None, height=3.0)

# %% [markdown]
# *What to see: four pairs of bars, SE and CBAM. Both have a tenth more parameters. The bars of the multiply-adds can hardly be seen. Those of
# the seconds can, and CBAM's are the higher ones.*
#
# CBAM adds less than one percent of multiply-adds, and many times that share of the time. So multiply-adds do not tell the time. What does?
#
# ## Passes
#
# A gate computes next to nothing: one multiplication for each number of the map. But to do so the processor has to fetch the number
# from memory and put the product back, and that takes much longer than the multiplication. So count **passes**: one pass is the whole
# feature map read once and written once. An operation that only reads it, such as a mean, is half a pass. What is small beside the
# map (a pool, a gate) counts nothing.
#
# By hand, for CBAM as lesson 05 wrote it:
#
# | step | reads the map | writes a map | passes |
# |---|---|---|---|
# | mean of each channel | once | – | ½ |
# | maximum of each channel | once | – | ½ |
# | times the channel gate | once | once | 1 |
# | mean over channels | once | – | ½ |
# | maximum over channels | once | – | ½ |
# | times the spatial gate | once | once | 1 |
#
# That makes 4. SE has a mean (½) and a product (1): 1½. The same count by code: torch lets us watch every operation as it runs.

# %%
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Passes(TorchDispatchMode):
    """Adds up, and prints, what operations read and write, in passes over x."""

    def __init__(self, x):
        super().__init__()
        self.pass_, self.total = 2 * x.numel(), 0.0

    def __torch_dispatch__(self, function, types, arguments=(), settings=None):
        result = function(*arguments, **(settings or {}))
        tensors = [t for t in tree_leaves((arguments, result)) if isinstance(t, torch.Tensor)]
        passes = 0 if function.is_view else sum(t.numel() for t in tensors) / self.pass_
        self.total += passes
        if passes > 0.1:
            print(f"{function.__name__:24} {passes:.2f}")
        return result


# %%
x, cbam = torch.randn(16, 256, 28, 28), CBAM(256).eval()
with torch.no_grad(), Passes(x) as counted:
    cbam(x)
print(
    f"in all {counted.total:.2f}; the package counts {count_traffic(cbam, x).evaluation_moved / (8 * x.numel()):.2f}"
)

# %% [markdown]
# The hundredths are the pools, the gates and the weights. The package's `count_traffic` does the same with bytes (8 for one number read and written
# in float32), and looks at training too.
#
# How few could it be? The spatial gate needs the whole map gated by channel, and that gate needs the whole map: two reads. The
# product needs a third, and one write. So the **floor** of CBAM is 2 passes, and SE's is the 1½ that it has.
#
# ## A measurement that means something
#
# Seconds are harder to get right than counts. Five rules help. *Warm up*: the first call allocates memory and chooses algorithms. *Take turns*: every
# candidate once in each round, so that a busy moment hits all alike. *Take the median*: one interruption does not move it. *Compare
# with a unit*: here `x * 1.0`, exactly one pass. And on one thread, *read the right clock*: processor time leaves out the turns that other programs had.


# %%
def medians(work, rounds=12):
    """Seconds of each piece of work; two rounds warm up."""
    seconds = {name: [] for name in work}
    for _ in range(rounds + 2):
        for name, run in work.items():
            start = clock()
            run()
            seconds[name].append(clock() - start)
    return {name: statistics.median(values[2:]) for name, values in seconds.items()}


# %% [markdown]
# **Predict, then run.** If time were passes, CBAM would take the time of 4 units. How many does it take?

# %%
predict("09-units-of-cbam", None)
se = SqueezeExcitation(256).eval()
with torch.no_grad():
    found = medians({"x * 1.0": lambda: x * 1.0, "SE": lambda: se(x), "CBAM": lambda: cbam(x)})
for name, seconds in found.items():
    print(f"{name:8} {1e3 * seconds:6.2f} ms  {seconds / found['x * 1.0']:5.1f} units")
reveal("09-units-of-cbam", round(found["CBAM"] / found["x * 1.0"], 1), tolerance=2)

# %% [markdown]
# Compare the last column with 1½ and 4. In the committed table, on this shape, SE comes near its passes, and CBAM takes clearly more units
# than its 4. Passes are a *lower limit*: an operation can be slower than its bytes. Which one is?
#
# ## Where the time goes
#
# Ask a **profiler**. It notes for every operation how long it took. We give it CBAM as tutorials write it, with `AdaptiveMaxPool2d` and
# `torch.max(dim=1)`. The weights are those of our CBAM.


# %%
class Tutorial(CBAM):
    def channel_maximum(self, x):
        return F.adaptive_max_pool2d(x, 1).flatten(1)

    def spatial_maximum(self, x):
        return torch.max(x, dim=1, keepdim=True)[0]

    def forward(self, x):
        mlp = self.channel.mlp
        logit = mlp(F.adaptive_avg_pool2d(x, 1).flatten(1)) + mlp(self.channel_maximum(x))
        x = x * torch.sigmoid(logit)[:, :, None, None]
        maps = torch.cat([x.mean(1, keepdim=True), self.spatial_maximum(x)], dim=1)
        return x * torch.sigmoid(self.spatial.conv(maps))


# %%
from torch.profiler import ProfilerActivity, profile


def where_the_time_goes(run, rows=5):
    with profile(activities=[ProfilerActivity.CPU]) as record:
        for _ in range(5):
            run()
    events = sorted(record.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    for event in events[:rows]:
        print(f"{event.key:32} {event.self_cpu_time_total / total:4.0%}")


# %% [markdown]
# **Predict, then run.** Six steps touch the map. Which two take most of the time?

# %%
tutorial = Tutorial(256).eval()
tutorial.load_state_dict(cbam.state_dict())
with torch.no_grad():
    torch.testing.assert_close(tutorial(x), cbam(x))
    where_the_time_goes(lambda: tutorial(x))

# %% [markdown]
# Look for `adaptive_max_pool2d` and for `max`: on our machines they stand at the top. Both do more than was asked. They also note *where* the
# maximum stands (its **index**), for a gradient that nobody wants here, and the loop that does so cannot compare eight or sixteen numbers at a
# time. `amax` returns values only.
#
# ## Faster, step by step
#
# First step: `amax` for the channels' maxima. Second step: `amax` over the channels too, which is the CBAM of lesson 05. Neither changes the number of
# passes.
#
# **Predict, then run.** How much of the time does each step save in evaluation? And in training, forward and backward pass together?


# %%
class FirstStep(Tutorial):
    def channel_maximum(self, x):
        return x.amax((2, 3))


class SecondStep(FirstStep):
    def spatial_maximum(self, x):
        return x.amax(1, keepdim=True)


steps = {"tutorial": Tutorial(256), "first step": FirstStep(256), "second step": SecondStep(256)}
grad = torch.randn_like(x)


def train_once(module):
    inputs = x.detach().requires_grad_()
    module(inputs).backward(grad)
    module.zero_grad()


# %%
def compare_steps():
    with torch.no_grad():
        evaluation = medians({name: lambda m=m: m(x) for name, m in steps.items()})
    training = medians({name: lambda m=m: train_once(m) for name, m in steps.items()}, rounds=6)
    print("share of the tutorial's time    evaluation  training")
    for name in steps:
        shares = [found[name] / found["tutorial"] for found in (evaluation, training)]
        print(f"{name:32}{shares[0]:9.2f}{shares[1]:10.2f}")


compare_steps()

# %% [markdown]
# In evaluation the steps help. In training they do not: in the committed table, on this shape, the CBAM of the second step even takes
# longer than the tutorial's. Profile the training of the second step to see why.

# %%
where_the_time_goes(lambda: train_once(steps["second step"]), rows=6)
print("\nthe gradient of one amax, in passes:")
inputs = x.clone().requires_grad_()
peak = inputs.amax((2, 3)).sum()
with Passes(x) as counted:
    peak.backward()

# %% [markdown]
# `amax` is quick because it forgets where the maximum was. So its gradient has to look for it: it compares the whole map with the
# maxima (`eq`, a mask as large as the map), counts ties (`sum`) and multiplies (`mul`). All that for a handful of
# numbers that are not zero. The index that was a waste in evaluation is worth something in training.
#
# The third step has the best of both. A `torch.autograd.Function` lets one write forward and backward pass by hand. The package's
# `fuse(module)` does that: it remembers the place of each maximum by a trick that needs no slow loop, adds the few gradients there, works on a few images at a time so
# that they stay in the processor's cache, and keeps less for the backward pass. The numbers must stay the same, gradients included:

# %%
fused, inputs = fuse(CBAM(256)), x[:2].clone().requires_grad_()
fused.load_state_dict(steps["second step"].state_dict())
ours, theirs = fused(inputs), steps["second step"](inputs)
torch.testing.assert_close(ours, theirs)
torch.testing.assert_close(*(torch.autograd.grad(y, inputs, grad[:2])[0] for y in (ours, theirs)))
steps["third step: fuse"] = fused
compare_steps()

# %% [markdown]
# Look at the last row: it should be the smallest in training. In the committed table, on three shapes, the fused CBAM trains in less time than the readable one, timm's and
# the authors' construction.
#
# ## Memory
#
# Evaluation forgets every map as soon as the next is made. Training keeps what the gradients will need: the product $x \cdot g$ has the gradient $g$ for
# x, and for g it needs **x**. CBAM has two such products, of x and of the gated map.
#
# **Predict, then run.** How many maps of the size of x does CBAM keep for the backward pass? Which does the fused one not keep, and how can it do without?

# %%
predict("09-maps-kept", None)
size = x.numel() * x.element_size()
kept = {"SE": SqueezeExcitation(256), "CBAM": CBAM(256), "CBAM, fused": fused}
for name, module in kept.items():
    traffic = count_traffic(module, x)
    saved, peak = traffic.saved / size, traffic.training_peak / size
    print(f"{name:12} keeps {saved:.2f} maps; at most {peak:.2f} in use at once in training")
reveal("09-maps-kept", round(count_traffic(kept["CBAM"], x).saved / size), tolerance=0.1)

# %% [markdown]
# The fused module keeps x alone. The gated map is x times a small gate, so it can be multiplied again. That costs a pass and saves a map.
# These are counts, the same on every machine. Sixteen blocks keep sixteen such maps more or less, and that helps to decide which batch fits
# on a card.
#
# ## The roofline
#
# One picture shows which layers are limited by memory at all. A machine moves so many bytes a second and does so many
# operations a second. A layer that does many operations for each byte is limited by arithmetic, one that does few by memory. The product with a
# gate does 1 operation for 8 bytes. A 3×3 convolution from 256 to 256 channels does 2 · 9 · 256 operations for each number it reads and writes: 576 for each byte.

# %%
layers = {"3×3 convolution": nn.Conv2d(256, 256, 3, padding=1), "1×1 convolution": nn.Conv2d(256, 256, 1),
          "SE": SqueezeExcitation(256), "CBAM": CBAM(256), "CBAM, fused": fuse(CBAM(256))}  # fmt: skip
measured, machine = measure_cost(layers, (4, 256, 28, 28), rounds=5), measure_machine()
print(
    f"here: {machine.bandwidth / 1e9:.0f} GB/s, {machine.arithmetic / 1e9:.0f} billion operations per second"
)
plot_roofline(measured, machine)

# %% [markdown]
# *What to see: a roof that rises to the right and becomes level, and five points below or near it. The convolutions lie far to the right, near the level part.
# SE and CBAM lie far to the left, where the roof is low: they do few operations a second because they wait for bytes.*
#
# (This is evaluation, where the fused CBAM need not be the quicker one; its gain was in training.) So a faster multiplication would not
# help a gate. What helps is to move fewer bytes, or to read them in order:
#
# * **bfloat16** halves the bytes of each number.
# * **channels_last** stores the channels of a position side by side. Then a mean over the channels reads memory in order.
# * **`torch.compile`** writes one loop for several operations and so saves passes by itself. It needs a C++ compiler, which many computers
#   lack; the course does without.

# %%
block = timings[(timings.group == "CBAM") & (timings["shape"] == "16x256x28x28")]
chosen = block[block.what.isin(["naive", "readable", "fused", "timm", "torch.compile"])]
print(chosen.pivot_table("milliseconds", "what", ["mode", "memory format"]).round(1).to_string())

half, halved = x.bfloat16(), CBAM(256).bfloat16().eval()
with torch.no_grad():
    found = medians({"float32": lambda: cbam(x), "bfloat16": lambda: halved(half)})
print("\nhere, evaluation:", {name: f"{1e3 * seconds:.1f} ms" for name, seconds in found.items()})

# %% [markdown]
# *naive* is the tutorial, *readable* ours. Whether bfloat16 pays depends on the processor: some convert every number to float32 and back. Measure before you believe.
#
# ## When it is worth its price
#
# A network that takes longer for each step has to be compared with one that uses those seconds otherwise: by training longer, or with another layer.
# The tables of lessons 03 and 04 hold the seconds of each run. (Other programs ran beside them: read factors, not tenths.)

# %%
points = {}
for name in ("near-long", "what-dense"):
    runs = load_results(name).groupby("model")[["accuracy", "seconds"]].median()
    runs = runs.loc[["plain", "plain-long", "channel", "spatial", "cbam", "wide-kernel"]]
    print(name, (runs.assign(times=runs.seconds / runs.seconds["plain"])).round(2).to_string(), sep="\n")
    points[name] = runs
near = {model: tuple(row) for model, row in points["near-long"][["seconds", "accuracy"]].iterrows()}
plots.plot_points(near, xlabel="seconds of training", ylabel="mean IoU on near")

# %% [markdown]
# *What to see: six points, score against seconds. `plain-long`, three times the training, lies at the far right and at the bottom. CBAM and the wide kernel
# lie at the top, a little to the right of plain.*
#
# On `near`, three times the training costs the plain network more seconds than CBAM needs, and it stays below half of CBAM's score. On
# `what`, channel attention scores more than twice as high as the plain network with three times its training. There attention is worth its
# seconds: no length of training teaches a network what it cannot see. But a wider kernel does on `near` what CBAM does, in no more seconds.
#
# And where nothing is out of reach? On `where`, each at the rate that its validation images chose, CBAM is not ahead of the plain
# network and takes more seconds (lesson 07). There the price buys nothing.
#
# ## What this does not show
#
# * Everything here was one thread of a processor. A graphics card has a roof of another shape, starts every operation with a fixed delay, and fuses
#   differently. `python -m cbam_course cost` measures on your processor, with your network.
# * On small maps the time is that of calling operations, not of moving bytes. In a whole ResNet-50 at 112 pixels most maps are small, and
#   fusing changes its time little in the table.
# * Seconds on a busy machine are not yours alone. Counts do not have that trouble.
# * A price per run says nothing about the tuning that came before it.
#
# ## Three questions
#
# <details><summary>1. A paper says "only 0.1 % more FLOPs". What do you ask?</summary>
#
# How much longer a step takes, in training and in evaluation, on which machine, and how much more memory it keeps. FLOPs leave out
# pools and products, which are all that a gate does.
# </details>
#
# <details><summary>2. You merge the two products of CBAM into one, x · (channel gate · spatial gate). How many passes are saved, and what does it change?</summary>
#
# The spatial gate reads the map gated by channel. If it reads x instead, that is another module. If it is to stay CBAM, the gated
# values are still needed for the two pools, but they need not be written: that is the floor, 2 passes, and takes a loop of your own or a compiler.
# </details>
#
# <details><summary>3. Your gate takes 8 % of a training step. A colleague wants to make it twice as fast. What can that save?</summary>
#
# 4 % of the step. The other 92 % stay. Profile the whole step before you make a part of it faster.
# </details>
#
# ## If you want more
#
# `torch.compile(module)` makes a compiled copy where a C++ compiler is at hand. The fused modules step aside for it. `benchmarks/README.md` says how close
# each comes to the floor, and where it does not.
#
# ## Sources
#
# * S. Williams, A. Waterman, D. Patterson: *Roofline: an insightful visual performance model*, Communications of the ACM 52(4), 2009.
# * S. Woo et al.: *CBAM*, ECCV 2018: table 1 (parameters and FLOPs). J. Hu et al.: *Squeeze-and-Excitation Networks*, CVPR 2018: section 4.
# * N. Ma et al.: *ShuffleNet V2*, ECCV 2018: FLOPs are no measure of time; memory access counts.
# * PyTorch documentation: `torch.profiler`, *Extending PyTorch* (`autograd.Function`), *Channels last memory format*.
# * `benchmarks/attention.csv`; `results/near-long.csv`, `what-dense.csv`, `where.csv`.

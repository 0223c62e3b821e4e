/* The networks, computed as PyTorch does: every intermediate is float32, every sum is double precision. */

const PADDING = {
  zeros: (i, n) => (i < 0 || i >= n ? -1 : i),
  reflect: (i, n) => (i < 0 ? -i : i >= n ? 2 * n - 2 - i : i),
  replicate: (i, n) => Math.min(Math.max(i, 0), n - 1),
};
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const largest = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);

/* Base64 to an array of bytes or of floats. */
function decode(text, Kind = Float32Array) {
  return new Kind(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}

/* A 3×3 convolution with a border of zeros, without bias: x (inputs, H, W) -> (outputs, H, W). */
function convolve(x, weight, inputs, outputs, height, width) {
  const result = new Float32Array(outputs * height * width);
  const sums = new Float64Array(height * width);
  for (let o = 0; o < outputs; o++) {
    sums.fill(0);
    for (let i = 0; i < inputs; i++) {
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) {
          const w = weight[((o * inputs + i) * 3 + dy + 1) * 3 + dx + 1];
          const bottom = Math.min(height, height - dy), right = Math.min(width, width - dx);
          for (let r = Math.max(0, -dy); r < bottom; r++) {
            const from = (i * height + r + dy) * width + dx, to = r * width;
            for (let c = Math.max(0, -dx); c < right; c++) sums[to + c] += w * x[from + c];
          }
        }
      }
    }
    result.set(sums, o * height * width);
  }
  return result;
}

/* BatchNorm with its stored statistics. */
function normalise(x, [weight, bias, average, variance], eps) {
  const pixels = x.length / weight.length;
  return x.map((value, i) => {
    const c = Math.floor(i / pixels);
    return ((value - average[c]) / Math.sqrt(variance[c] + eps)) * weight[c] + bias[c];
  });
}

/* The largest of each 2×2 pixels. */
function poolPairs(x, channels, height, width) {
  const h = height >> 1, w = width >> 1, result = new Float32Array(channels * h * w);
  for (let c = 0; c < channels; c++) {
    for (let r = 0; r < h; r++) {
      for (let k = 0; k < w; k++) {
        const at = (c * height + 2 * r) * width + 2 * k;
        result[(c * h + r) * w + k] = Math.max(x[at], x[at + 1], x[at + width], x[at + width + 1]);
      }
    }
  }
  return result;
}

/* A linear layer: weight (outputs, inputs), bias (outputs). */
function linear(x, weight, bias) {
  return Float32Array.from(bias, (start, o) => {
    let sum = start;
    for (let i = 0; i < x.length; i++) sum += weight[o * x.length + i] * x[i];
    return sum;
  });
}

const relu = (x) => x.map((value) => Math.max(0, value));

/* Mean and maximum of each channel over its positions. */
function poolPositions(x, channels) {
  const pixels = x.length / channels;
  const parts = Array.from({ length: channels }, (_, c) => x.subarray(c * pixels, (c + 1) * pixels));
  return { mean: Float32Array.from(parts, mean), max: Float32Array.from(parts, largest) };
}

/* Mean and maximum of each position over the channels. */
function poolChannels(x, channels) {
  const pixels = x.length / channels;
  const sums = new Float64Array(pixels), most = new Float32Array(pixels).fill(-Infinity);
  for (let i = 0; i < x.length; i++) {
    sums[i % pixels] += x[i];
    most[i % pixels] = Math.max(most[i % pixels], x[i]);
  }
  return { mean: Float32Array.from(sums, (sum) => sum / channels), max: most };
}

function channelGate(gate, x, channels) {
  const pools = poolPositions(x, channels), steps = {}, sum = new Float32Array(gate.hidden);
  for (const pool of gate.pools) {
    const hidden = relu(linear(pools[pool], gate.first, gate.first_bias));
    Object.assign(steps, { [pool]: pools[pool], [`hidden.${pool}`]: hidden });
    hidden.forEach((value, j) => { sum[j] += value; });
  }
  steps.logit = linear(sum, gate.second, gate.second_bias);
  steps.gate = steps.logit.map(sigmoid);
  return steps;
}

/* Where the kernel's window over one position reads: for each of its k × k pixels an index, or -1 for a zero. */
function windowAt(gate, row, column, height, width) {
  const half = gate.side >> 1, place = PADDING[gate.padding], indices = [];
  for (let dy = -half; dy <= half; dy++) {
    for (let dx = -half; dx <= half; dx++) {
      const r = place(row + dy, height), c = place(column + dx, width);
      indices.push(r < 0 || c < 0 ? -1 : r * width + c);
    }
  }
  return indices;
}

function spatialGate(gate, x, channels, height, width) {
  const pools = poolChannels(x, channels), area = gate.side * gate.side;
  const logit = Float32Array.from(pools.mean, (_, position) => {
    let sum = 0;
    windowAt(gate, Math.floor(position / width), position % width, height, width).forEach((at, k) => {
      if (at >= 0) sum += gate.kernel[k] * pools.mean[at] + gate.kernel[area + k] * pools.max[at];
    });
    return gate.scale * sum + gate.shift;
  });
  return { ...pools, logit, gate: logit.map(sigmoid) };
}

function applyGate(kind, x, gate, channels) {
  const pixels = x.length / channels;
  return x.map((value, i) => value * gate[kind === "channel" ? Math.floor(i / pixels) : i % pixels]);
}

/* Bilinear interpolation to a larger size, corners not aligned. */
function enlarge(x, h, w, height, width) {
  const along = (i, from, to) => {
    const at = Math.max(0, ((i + 0.5) * from) / to - 0.5), low = Math.min(Math.floor(at), from - 1);
    return [low, Math.min(low + 1, from - 1), at - low];
  };
  return Float32Array.from({ length: height * width }, (_, i) => {
    const [top, bottom, v] = along(Math.floor(i / width), h, height), [left, right, u] = along(i % width, w, width);
    const upper = x[top * w + left] * (1 - u) + x[top * w + right] * u;
    const lower = x[bottom * w + left] * (1 - u) + x[bottom * w + right] * u;
    return upper * (1 - v) + lower * v;
  });
}

/* Turn the texts of a network into numbers. */
function readNetwork(network) {
  const array = (text) => decode(text);
  for (const block of network.blocks) {
    block.conv = array(block.conv);
    block.norm = block.norm.map(array);
    block.outputs = block.outputs && block.outputs.map(array);
    for (const gate of block.gates) {
      for (const name of ["first", "first_bias", "second", "second_bias", "kernel"]) {
        if (gate[name]) gate[name] = array(gate[name]);
      }
    }
  }
  for (const layer of network.head.layers) Object.assign(layer, { weight: array(layer.weight), bias: array(layer.bias) });
  return network;
}

/* Run a network on pixels (3, H, W) from 0 to 255 and return every intermediate by its name.

   change(block, kind, gate) returns the gate to use in place of the computed one. A block whose attention could not be
   read gives what PyTorch computed for the picture `number`. */
function forward(network, pixels, [height, width], { change = (block, kind, gate) => gate, number = 0 } = {}) {
  const steps = {}, sizes = [];
  let x = Float32Array.from(pixels, (value) => value / 127.5 - 1), h = height, w = width;
  network.blocks.forEach((block, b) => {
    const put = (name, values) => { steps[`${b}.${name}`] = values; return values; };
    x = put("conv", convolve(x, block.conv, block.inputs, block.channels, h, w));
    x = put("norm", normalise(x, block.norm, block.eps));
    x = put("relu", relu(x));
    if (block.pool) { x = poolPairs(x, block.channels, h, w); h >>= 1; w >>= 1; }
    const before = put("pool", x);
    sizes.push([h, w]);
    for (const gate of block.gates) {
      const read = block.parallel ? before : x;
      const inside = gate.kind === "channel"
        ? channelGate(gate, read, block.channels) : spatialGate(gate, read, block.channels, h, w);
      for (const [name, values] of Object.entries(inside)) put(`${gate.kind}.${name}`, values);
      const used = change(b, gate.kind, inside.gate);
      steps[`${b}.${gate.kind}.used`] = used;
      x = applyGate(gate.kind, x, used, block.channels);
    }
    if (block.outputs) x = change(b, "whole", block.outputs[number]) || before;
    put("out", x);
  });
  const answer = network.dense ? mark(network, x, h, w, height, width, steps) : classify(network, x, steps);
  steps.answer = answer;
  return { steps, sizes, answer };
}

function mark(network, x, h, w, height, width, steps) {
  const [{ weight, bias }] = network.head.layers, pixels = h * w;
  steps.mark = Float32Array.from({ length: pixels }, (_, p) => {
    let sum = bias[0];
    for (let c = 0; c < weight.length; c++) sum += weight[c] * x[c * pixels + p];
    return sum;
  });
  return enlarge(steps.mark, h, w, height, width);
}

function classify(network, x, steps) {
  const pools = poolPositions(x, network.blocks.at(-1).channels), layers = network.head.layers;
  let values = Float32Array.from(network.head.pools.flatMap((pool) => [...pools[pool]]));
  steps.pooled = values;
  layers.forEach(({ weight, bias }, i) => {
    values = linear(values, weight, bias);
    if (i < layers.length - 1) { values = relu(values); steps.hidden = values; }
  });
  return values;
}

/* The largest |a - b| / (1 + |b|) between this page's numbers and those that Python wrote down; at most the tolerance
   means: within it, both relative and absolute. Numbers that are missing on either side count as infinitely far. */
function differenceFromPython(network, pixels, size) {
  const { steps } = forward(network, pixels, size);
  const names = Object.keys(steps).filter((name) => !name.endsWith(".used"));
  if (names.some((name) => !(name in network.expected))) return Infinity;
  let worst = 0;
  for (const [name, { length, step, values }] of Object.entries(network.expected)) {
    if (!steps[name] || steps[name].length !== length) return Infinity;
    decode(values).forEach((value, i) => {
      const difference = Math.abs(steps[name][i * step] - value) / (1 + Math.abs(value));
      worst = difference <= worst ? worst : difference === difference ? difference : Infinity;
    });
  }
  return worst;
}

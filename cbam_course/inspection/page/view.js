/* The page: what was chosen, what follows from it, and how it is shown. */

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const size = data.size, TOLERANCE = 1e-4;
const networks = data.networks.map(readNetwork);
const pictures = data.images.map((text, i) => ({
  name: `picture ${i + 1}`,
  original: decode(text, Uint8Array),
  pixels: decode(text, Uint8Array),
  label: data.labels && data.labels[i],
  mask: data.masks && decode(data.masks[i], Uint8Array),
  painted: false,
  own: false,
}));
const hasGates = (block) => block.gates.length > 0 || block.outputs;
const lastGated = (network) => Math.max(0, network.blocks.findLastIndex(hasGates));
const state = {
  picture: 0, network: 0, block: lastGated(networks[0]), channel: 0, unit: 0, position: [0, 0],
  point: size.map((side) => side >> 1), changes: {},
};
let shown = null; // what the last computation gave

const network = () => networks[state.network];
const block = () => network().blocks[state.block];
const gateOf = (kind) => block().gates.find((gate) => gate.kind === kind);
const isFixed = () => network().blocks.some((one) => one.outputs);
const className = (label) => (data.classes && data.classes[label]) || `class ${label}`;
const changesOf = (b, kind) => state.changes[`${state.network}.${b}.${kind}`] || { mode: "computed", set: {} };
function setChange(kind, change) {
  state.changes[`${state.network}.${state.block}.${kind}`] = { ...changesOf(state.block, kind), ...change };
}

/* ---- computing ---- */

/* The gate to use in place of the computed one, as the reader chose. */
function changed(b, kind, gate) {
  const { mode, other = 0, set } = changesOf(b, kind);
  if (kind === "whole") return mode === "off" ? null : gate;
  let used = gate;
  if (mode === "off") used = gate.map(() => 1);
  if (mode === "mean") used = gate.map(() => mean(gate));
  if (mode === "other") used = forward(network(), pictures[other].pixels, size).steps[`${b}.${kind}.gate`];
  used = used.slice();
  for (const [channel, value] of Object.entries(set)) used[channel] = value;
  return used;
}

function compute() {
  const picture = pictures[state.picture], options = { number: state.picture };
  const now = forward(network(), isFixed() ? picture.original : picture.pixels, size, { ...options, change: changed });
  const before = forward(network(), picture.original, size, options);
  shown = { ...now, before, at: (name) => now.steps[`${state.block}.${name}`], map: now.sizes[state.block] };
}

/* The factors of a gate of the chosen block, `used` or as computed (`gate`); where the module could not be read, the
   share of each channel, or of each position, that it let through; undefined without a gate. */
function factorsOf(kind, which) {
  if (!block().outputs) return shown.at(`${kind}.${which}`);
  const { channels } = block(), pools = kind === "channel" ? poolPositions : poolChannels;
  const before = pools(shown.at("pool"), channels).mean;
  const after = pools(which === "used" ? shown.at("out") : block().outputs[state.picture], channels).mean;
  return after.map((value, i) => (before[i] ? value / before[i] : 0));
}

/* ---- words ---- */

function truthOf(picture) {
  return picture.label === null || picture.label === undefined ? null : className(picture.label);
}

function softmax(logits) {
  const most = largest(logits), powers = [...logits].map((logit) => Math.exp(logit - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function iou(logits, mask) {
  let both = 0, either = 0;
  logits.forEach((logit, i) => { both += logit > 0 && mask[i]; either += logit > 0 || mask[i] ? 1 : 0; });
  return either ? both / either : 1;
}

function answerInWords(logits) {
  const picture = pictures[state.picture];
  if (network().dense) {
    return WORDS.pixels(logits.filter((logit) => logit > 0).length, picture.mask ? iou(logits, picture.mask) : null);
  }
  const shares = softmax(logits), label = best(shares);
  return WORDS.classes(className(label), shares[label], truthOf(picture));
}

function changesInWords() {
  const parts = [];
  network().blocks.forEach((one, b) => {
    for (const kind of ["channel", "spatial", "whole"]) {
      const { mode, other = 0, set } = changesOf(b, kind), said = [];
      if (mode !== "computed") said.push(kind === "whole" ? WORDS.whole() : WORDS.changed[mode](kind, pictures[other].name));
      if (Object.keys(set).length) said.push(WORDS.changed.set(Object.entries(set)));
      if (said.length) parts.push(`In block ${b + 1}: ${said.join(" ")}`);
    }
  });
  return parts;
}

function sentence() {
  const picture = pictures[state.picture], parts = [
    `Network ${network().name}, block ${state.block + 1} of ${network().blocks.length}, ${WORDS.picture(picture)}.`,
  ];
  for (const { kind } of block().gates) parts.push(WORDS[kind](shown.at(`${kind}.used`), shown.map[1]));
  if (block().outputs) parts.push(WORDS.shares(factorsOf("channel", "used"), factorsOf("spatial", "used"), shown.map[1]));
  if (!hasGates(block())) parts.push(WORDS.none);
  const changes = changesInWords(), now = answerInWords(shown.answer), then = answerInWords(shown.before.answer);
  const touched = changes.length > 0 || picture.painted;
  return [...parts, ...changes, now + (touched ? WORDS.before(then) : ".")].join(" ");
}

let speaking = null;
function speak() {
  clearTimeout(speaking);
  // A screen reader reads the line when it rests, not at each step of a drag.
  speaking = setTimeout(() => { $("sentence").textContent = sentence(); }, 250);
}

/* ---- drawing ---- */

const label = (id, text) => $(id).setAttribute("aria-label", text);
const widthOf = (id, most = Infinity) => {
  const style = getComputedStyle($(id).parentElement);
  return Math.max(120, Math.min(most, $(id).parentElement.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight)));
};

function drawPicture() {
  const picture = pictures[state.picture], [row, column] = state.point;
  const small = bitmapOfPicture(isFixed() ? picture.original : picture.pixels, size);
  const { context, side } = drawMap($("picture"), small, widthOf("picture", 240), { cell: [row, column, ...size] });
  if (picture.mask) outline(context, (i) => picture.mask[i], size, side);
  label("picture", `${WORDS.picture(picture)}, ${size[0]} rows and ${size[1]} columns. ${WORDS.point(row, column)} `
    + "Arrow keys move the point, with Shift by five pixels; Enter paints.");
}

function drawAnswer() {
  const box = $("answer"), { answer, before } = shown;
  if (network().dense) {
    box.innerHTML = '<canvas id="marked" role="img"></canvas><p class="quiet">How sure the network is of each pixel, from 0 (dark) to 1 (light). '
      + "The outline is what it marks.</p>";
    const { context, side } = drawMap($("marked"), bitmapOfMap(answer.map(sigmoid), size, 0, 1), widthOf("marked", 240));
    outline(context, (i) => answer[i] > 0, size, side);
    label("marked", `${answerInWords(answer)}.`);
    return;
  }
  const now = softmax(answer), then = softmax(before.answer), truth = pictures[state.picture].label;
  const rows = now.map((share, i) => `<tr><th scope="row">${escapeText(className(i))}${i === truth ? " ✓" : ""}</th>`
    + `<td class="bar"><div style="width:${100 * share}%"></div></td><td>${percent(share)}</td><td>${percent(then[i])}</td></tr>`);
  box.innerHTML = '<table><thead><tr><th scope="col">class</th><th scope="col" colspan="2">now</th><th scope="col">before</th></tr></thead>'
    + `<tbody>${rows.join("")}</tbody></table>`;
}

const escapeText = (text) => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);

function drawChannels() {
  const { channels } = block(), before = shown.at("pool"), after = shown.at("out"), wide = widthOf("maps-in");
  const chosen = state.channel;
  const high = Math.max(largest(before), 1e-6), pools = poolPositions(before, channels), after_ = poolPositions(after, channels);
  drawGrid($("maps-in"), before, channels, shown.map, wide, { low: 0, high, chosen });
  label("maps-in", `${channels} feature maps before attention, on a scale from 0 to ${number(high)}. Channel ${chosen}: `
    + `average ${number(pools.mean[chosen], 3)}, maximum ${number(pools.max[chosen], 3)}.`);
  drawGrid($("maps-out"), after, channels, shown.map, wide, { low: 0, high, chosen });
  label("maps-out", `${channels} feature maps after attention, on the same scale. Channel ${chosen}: `
    + `average ${number(after_.mean[chosen], 3)}, maximum ${number(after_.max[chosen], 3)}.`);
  drawBars($("pools"), [
    { values: pools.mean, name: "average", fill: "first" }, { values: pools.max, name: "maximum", fill: "second" },
  ], wide, 62, { chosen });
  label("pools", `Channel ${chosen}: average ${number(pools.mean[chosen], 3)}, maximum ${number(pools.max[chosen], 3)}.`);
  const gate = gateOf("channel"), used = factorsOf("channel", "used"), computed = factorsOf("channel", "gate");
  $("channel-part").hidden = !used;
  $("hidden-part").hidden = $("drag").hidden = !gate;
  if (used) {
    const high = Math.max(1, largest(used));
    drawBars($("channel-gate"), [{ values: used, marks: computed, name: "gate", fill: "third" }], wide, 90, { high, chosen });
    label("channel-gate", `Gate of channel ${chosen}: ${number(used[chosen])}, computed ${number(computed[chosen])}. `
      + "Left and right choose a channel; plus and minus change its gate.");
  }
  if (!gate) return;
  state.unit = Math.min(state.unit, gate.hidden - 1);
  const names = { mean: "from the averages", max: "from the maxima" }, fills = { mean: "first", max: "second" };
  const lanes = gate.pools.map((pool) => ({ values: shown.at(`channel.hidden.${pool}`), name: names[pool], fill: fills[pool] }));
  drawBars($("hidden"), lanes, wide, 46, { chosen: state.unit });
  label("hidden", `Hidden unit ${state.unit} of ${gate.hidden}: `
    + lanes.map((lane) => `${number(lane.values[state.unit], 3)} ${lane.name}`).join(", ") + ".");
}

function drawPositions() {
  const { channels } = block(), gate = gateOf("spatial"), [h, w] = shown.map, [row, column] = state.position;
  const read = gate ? { mean: shown.at("spatial.mean"), max: shown.at("spatial.max") } : poolChannels(shown.at("pool"), channels);
  const cell = [row, column, h, w], at = row * w + column;
  for (const [pool, name] of [["mean", "average"], ["max", "maximum"]]) {
    const high = Math.max(1e-6, largest(read[pool]));
    drawMap($(`plane-${pool}`), bitmapOfMap(read[pool], shown.map, 0, high), 132, { cell });
    $(`c-${pool}`).textContent = `${name} over channels, 0 to ${number(high)}`;
    label(`plane-${pool}`, `${WORDS.point(row, column)} The ${name} over the channels is ${number(read[pool][at], 3)}.`);
  }
  const used = factorsOf("spatial", "used");
  for (const id of ["spatial-gate", "overlay"]) $(id).parentElement.hidden = !used;
  for (const id of ["kernel-mean", "kernel-max"]) $(id).parentElement.hidden = !gate;
  if (!used) return;
  const small = bitmapOfMap(used, shown.map, 0, 1);
  drawMap($("spatial-gate"), small, 132, { cell });
  $("c-gate").textContent = `spatial gate on a scale from 0 to 1: from ${number(used[worst(used)])} to ${number(largest(used))}, here ${number(used[at])}`;
  const picture = pictures[state.picture];
  drawMap($("overlay"), bitmapOfPicture(isFixed() ? picture.original : picture.pixels, size), 132, { cell, over: small });
  for (const id of ["spatial-gate", "overlay"]) {
    label(id, `${WORDS.point(row, column)} The spatial gate is ${number(used[at])}. ${WORDS.spatial(used, w)}`);
  }
  if (!gate) return;
  const bound = Math.max(1e-6, largest(gate.kernel.map(Math.abs))), area = gate.side ** 2;
  ["mean", "max"].forEach((pool, i) => {
    const plane = gate.kernel.subarray(i * area, (i + 1) * area);
    drawMap($(`kernel-${pool}`), bitmapOfMap(plane, [gate.side, gate.side], -bound, bound, "signed"), 98);
    $(`c-kernel-${pool}`).textContent = `kernel on the ${pool === "mean" ? "average" : "maximum"}, ±${number(bound)}`;
    label(`kernel-${pool}`, `The ${gate.side} × ${gate.side} weights on the ${pool === "mean" ? "average" : "maximum"}: `
      + `from ${number(plane[worst(plane)])} to ${number(largest(plane))}, their sum is ${number(plane.reduce((a, b) => a + b, 0))}.`);
  });
}

/* ---- the arithmetic ---- */

const cells = (values, tag = "td") => values.map((value) => `<${tag}>${value}</${tag}>`).join("");
const tableOfRows = (caption, head, rows) => `<div class="scroll" tabindex="0" role="group" aria-label="${caption}"><table><caption>${caption}</caption><thead><tr>`
  + head.map((name) => `<th scope="col">${name}</th>`).join("") + `</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;

function channelArithmetic(gate) {
  const c = state.channel, pools = gate.pools, hidden = pools.map((pool) => shown.at(`channel.hidden.${pool}`));
  const names = { mean: "from the averages", max: "from the maxima" }, used = shown.at("channel.used")[c];
  const rows = Array.from({ length: gate.hidden }, (_, j) => {
    const units = hidden.map((values) => values[j]), weight = gate.second[c * gate.hidden + j];
    const product = units.reduce((a, b) => a + b, 0) * weight;
    return `<tr><th scope="row">unit ${j}</th>${cells([...units.map((u) => number(u, 4)), number(weight, 4), number(product, 4)])}</tr>`;
  });
  const logit = shown.at("channel.logit")[c], computed = shown.at("channel.gate")[c], bias = gate.second_bias[c];
  const sum = pools.length > 1 ? "(both) × weight" : "unit × weight";
  return tableOfRows(`Channel ${c}`, ["hidden unit", ...pools.map((pool) => names[pool]), "weight", sum], rows)
    + `<p id="channel-result">Their sum${bias ? ` and the bias ${number(bias, 4)}` : ""} is ${number(logit, 4)}; `
    + `sigmoid(${number(logit, 4)}) = ${number(computed, 4)}`
    + (Math.abs(used - computed) > 1e-6 ? `, and your change makes it ${number(used, 4)}` : "")
    + `. The map of channel ${c} is multiplied by ${number(used, 4)}.</p>`;
}

function unitArithmetic(gate) {
  const j = state.unit, { channels } = block(), pools = gate.pools, names = { mean: "average", max: "maximum" };
  const rows = Array.from({ length: channels }, (_, i) => {
    const weight = gate.first[j * channels + i], values = pools.map((pool) => shown.at(`channel.${pool}`)[i]);
    return `<tr><th scope="row">channel ${i}</th>${cells([number(weight, 4), ...values.flatMap((v) => [number(v, 4), number(v * weight, 4)])])}</tr>`;
  });
  const bias = gate.first_bias[j];
  const sums = pools.map((pool) => {
    const sum = shown.at(`channel.${pool}`).reduce((total, value, i) => total + value * gate.first[j * channels + i], bias);
    return `the ${names[pool]}s give ${number(sum, 4)}, after ReLU ${number(Math.max(0, sum), 4)}`;
  });
  const open = $("unit-sum").querySelector("details")?.open ? " open" : "";
  return `<details${open}><summary>Where hidden unit ${j} comes from</summary>`
    + tableOfRows(`Hidden unit ${j}`, ["channel", "weight", ...pools.flatMap((pool) => [names[pool], "× weight"])], rows)
    + `<p>Summed up${bias ? ` with the bias ${number(bias, 4)}` : ""}, ${sums.join("; ")}.</p></details>`;
}

function positionArithmetic(gate) {
  const [h, w] = shown.map, [row, column] = state.position, area = gate.side ** 2;
  const indices = windowAt(gate, row, column, h, w), sums = {};
  const windows = ["mean", "max"].map((pool, plane) => {
    const values = indices.map((at) => (at < 0 ? 0 : shown.at(`spatial.${pool}`)[at]));
    const weights = gate.kernel.subarray(plane * area, (plane + 1) * area);
    sums[pool] = values.reduce((total, value, k) => total + value * weights[k], 0);
    const rows = Array.from({ length: gate.side }, (_, r) => `<tr>${cells(values.slice(r * gate.side, (r + 1) * gate.side)
      .map((value, k) => `${number(value, 2)}&nbsp;×&nbsp;${number(weights[r * gate.side + k], 2)}`))}</tr>`);
    const name = `The ${pool === "mean" ? "average" : "maximum"} around row ${row}, column ${column}, × the kernel`;
    return `<div class="scroll" tabindex="0" role="group" aria-label="${name}"><table class="window"><caption>${name}</caption><tbody>${rows.join("")}</tbody></table></div>`;
  });
  const at = row * w + column, logit = shown.at("spatial.logit")[at], computed = shown.at("spatial.gate")[at];
  const used = shown.at("spatial.used")[at], plain = gate.scale === 1 && gate.shift === 0;
  return windows.join("") + `<p id="position-result">The products add up to ${number(sums.mean, 4)} and ${number(sums.max, 4)}, together `
    + `${number(sums.mean + sums.max, 4)}` + (plain ? "" : `; × ${number(gate.scale, 4)} + ${number(gate.shift, 4)} (BatchNorm or bias) = ${number(logit, 4)}`)
    + `; sigmoid(${number(logit, 4)}) = ${number(computed, 4)}`
    + (Math.abs(used - computed) > 1e-6 ? `, and your change makes it ${number(used, 4)}` : "")
    + `. Every channel is multiplied by ${number(used, 4)} here.</p>`;
}

/* Replace what an element holds, but leave the keyboard where it is. */
function fill(element, html) {
  const at = [...element.querySelectorAll("summary, [tabindex]")].indexOf(document.activeElement);
  element.innerHTML = html;
  if (at >= 0) element.querySelectorAll("summary, [tabindex]")[at]?.focus();
}

function drawArithmetic() {
  const channel = gateOf("channel"), spatial = gateOf("spatial");
  $("arithmetic").hidden = !channel && !spatial;
  fill($("channel-sum"), channel ? channelArithmetic(channel) : "");
  fill($("unit-sum"), channel ? unitArithmetic(channel) : "");
  fill($("position-sum"), spatial ? positionArithmetic(spatial) : "");
}

/* ---- all of it ---- */

function draw() {
  drawPicture();
  drawAnswer();
  drawChannels();
  drawPositions();
  drawArithmetic();
  const gate = gateOf("channel");
  $("one").hidden = !gate;
  $("changes").hidden = !hasGates(block());
  if (gate) {
    $("value").value = shown.at("channel.used")[state.channel];
    $("which").textContent = `${state.channel}: ${number(shown.at("channel.used")[state.channel])}`;
  }
  $("note").textContent = network().note;
  $("note").hidden = !network().note;
  for (const id of ["colour", "brush", "clean"]) $(id).disabled = isFixed();
  speak();
}

let waiting = false;
/* Compute and draw once before the next frame, however many events there were. */
function update() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; compute(); draw(); });
}

function keepInside() {
  state.block = Math.min(state.block, network().blocks.length - 1);
  state.channel = Math.min(state.channel, block().channels - 1);
  const [h, w] = forward(network(), pictures[state.picture].original, size, { number: state.picture }).sizes[state.block];
  state.position = [Math.min(state.position[0], h - 1), Math.min(state.position[1], w - 1)];
}

/* ---- choices ---- */

function listPictures() {
  $("pictures").innerHTML = pictures.map((picture, i) => `<label><input type="radio" name="picture" value="${i}" `
    + `aria-label="${picture.name}"${i === state.picture ? " checked" : ""}><canvas></canvas></label>`).join("");
  [...$("pictures").querySelectorAll("canvas")].forEach((canvas, i) => drawMap(canvas, bitmapOfPicture(pictures[i].pixels, size), 44));
  [...$("pictures").querySelectorAll("input")].forEach((input) => {
    input.disabled = isFixed() && pictures[input.value].own;
    input.addEventListener("change", () => { state.picture = Number(input.value); update(); });
  });
}

function listBlocks() {
  $("block").innerHTML = network().blocks.map((one, b) => `<option value="${b}">${b + 1}: ${one.channels} channels`
    + `${hasGates(one) ? "" : ", no gate"}</option>`).join("");
  $("block").value = state.block;
}

/* One group of choices for each gate of the block. */
function listKinds() {
  const kinds = block().outputs ? ["whole"] : block().gates.map((gate) => gate.kind);
  $("kinds").innerHTML = kinds.map((kind) => {
    const { mode, other = 0 } = changesOf(state.block, kind);
    const modes = { computed: "as computed", off: "off (all 1)", mean: "its mean everywhere", other: "another picture's:" };
    if (kind === "whole") { delete modes.mean; delete modes.other; modes.off = "off"; }
    const radios = Object.entries(modes).map(([value, text]) => `<label><input type="radio" name="${kind}" value="${value}"`
      + `${value === mode ? " checked" : ""}> ${text}</label>`);
    const options = pictures.map((picture, i) => `<option value="${i}"${i === other ? " selected" : ""}>${i + 1}</option>`);
    const choice = kind === "whole" ? "" : `<select aria-label="Picture whose ${kind} gate to take" data-kind="${kind}">${options.join("")}</select>`;
    return `<fieldset><legend>${kind === "whole" ? "the module" : `${kind} gate`}</legend>${radios.join("")}${choice}</fieldset>`;
  }).join("");
  $("kinds").querySelectorAll("input").forEach((input) => input.addEventListener("change", () => {
    setChange(input.name, { mode: input.value });
    update();
  }));
  $("kinds").querySelectorAll("select").forEach((select) => select.addEventListener("change", () => {
    setChange(select.dataset.kind, { other: Number(select.value), mode: "other" });
    $("kinds").querySelector(`input[name="${select.dataset.kind}"][value="other"]`).checked = true;
    update();
  }));
}

function choose(change) {
  Object.assign(state, change);
  if (isFixed() && pictures[state.picture].own) state.picture = 0;
  keepInside();
  listPictures();
  listBlocks();
  listKinds();
  update();
}

/* ---- pointing: every canvas answers to the mouse and to the keys ---- */

const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/* Where on a canvas an event is, as shares of its height and width. */
function shares(event, canvas) {
  const box = canvas.getBoundingClientRect();
  const inside = (share) => Math.min(0.999999, Math.max(0, share));
  return [inside((event.clientY - box.top) / box.height), inside((event.clientX - box.left) / box.width)];
}

function pointing(id, { at, move, press = () => false }) {
  const canvas = $(id);
  const follow = (event) => { at(...shares(event, canvas)); update(); };
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); follow(event); });
  canvas.addEventListener("pointermove", (event) => { if (event.buttons & 1) follow(event); });
  canvas.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (arrow) move(...arrow.map((step) => step * (event.shiftKey ? 5 : 1)));
    else if (!press(event.key)) return;
    event.preventDefault();
    update();
  });
}

const within = (value, count) => Math.min(count - 1, Math.max(0, value));
const moveChannel = (dy, dx) => { state.channel = within(state.channel + dx + COLUMNS * dy, block().channels); };
const stepChannel = (dy, dx) => { state.channel = within(state.channel + dx - dy, block().channels); };
const inGrid = (y, x) => {
  const row = Math.floor(y * Math.ceil(block().channels / COLUMNS));
  state.channel = within(row * COLUMNS + Math.floor(x * COLUMNS), block().channels);
};
const inBars = (y, x) => { state.channel = Math.floor(x * block().channels); };
function setGate(value) {
  if (!gateOf("channel")) return;
  const { set } = changesOf(state.block, "channel");
  setChange("channel", { set: { ...set, [state.channel]: Math.min(1, Math.max(0, value)) } });
}

for (const id of ["maps-in", "maps-out"]) pointing(id, { at: inGrid, move: moveChannel });
pointing("pools", { at: inBars, move: stepChannel });
pointing("hidden", {
  at: (y, x) => { state.unit = Math.floor(x * gateOf("channel").hidden); },
  move: (dy, dx) => { state.unit = within(state.unit + dx - dy, gateOf("channel").hidden); },
});
pointing("channel-gate", {
  at: () => {},
  move: stepChannel,
  press: (key) => {
    const step = { "+": 0.05, "=": 0.05, "-": -0.05 }[key];
    if (step) setGate(factorsOf("channel", "used")[state.channel] + step);
    return Boolean(step);
  },
});
// A press chooses the bar; only a drag up or down changes it, so that a click is no change.
let dragged = null;
$("channel-gate").addEventListener("pointerdown", (event) => {
  inBars(...shares(event, $("channel-gate")));
  dragged = { y: event.clientY, from: factorsOf("channel", "used")[state.channel] };
});
$("channel-gate").addEventListener("pointermove", (event) => {
  if (!dragged || !(event.buttons & 1)) return;
  const moved = dragged.y - event.clientY;
  if (Math.abs(moved) > 2) { setGate(dragged.from + moved / 72); update(); }
});
$("channel-gate").addEventListener("pointerup", () => { dragged = null; });

for (const id of ["plane-mean", "plane-max", "spatial-gate", "overlay"]) {
  pointing(id, {
    at: (y, x) => { state.position = [Math.floor(y * shown.map[0]), Math.floor(x * shown.map[1])]; },
    move: (dy, dx) => {
      state.position = [within(state.position[0] + dy, shown.map[0]), within(state.position[1] + dx, shown.map[1])];
    },
  });
}

function paint() {
  const picture = pictures[state.picture], [row, column] = state.point, radius = Number($("brush").value);
  if (isFixed()) return;
  const ink = data.colours[$("colour").value][1], [h, w] = size;
  for (let r = Math.max(0, row - radius); r <= Math.min(h - 1, row + radius); r++) {
    for (let c = Math.max(0, column - radius); c <= Math.min(w - 1, column + radius); c++) {
      if ((r - row) ** 2 + (c - column) ** 2 > radius ** 2) continue;
      ink.forEach((value, channel) => { picture.pixels[(channel * h + r) * w + c] = value; });
    }
  }
  picture.painted = true;
}
pointing("picture", {
  at: (y, x) => { state.point = [Math.floor(y * size[0]), Math.floor(x * size[1])]; paint(); },
  move: (dy, dx) => { state.point = [within(state.point[0] + dy, size[0]), within(state.point[1] + dx, size[1])]; },
  press: (key) => {
    if (key !== "Enter" && key !== " ") return false;
    paint();
    return true;
  },
});

/* ---- the other controls ---- */

$("network").innerHTML = networks.map((one, i) => `<option value="${i}">${escapeText(one.name)}</option>`).join("");
$("network").addEventListener("change", () => {
  const chosen = Number($("network").value);
  choose({ network: chosen, block: lastGated(networks[chosen]) });
});
$("block").addEventListener("change", () => choose({ block: Number($("block").value) }));
$("colour").innerHTML = [...data.colours, ["black", [0, 0, 0]], ["white", [255, 255, 255]]]
  .map(([name], i) => `<option value="${i}">${name}</option>`).join("");
data.colours.push(["black", [0, 0, 0]], ["white", [255, 255, 255]]);
$("clean").addEventListener("click", () => {
  const picture = pictures[state.picture];
  picture.pixels = picture.original.slice();
  picture.painted = false;
  listPictures();
  update();
});
$("picture").addEventListener("pointerup", listPictures);
$("value").addEventListener("input", () => { setGate(Number($("value").value)); update(); });
$("undo").addEventListener("click", () => { state.changes = {}; choose({}); });
$("upload").addEventListener("change", async () => {
  const [file] = $("upload").files;
  if (!file) return;
  try {
    addPicture(await createImageBitmap(file));
  } catch {
    $("sentence").textContent = WORDS.unreadable;
  }
});

/* Scale a picture until it covers the networks' size, and cut the middle out. */
function addPicture(image) {
  const [h, w] = size, scale = Math.max(w / image.width, h / image.height), canvas = document.createElement("canvas");
  Object.assign(canvas, { width: w, height: h });
  const context = canvas.getContext("2d"), wide = image.width * scale, tall = image.height * scale;
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, w, h);
  context.drawImage(image, (w - wide) / 2, (h - tall) / 2, wide, tall);
  const rgba = context.getImageData(0, 0, w, h).data;
  const pixels = Uint8Array.from({ length: 3 * h * w }, (_, i) => rgba[4 * (i % (h * w)) + Math.floor(i / (h * w))]);
  const name = `your picture ${pictures.filter((one) => one.own).length + 1}`;
  pictures.push({ name, original: pixels, pixels: pixels.slice(), label: null, mask: null, painted: false, own: true });
  choose({ picture: isFixed() ? state.picture : pictures.length - 1 });
  if (isFixed()) { clearTimeout(speaking); $("sentence").textContent = WORDS.fixed; }
}

addEventListener("resize", () => draw());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());

/* ---- start ---- */

const differences = networks.map((one) => differenceFromPython(one, pictures[0].original, size));
const difference = largest(differences);
if (!(difference <= TOLERANCE)) {
  $("warning").textContent = WORDS.trouble(difference);
  $("warning").hidden = false;
}
compute();
// To begin with: the channel of which most goes on, the hidden unit that says most, and the middle.
state.channel = best(poolPositions(shown.at("out"), block().channels).mean);
const firstPool = gateOf("channel")?.pools.at(-1);
state.unit = firstPool ? best(shown.at(`channel.hidden.${firstPool}`)) : 0;
state.position = shown.map.map((side) => side >> 1);
listPictures();
listBlocks();
listKinds();
draw();
$("sentence").textContent = sentence();
document.documentElement.dataset.maxDifference = String(difference);
document.documentElement.dataset.ready = "true";

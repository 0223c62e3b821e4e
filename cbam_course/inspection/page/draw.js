/* Drawing on canvas: colour maps, single maps, grids of maps, and bars. */

/* Viridis, from low to high, and PuOr for values around zero: both are read with any kind of colour vision. */
const VIRIDIS = ["440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725"];
const SIGNED = ["7f3b08", "b35806", "e08214", "fdb863", "fee0b6", "f7f7f7", "d8daeb", "b2abd2", "8073ac", "542788", "2d004b"];
const tableOf = (hexes) => {
  const stops = hexes.map((hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  return Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * (stops.length - 1), low = Math.min(Math.floor(at), stops.length - 2);
    return stops[low].map((value, k) => value + (stops[low + 1][k] - value) * (at - low));
  });
};
const TABLES = { viridis: tableOf(VIRIDIS), signed: tableOf(SIGNED) };
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function colourOf(value, low, high, table) {
  const share = high > low ? (value - low) / (high - low) : 0;
  return TABLES[table][Math.round(255 * Math.min(1, Math.max(0, share))) || 0];
}

/* Give the canvas the pixels that its place on the page has, and return its context in page pixels. */
function prepare(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.imageSmoothingEnabled = false;
  context.font = "11px system-ui, sans-serif";
  return context;
}

/* A map or a picture as a small canvas of its own, one pixel a value. */
function bitmap(height, width, pixel) {
  const small = document.createElement("canvas");
  small.width = width;
  small.height = height;
  const context = small.getContext("2d"), picture = context.createImageData(width, height);
  for (let i = 0; i < height * width; i++) {
    const [r, g, b] = pixel(i);
    picture.data.set([r, g, b, 255], 4 * i);
  }
  context.putImageData(picture, 0, 0);
  return small;
}

const bitmapOfMap = (values, [h, w], low, high, table = "viridis") =>
  bitmap(h, w, (i) => colourOf(values[i], low, high, table));
const bitmapOfPicture = (pixels, [h, w]) => bitmap(h, w, (i) => [0, 1, 2].map((c) => pixels[c * h * w + i]));

/* A frame that is seen on any ground. */
function frame(context, x, y, width, height) {
  for (const [line, stroke] of [[4, "#000"], [2, "#fff"]]) {
    context.lineWidth = line;
    context.strokeStyle = stroke;
    context.strokeRect(x, y, width, height);
  }
}

/* The outline of a mask on a grid of h × w cells of the given side. */
function outline(context, inside, [h, w], side) {
  const at = (r, c) => r >= 0 && c >= 0 && r < h && c < w && inside(r * w + c);
  for (const [line, stroke] of [[3, "#000"], [1, "#fff"]]) {
    context.lineWidth = line;
    context.strokeStyle = stroke;
    context.beginPath();
    for (let r = 0; r <= h; r++) {
      for (let c = 0; c <= w; c++) {
        if (at(r, c) !== at(r - 1, c)) { context.moveTo(c * side, r * side); context.lineTo((c + 1) * side, r * side); }
        if (at(r, c) !== at(r, c - 1)) { context.moveTo(c * side, r * side); context.lineTo(c * side, (r + 1) * side); }
      }
    }
    context.stroke();
  }
}

/* One map, `extent` page pixels wide, with one of its cells framed. */
function drawMap(canvas, small, extent, { cell = null, over = null, alpha = 0.6 } = {}) {
  const side = extent / small.width, context = prepare(canvas, extent, side * small.height);
  context.drawImage(small, 0, 0, extent, side * small.height);
  if (over) {
    context.globalAlpha = alpha;
    context.drawImage(over, 0, 0, extent, side * small.height);
    context.globalAlpha = 1;
  }
  if (cell) frame(context, cell[1] * extent / cell[3], cell[0] * side * small.height / cell[2], extent / cell[3], side * small.height / cell[2]);
  return { context, side };
}

const COLUMNS = 16;

/* Every channel's map in rows of 16, on one scale from low to high. */
function drawGrid(canvas, x, channels, [h, w], extent, { low, high, chosen }) {
  const cell = extent / COLUMNS, rows = Math.ceil(channels / COLUMNS), tall = cell * h / w + 12;
  const context = prepare(canvas, extent, rows * tall);
  for (let c = 0; c < channels; c++) {
    const left = (c % COLUMNS) * cell, top = Math.floor(c / COLUMNS) * tall;
    const map = x.subarray(c * h * w, (c + 1) * h * w);
    context.drawImage(bitmapOfMap(map, [h, w], low, high), left + 1, top + 11, cell - 2, tall - 13);
    context.fillStyle = colour("text");
    context.fillText(String(c), left + 2, top + 9);
  }
  frame(context, (chosen % COLUMNS) * cell + 1, Math.floor(chosen / COLUMNS) * tall + 11, cell - 2, tall - 13);
}

/* Bars side by side; series stand in lanes below each other, each from 0 to its own largest value, or to `high`. */
function drawBars(canvas, series, extent, tall, { chosen, high: common = 0 }) {
  const context = prepare(canvas, extent, series.length * tall);
  series.forEach(({ values, name, fill, marks }, lane) => {
    const top = lane * tall + 14, height = tall - 18, wide = extent / values.length;
    const high = common || Math.max(1e-6, largest(values));
    const up = (value) => top + height * (1 - Math.min(1, Math.max(0, value / high)));
    const zero = up(0);
    context.fillStyle = colour("text");
    context.fillText(`${name}, from 0 to ${number(high)}`, 0, lane * tall + 10);
    values.forEach((value, i) => {
      context.fillStyle = i === chosen ? colour("chosen") : colour(fill);
      context.fillRect(i * wide + 1, Math.min(up(value), zero), Math.max(1, wide - 2), Math.max(1, Math.abs(zero - up(value))));
      if (marks && Math.abs(marks[i] - value) > 1e-6) {
        // What was computed stays as a line where the value was changed.
        context.fillStyle = colour("text");
        context.fillRect(i * wide, up(marks[i]) - 1, wide, 2);
      }
    });
    context.strokeStyle = colour("line");
    context.strokeRect(0.5, top + 0.5, extent - 1, height - 1);
    if (chosen >= 0 && chosen < values.length) frame(context, chosen * wide + 1, top + 1, wide - 2, height - 2);
  });
}

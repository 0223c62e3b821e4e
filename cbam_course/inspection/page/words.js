/* Every sentence about what is shown: for the line above the pictures, and for those who cannot see them. */

/* Two decimals, small numbers with four; or as many as asked for. */
function number(value, digits = Math.abs(value) < 0.1 ? 4 : 2) {
  const text = (value || 0).toFixed(digits);
  return Number(text) === 0 ? "0" : text.replace("-", "−");
}
const percent = (share) => `${Math.round(100 * share)} %`;
const best = (values) => values.reduce((at, value, i) => (value > values[at] ? i : at), 0);
const worst = (values) => values.reduce((at, value, i) => (value < values[at] ? i : at), 0);

const WORDS = {
  picture: (picture) => picture.name + (picture.painted ? " with your painting" : ""),
  channel: (gate) => `The channel gate lets channel ${best(gate)} through most (${number(largest(gate))}) and `
    + `channel ${worst(gate)} least (${number(gate[worst(gate)])}).`,
  spatial: (gate, width) => `The spatial gate is largest in row ${Math.floor(best(gate) / width)}, column `
    + `${best(gate) % width} (${number(largest(gate))}); its mean is ${number(mean(gate))}.`,
  shares: (channels, positions, width) => `On average channel ${best(channels)} is let through most `
    + `(${number(largest(channels))}) and channel ${worst(channels)} least (${number(channels[worst(channels)])}); of the `
    + `positions row ${Math.floor(best(positions) / width)}, column ${best(positions) % width} is (${number(largest(positions))}).`,
  none: "This block has no gate.",
  changed: {
    off: (kind) => `You switched the ${kind} gate off: every factor is 1.`,
    mean: (kind) => `You set the ${kind} gate to its mean everywhere.`,
    other: (kind, name) => `You put in the ${kind} gate that ${name} gets.`,
    set: (channels) => `You set the gate of ${channels.map(([c, value]) => `channel ${c} to ${number(value)}`).join(", ")}.`,
  },
  whole: () => "You switched the module off.",
  classes: (name, share, truth) => `The network answers ${name} with ${percent(share)}`
    + (truth === null ? "" : truth === name ? ", which is right" : `; right is ${truth}`),
  pixels: (marked, score) => `The network marks ${marked} pixels` + (score === null ? "" : `, with an IoU of ${number(score)}`),
  before: (text) => ` (before your changes: ${text}).`,
  point: (row, column) => `Row ${row}, column ${column}.`,
  trouble: (difference) => `The numbers of this page differ from PyTorch's by up to ${difference.toExponential(1)}, `
    + "more than the 0.0001 that are allowed: do not trust them. This is a fault of the course, not yours.",
  fixed: "This network cannot be computed for a picture of your own, see the note above.",
  unreadable: "This file is no picture that the browser can read; choose a PNG or a JPEG.",
};

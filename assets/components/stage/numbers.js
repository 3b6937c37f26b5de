// The block's arithmetic, done again in the browser from the numbers that it shows. Nothing here draws.
export const sigmoid = (x) => 1 / (1 + Math.exp(-x));
export const hSigmoid = (x) => Math.min(Math.max(x + 3, 0), 6) / 6;
export const FUNCTIONS = { sigmoid, h_sigmoid: hSigmoid };

/** Softmax over a list. */
export const softmax = (values) => {
  const top = Math.max(...values), powers = values.map((v) => Math.exp(v - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / sum);
};

/** The logits of channel c, one a branch. */
export const logitsOf = ({ M, C, logit }, c) => Array.from({ length: M }, (_, m) => logit[m * C + c]);

/** Gates (M,) of channel c by a function's name; null where the page does not know the function. */
export const gated = (block, c, name) => {
  const logits = logitsOf(block, c);
  return name === "softmax" ? softmax(logits) : FUNCTIONS[name] ? logits.map(FUNCTIONS[name]) : null;
};

/**
 * What every unit before the last layer adds to a logit, the strongest first.
 * @returns {{from: number, weight: number, value: number, vote: number}[]} [] where that layer is no matrix
 */
export const votes = ({ C, R, z, hidden, w2 }, c, m = 0) => {
  if (!w2.length) return [];
  const inputs = R ? hidden : z, n = inputs.length, at = (m * C + c) * n;
  const all = Array.from(inputs, (value, from) => ({ from, weight: w2[at + from], value, vote: w2[at + from] * value }));
  return all.sort((a, b) => Math.abs(b.vote) - Math.abs(a.vote));
};

/** What every channel adds to hidden unit j, as (C,). */
export const reports = ({ C, z, w1 }, j) => Array.from(z, (value, c) => w1[j * C + c] * value);

/** |ours - theirs|, relative to theirs where that exceeds 1. */
const gap = (ours, theirs) => Math.abs(ours - theirs) / Math.max(1, Math.abs(theirs));

/**
 * Every logit and every gate again from what is on screen.
 * @returns {{logit: number | null, gate: number | null}} the largest difference; null where it cannot be computed here
 */
export const check = (block) => {
  const { M, C, R, z, hidden, w2, b2, logit, gate, head } = block;
  const worst = { logit: w2.length ? 0 : null, gate: gated(block, 0, head.gate_fn) ? 0 : null };
  const inputs = R ? hidden : z, n = inputs.length;
  for (let c = 0; c < C; c++) {
    const ours = gated(block, c, head.gate_fn);
    for (let m = 0; m < M; m++) {
      const at = m * C + c;
      if (ours) worst.gate = Math.max(worst.gate, gap(ours[m], gate[at]));
      if (!w2.length) continue;
      let sum = b2[at];
      for (let j = 0; j < n; j++) sum += w2[at * n + j] * inputs[j];
      worst.logit = Math.max(worst.logit, gap(sum, logit[at]));
    }
  }
  return worst;
};

/** How many gates are exactly 0, and exactly 1. */
export const extremes = ({ gate }) => [0, 1].map((end) => gate.reduce((n, g) => n + (g === end), 0));

/** Units that are exactly off. */
export const dead = ({ hidden }) => [...hidden.keys()].filter((j) => hidden[j] === 0);

/** A difference as people write it: 1.2 × 10⁻⁷. */
export const small = (value) => {
  const [digits, power] = value.toExponential(1).split("e");
  return value ? `${digits} × 10${[...String(Number(power))].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("")}` : "0";
};

/** A number for reading: four digits after the point, a true minus. */
export const said = (value, digits = 4) => value.toFixed(digits).replace("-", "−");

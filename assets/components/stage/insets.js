// What a step shows in the middle instead of the units: the pinned map at large, the gate function, the answers.
import { gatesOf, order } from "./data.js";
import { FUNCTIONS, extremes, logitsOf, said } from "./numbers.js";
import { fill } from "./steps.js";

const text = (x, y, s, fillOf, more = {}) => ({ k: "text", part: "inset", x, y, s, size: 13, anchor: "middle", fill: fillOf, ...more });

/** The pinned map, whose values run together into one: at t = 0 they lie in their places, at t = 1 in its bar of z. */
const map = (block, view, at, colours) => {
  const { head, z, M } = block, c = view.pinned, { middle } = at, side = Math.min(middle.w * 0.72, middle.h * 0.84);
  const x = middle.x + (middle.w - side) / 2, y = middle.y + (middle.h - side) / 2 - 14, shrink = 1 - 0.95 * view.t;
  const row = at.z.y + ((order(block, view.sort).indexOf(c) + 0.5) / block.C) * at.z.h, end = at.z.x + at.z.w;
  const centre = y + side / 2 + (row - y - side / 2) * view.t;
  return [
    { k: "map", part: "inset", x, y, w: side, h: side, c, weights: Array(M).fill(1) },
    { k: "rect", part: "inset", x, y, w: side, h: side, stroke: colours.pinned, width: 2 },
    ...(view.t > 0 && view.t < 1 ? [{ k: "map", part: "inset", x: x + (end - x) * view.t, y: centre - (side * shrink) / 2, w: side * shrink, h: side * shrink, c, weights: Array(M).fill(1) }] : []),
    ...[y, y + side].map((edge) => ({ k: "path", part: "inset", points: [[x, edge], [end, row]], stroke: colours.pinned, width: 1, dash: 3 })),
    text(x + side / 2, y + side + 22, `${head.words[head.squeeze] ?? head.squeeze} = ${said(z[c])}`, colours.z, { weight: 700, size: 15 }),
  ];
};

/** Logits fall onto the gate function: every channel is a dot, the pinned one is followed to both axes. */
const curve = (block, view, at, colours) => {
  const { C, M, logit, gate, head } = block, { middle } = at, c = view.pinned, items = [];
  if (M > 1) return tug(block, view, at, colours);
  const own = head.gate_fn, name = view.fn === "own" ? own : view.fn, f = FUNCTIONS[name];
  const far = Math.max(4, Math.ceil(logit.reduce((most, v) => Math.max(most, Math.abs(v)), 0)));
  const box = { x: middle.x + 28, y: middle.y + 10, w: middle.w - 44, h: middle.h - 30 };
  const X = (g) => box.x + ((g + far) / (2 * far)) * box.w, Y = (s) => box.y + (1 - s) * box.h;
  for (const s of [0, 0.5, 1]) {
    items.push({ k: "line", part: "inset", x1: box.x, y1: Y(s), x2: box.x + box.w, y2: Y(s), stroke: colours.grid, width: 1 });
    items.push(text(box.x - 6, Y(s) + 4, String(s), colours.muted, { anchor: "end", size: 12 }));
  }
  for (const g of [-far, 0, far]) items.push(text(X(g), box.y + box.h + 16, said(g, 0), colours.muted, { size: 12 }));
  items.push(text(X(far / 2), box.y + box.h + 16, "logit g", colours.muted, { size: 12 }));
  const shown = Object.entries(FUNCTIONS).filter(([key]) => key === name || view.fn !== "own");
  for (const [key, each] of shown) {
    const points = Array.from({ length: 97 }, (_, i) => -far + (2 * far * i) / 96).map((g) => [X(g), Y(each(g))]);
    items.push({ k: "path", part: "inset", points, stroke: key === "sigmoid" ? colours.sigmoid : colours.hSigmoid, width: key === name ? 2.5 : 1, dash: key === name ? 0 : 4 });
  }
  const at0 = (i) => (f ? f(logit[i]) : gate[i]) * view.t;
  for (let i = 0; i < C; i++) items.push({ k: "circle", part: "inset", x: X(logit[i]), y: Y(at0(i)), r: 2.6, fill: colours.gate, strength: 0.55 });
  const g = logitsOf(block, c)[0], s = at0(c);
  items.push({ k: "path", part: "inset", points: [[X(g), box.y + box.h], [X(g), Y(s)], [box.x, Y(s)]], stroke: colours.pinned, width: 1.5, dash: 3 });
  items.push({ k: "circle", part: "inset", x: X(g), y: Y(s), r: 6, fill: colours.pinned, strength: 1 });
  const words = f ? said(f(g)) : said(gatesOf(block, c)[0]), toLeft = X(g) > box.x + box.w * 0.5;
  const [over, from] = toLeft ? [Y(s) - 10, X(g) - 10] : s < 0.15 ? [Y(0.5) - 8, box.x + 6] : [Y(s) + 20, X(g) + 12]; // where the curve is not
  const told = `${said(g)} → ${words}`;
  items.push(at.narrow ? text(middle.x + middle.w / 2, middle.y - 12, told, colours.ink, { weight: 700 }) : text(from, over, told, colours.ink, { anchor: toLeft ? "end" : "start", weight: 700 }));
  const [zeros, ones] = extremes(name === own ? block : { gate: Array.from(logit, f) });
  items.push(text(box.x + box.w, box.y + box.h + (at.narrow ? 55 : 38), fill(head.words.exact, { zeros, ones }), colours.muted, { anchor: "end" }));
  return items;
};

/** Branches pull at the pinned channel: each logit's softmax share. */
const tug = (block, view, at, colours) => {
  const { M, head } = block, c = view.pinned, { middle } = at, ls = logitsOf(block, c), gs = gatesOf(block, c), items = [];
  const pitch = Math.min(70, middle.h / (M + 1)), top = middle.y + (middle.h - pitch * M) / 2;
  for (let m = 0; m < M; m++) {
    const y = top + m * pitch, wide = gs[m] * (middle.w - 20) * view.t;
    items.push({ k: "rect", part: "inset", x: middle.x + 10, y: y + 20, w: Math.max(wide, 1), h: 16, fill: colours.branches[m] });
    items.push(text(middle.x + 10, y + 14, `${head.branches[m]}: g${String.fromCharCode(8320 + m)} = ${said(ls[m])}`, colours.ink, { anchor: "start" }));
    items.push(text(middle.x + middle.w - 10, at.narrow ? y + 50 : y + 14, `a${String.fromCharCode(8320 + m)} = ${said(gs[m])}`, colours.ink, { anchor: "end", weight: 700, name: `a${m}`, value: gs[m] }));
  }
  return items;
};

/** The class scores with the gates as they are, with all of them 1, and without the pinned channel. */
const answers = (block, view, at, colours) => {
  const { head } = block, { middle, large } = at, items = [], pitch = Math.min(88 * large, middle.h / 3), row = 20 * large;
  const { answers: got, words } = head, rows = [[words.as_is, head.scores], [words.all_one, got.ones], [fill(words.closed, { c: view.pinned }), got[view.pinned]]];
  rows.forEach(([name, scores], i) => {
    const y = middle.y + middle.h / 2 + (i - rows.length / 2) * pitch + 16 * large;
    const strange = scores?.[0]?.listed === false ? 1 : 0;
    items.push(text(middle.x, y, name, colours.ink, { anchor: "start", weight: 600 }));
    if (strange) items.push(text(middle.x, y + row, words.strange, colours.ink, { anchor: "start", most: middle.w }));
    if (!scores?.length) items.push(text(middle.x, y + row, scores ? words.none : head.ask ? words.asking : words.apart, colours.muted, { anchor: "start" }));
    (scores ?? []).slice(0, 2 - strange).forEach(({ label, share }, j) => {
      const line = y + (1 + j + strange) * row;
      items.push(text(middle.x, line, label, j ? colours.muted : colours.ink, { anchor: "start", most: middle.w * 0.45 }));
      items.push({ k: "rect", part: "inset", x: middle.x + middle.w * 0.48, y: line - 9 * large, w: Math.max(middle.w * 0.3 * share, 1), h: 10 * large, fill: colours.u });
      items.push(text(middle.x + middle.w, line, `${said(100 * share, 1)} %`, colours.ink, { anchor: "end", name: `answer${i}.${j}`, value: share }));
    });
  });
  return items;
};

const INSETS = { map, curve, answers };

export const inset = (name, ...all) => INSETS[name](...all);

// One picture of the stage as a list of items: a pure function of the block and of what is chosen. Nothing here draws.
//
// An item is {k, part, ...}: rect {x, y, w, h, fill | stroke}, line {x1, y1, x2, y2, stroke, width}, path {points, stroke},
// circle {x, y, r, fill}, text {x, y, s, size, anchor, weight, fill, name, value}, atlas and map {x, y, w, h, ...}: cells
// of feature maps. ``value`` is the number itself that a text tells, ``name`` what it is of.
import { gatesOf, order } from "./data.js";
import { inset } from "./insets.js";
import { columns, layout } from "./layout.js";
import { network } from "./network.js";
import { logitsOf, said, votes } from "./numbers.js";
import { fill, steps } from "./steps.js";

/**
 * @typedef {Object} View what is chosen
 * @property {string} step
 * @property {number} pinned channel
 * @property {"index" | "z" | "gate"} sort
 * @property {"block" | "channel"} scope of the maps' colours
 * @property {string} fn gate function of the gate step
 * @property {number} wipe share of the output that is uncovered, in the step that rescales
 * @property {number} t from 0, where a move begins, to 1, where it rests
 */

const FADED = 0.25; // how far one sees a shape that a step does not speak of, and a word
export const READABLE = 0.62;
const LINES = ["reports", "votes"]; // which are many, and lie over each other
const MOST_BARS = 2.2; // px a bar needs
const NOTE = 13; // px of small words, and what a letter of them takes
const LETTER = 5.6;

/** The greatest |value| of every map of these kinds: what the colours of a block reach to. */
const reach = ({ range }) => range.reduce((most, v) => Math.max(most, Math.abs(v)), 0) || 1;

/** (columns, rows) of an atlas in its box and the size of a cell. */
export const grid = ({ C, head }, box, share = 1) => {
  const aspect = head.cell_w / head.cell_h, room = { ...box, h: box.h * share };
  const cols = columns(C, room, aspect), rows = Math.ceil(C / cols);
  const w = Math.min(box.w / cols, (room.h / rows) * aspect), h = w / aspect;
  return { cols, rows, w, h };
};

/** The box of channel c in an atlas. */
export const cell = ({ cols, w, h }, box, at) => ({ x: box.x + (at % cols) * w, y: box.y + Math.floor(at / cols) * h, w, h });

const pinBox = (box, part, colour) => ({ k: "rect", part, ...box, stroke: colour, width: 3 });

const title = (part, x, y, s, colour, anchor = "start") => ({ k: "text", part, x, y, s, size: 15, weight: 600, anchor, fill: colour });
const note = (part, x, y, s, colour, anchor = "start") => ({ k: "text", part, x, y, s, size: NOTE, anchor, fill: colour });

/** The network: the photo, a strip of gates for every block, the answer. */
const ribbon = (block, view, at, { ink, muted, pinned, u }) => {
  const { head, strips } = block, { x, y, w } = at.ribbon, n = head.blocks.length, each = strips.length / n;
  const side = 56, answer = at.narrow ? w - side - 12 : Math.min(230 * at.large, w * 0.24);
  const left = at.narrow ? x : x + side + 14, right = at.narrow ? x + w : x + w - answer - 24;
  const top = at.narrow ? y + side + 12 : y + 6, tall = at.narrow ? 22 : 30, pitch = (right - left) / n;
  const gap = pitch > 12 ? 4 : 1, labelled = pitch > 30 && !at.narrow;
  const items = [{ k: "photo", part: "ribbon", x, y, w: side, h: side }];
  head.blocks.forEach(({ name, short }, i) => {
    const box = { x: left + i * pitch, y: top, w: Math.max(pitch - gap, 1), h: tall }, here = name === head.name;
    items.push({ k: "strip", part: "ribbon", ...box, values: strips.subarray(i * each, (i + 1) * each) });
    if (head.ask) items.push({ k: "target", part: "ribbon", ...box, act: "block", to: name, label: fill(head.words.open, { name: short }) });
    if (here) items.push(pinBox({ x: box.x - 2, y: box.y - 2, w: box.w + 4, h: box.h + 4 }, "ribbon", pinned));
    if (labelled || here) {
      const middle = Math.min(Math.max(box.x + box.w / 2, left + 10), right - 10);
      items.push({ ...note("ribbon", middle, top + tall + 17, short, here ? pinned : muted, "middle"), weight: here ? 700 : 400 });
    }
  });
  const from = at.narrow ? x + side + 12 : x + w - answer;
  const strange = head.scores[0]?.listed === false ? 1 : 0;
  if (strange) items.push({ ...note("answer", from, y + 15, head.words.strange, ink), weight: 600, most: answer });
  head.scores.slice(0, 3 - strange).forEach(({ label, share }, i) => {
    const line = y + 15 + (i + strange) * 20;
    items.push({ ...note("answer", from, line, label, i ? muted : ink), weight: i ? 400 : 600, most: answer * 0.5 });
    items.push({ k: "rect", part: "answer", x: from + answer * 0.52, y: line - 9, w: Math.max(answer * 0.24 * share, 1), h: 9, fill: u });
    items.push({ ...note("answer", from + answer, line, `${said(100 * share, 1)} %`, i ? muted : ink, "end"), name: `share${i}`, value: share });
  });
  return items;
};

/** All maps of U: one atlas a branch, one below the other. */
const maps = (block, view, at, { ink, muted, pinned }, ordered) => {
  const { head, M, C } = block, items = [], share = 1 / M, lift = M > 1 ? 18 : 0;
  items.push(title("maps", at.u.x, at.u.y - 12, fill(head.words.maps, { m: M > 1 ? `${M}×` : "", c: C, h: head.h, w: head.w }), ink));
  for (let m = 0; m < M; m++) {
    const box = { x: at.u.x, y: at.u.y + m * at.u.h * share + lift, w: at.u.w, h: at.u.h * share - lift };
    const cells = grid(block, box);
    if (M > 1) items.push(note("maps", box.x, box.y - 4, head.branches[m], ink));
    items.push({ k: "atlas", part: "maps", m, ...box, ...cells, cw: cells.w, ch: cells.h, w: cells.w * cells.cols, h: cells.h * cells.rows, order: ordered, gain: null });
    items.push(pinBox(cell(cells, box, ordered.indexOf(view.pinned)), "maps", pinned));
  }
  const seen = items.find(({ k }) => k === "atlas"), small = seen.cw < Math.min(8, head.cell_w);
  const [tall, wide] = small ? [Math.floor(seen.ch), Math.floor(seen.cw)] : [head.cell_h, head.cell_w];
  if (tall < head.h) items.push(note("maps", at.u.x, at.u.y + at.u.h + 18, fill(head.words.reduced, { h: tall, w: wide }), muted));
  return items;
};

/** Bars for every channel in order; where there are more than fit, each bar is the mean of several. */
const binned = (values, ordered, tall) => {
  const n = ordered.length, bars = Math.min(n, Math.floor(tall / MOST_BARS)), each = Math.ceil(n / bars);
  return { each, bars: Array.from({ length: Math.ceil(n / each) }, (_, i) => {
    const some = ordered.slice(i * each, (i + 1) * each);
    return some.reduce((sum, c) => sum + values[c], 0) / some.length;
  }) };
};

const squeeze = (block, view, at, colours, ordered) => {
  const { z, head, C } = block, { x, y, w, h } = at.z, { each, bars } = binned(z, ordered, h);
  const low = Math.min(0, ...bars), most = Math.max(...bars, 0) - low || 1, zero = x + (-low / most) * w, tall = h / bars.length;
  const items = [title("z", x, at.z.y - 12, "z", colours.ink)];
  bars.forEach((v, i) => {
    const wide = (Math.abs(v) / most) * w, here = ordered.indexOf(view.pinned) / each >= i && ordered.indexOf(view.pinned) / each < i + 1;
    items.push({ k: "rect", part: "z", x: v < 0 ? zero - wide : zero, y: y + i * tall, w: Math.max(wide, 0.5), h: Math.max(tall - 1, 1), fill: here ? colours.pinned : colours.z });
  });
  items.push({ k: "line", part: "z", x1: zero, y1: y, x2: zero, y2: y + h, stroke: colours.muted, width: 1 });
  items.push(note("z", at.narrow ? x : x + w / 2, y + h + 18, fill(each > 1 ? head.words.several : head.words.numbers, { n: C, k: each }), colours.muted, at.narrow ? "start" : "middle"));
  return items;
};

/** Gates of all channels; where branches compete, their shares side by side, which fill the row. */
const gates = (block, view, at, colours, ordered) => {
  const { M, C, gate, head } = block, { x, y, w, h } = at.gate, items = [];
  items.push(title("gate", x, y - 12, M > 1 ? `${head.words.shares} a` : `${head.words.gate} s`, colours.ink));
  const rows = Array.from({ length: M }, (_, m) => binned(gate.subarray(m * C, (m + 1) * C), ordered, h));
  const { each } = rows[0], tall = h / rows[0].bars.length, here = Math.floor(ordered.indexOf(view.pinned) / each);
  rows[0].bars.forEach((_, i) => {
    let from = x;
    rows.forEach(({ bars }, m) => {
      const fillOf = M > 1 ? colours.branches[m] : here === i ? colours.pinned : null;
      items.push({ k: "rect", part: "gate", x: from, y: y + i * tall, w: Math.max(bars[i] * w, 0.5), h: Math.max(tall - 1, 1), fill: fillOf, gate: bars[i] });
      from += bars[i] * w;
    });
    if (M > 1 && here === i) items.push(pinBox({ x: x - 2, y: y + i * tall - 1, w: w + 4, h: tall + 1 }, "gate", colours.pinned));
  });
  for (const end of [0, 1]) {
    items.push({ k: "line", part: "gate", x1: x + end * w, y1: y, x2: x + end * w, y2: y + h, stroke: colours.muted, width: 1, dash: end ? 3 : 0 });
    items.push(note("gate", x + end * w, y + h + 18, String(end), colours.muted, "middle"));
  }
  return items;
};

/** The block's output; while it is uncovered from left to right, U is still seen on the right. */
const output = (block, view, at, { ink, pinned }, ordered) => {
  const { out } = at, cells = grid(block, out), right = at.narrow ? out.x : out.x + out.w - cells.w * cells.cols;
  const box = { ...out, x: right };
  return [
    title("out", at.narrow ? out.x : out.x + out.w, out.y - 12, block.M > 1 ? "V = Σ aₘ · Uₘ" : "X̃ = s · U", ink, at.narrow ? "start" : "end"),
    { k: "atlas", part: "out", m: "out", ...box, ...cells, cw: cells.w, ch: cells.h, w: cells.w * cells.cols, h: cells.h * cells.rows, order: ordered, gain: view.step === "rescale" ? view.wipe : 1 },
    pinBox(cell(cells, box, ordered.indexOf(view.pinned)), "out", pinned),
  ];
};

/** The way past the excitation, and the arrows between the parts. */
const ways = (block, at, { ink, muted }) => {
  if (at.narrow) return [];
  const { head } = block, from = at.u.x + at.u.w / 2, to = at.out.x + at.out.w / 2, y = at.around;
  const middle = at.u.y + at.u.h / 2, arrow = (part, x1, x2, s) => [
    { k: "arrow", part, x1, y1: middle, x2, y2: middle, stroke: muted, width: 2 },
    note(part, (x1 + x2) / 2, middle - 10, s, muted, "middle"),
  ];
  return [
    { k: "path", part: "around", points: [[from, y + 10], [from, y], [to, y], [to, y + 10]], stroke: muted, width: 2 },
    note("around", (from + to) / 2, y - 7, head.words.around, ink, "middle"),
    ...arrow("z", at.u.x + at.u.w + 5, at.z.x - 6, head.words[head.squeeze] ?? head.squeeze),
    ...arrow("out", at.gate.x + at.gate.w + 7, at.out.x - 6, "×"),
  ];
};

/** The titles of parts lead to the pages that look closer at them. */
const doors = ({ head: { pages, words } }, at) => {
  const { u, z, middle, gate, out, ribbon } = at, title = ({ x, w }, y) => ({ x, y: y - 28, w, h: 24 });
  const boxes = { maps: title(u, u.y), z: title({ x: z.x, w: z.w * 0.7 }, z.y), hidden: title({ x: middle.x + middle.w / 2 - 45, w: 90 }, middle.y),
    gate: title(gate, gate.y), out: title({ x: at.narrow ? out.x : out.x + out.w - 90, w: 90 }, out.y), answer: { x: ribbon.x + ribbon.w - 190, y: ribbon.y, w: 190, h: 60 } };
  return Object.entries(pages).map(([part, { page, name }]) => ({ k: "target", part, ...boxes[part], page, label: fill(words.closer, { name }) }));
};

/** The pinned channel from its map to its map: the arithmetic in its own numbers. */
const strip = (block, view, at, colours) => {
  const { head, M, z } = block, c = view.pinned, { x, y, w, h } = at.strip, { ink, muted, pinned, paper } = colours;
  const gs = gatesOf(block, c), ls = logitsOf(block, c), items = [{ k: "rect", part: "strip", x, y, w, h, fill: colours.tint, fade: 0.4, round: 8 }];
  const side = at.narrow ? 64 : h - 20, last = M - 1;
  items.push({ k: "map", part: "strip", x: x + 10, y: y + 10, w: side, h: side, c, weights: Array(M).fill(1) });
  items.push({ k: "map", part: "strip", x: x + w - side - 10, y: at.narrow ? y + h - side - 10 : y + 10, w: side, h: side, c, weights: gs });
  const line = at.narrow ? [y + 26, y + 48] : [y + 32, y + 56], left = x + side + 24;
  items.push({ ...title("strip", left, line[0], fill(head.words.channel, { c }), pinned) });
  items.push(note("strip", left, line[1], fill(head.words.values, { n: head.h * head.w }), muted));
  const index = M > 1 ? String.fromCharCode(8320 + last) : "", from = at.narrow ? x + 10 : left + 112, room = at.narrow ? w - 20 : x + w - side - 130 - from;
  const fits = (s) => s.length * LETTER * at.large < room / 3 - 4; // a number is not cut
  const softmax = [`softmax(${ls.map((v) => said(v, 2)).join(", ")})`, "softmax(g)"].find(fits);
  const fn = { sigmoid: `σ(${said(ls[last], 4)})`, h_sigmoid: `h-σ(${said(ls[last], 4)})`, softmax }[head.gate_fn] ?? head.gate_fn;
  const sums = [2, 1].map((n) => votes(block, c, last).slice(0, n).map(({ weight, value }) => `${said(weight, 3)}·${said(value, 2)}`).join(" + ").replace("+ −", "− "));
  const found = sums.find((sum) => fits(`${sum} + …`)) ?? sums[1];
  const steps3 = [
    ["z", head.words[head.squeeze] ?? head.squeeze, "z", z[c]],
    ["logit", found ? `${found} + …` : "", `g${index}`, ls[last]],
    ["gate", fn, M > 1 ? `a${index}` : "s", gs[last]],
  ];
  steps3.forEach(([name, how, letter, value], i) => {
    const middle = from + room * (i + 0.5) / 3, top = at.narrow ? y + 100 : line[0] - 4;
    items.push({ ...note("strip", middle, top, how, muted, "middle"), most: room / 3 - 4 });
    items.push({ k: "text", part: "strip", x: middle, y: top + 26, s: `${letter} = ${said(value)}`, size: at.narrow ? 14 : 17, weight: 700, anchor: "middle", fill: ink, name, value });
  });
  const far = x + w - side - 22, end = at.narrow ? y + h - 44 : line[0];
  items.push(note("strip", far, end, head.words.leaves, muted, "end"));
  const kept = M > 1 ? fill(head.words.mostly, { share: Math.round(100 * Math.max(...gs)), branch: head.branches[gs.indexOf(Math.max(...gs))] }) : fill(head.words.kept, { percent: Math.round(100 * gs[0]) });
  items.push({ ...note("strip", far, end + 20, kept, ink, "end"), weight: 600, size: 13 });
  return items;
};

/** @returns {{at: Object, items: Object[], reach: number, ordered: number[]}} everything that is to be drawn */
export const frame = (block, view, W, H) => {
  const step = steps(block).find(({ id }) => id === view.step) ?? steps(block)[0];
  const at = layout(W, H, step.focus, view.letters), colours = block.head.colours, ordered = order(block, view.sort);
  const items = [
    ...ribbon(block, view, at, colours), ...ways(block, at, colours), ...maps(block, view, at, colours, ordered),
    ...squeeze(block, view, at, colours, ordered), ...gates(block, view, at, colours, ordered),
    ...output(block, view, at, colours, ordered), ...strip(block, view, at, colours), ...doors(block, at),
    ...(step.inset ? inset(step.inset, block, view, at, colours) : network(block, view, at, colours, ordered)),
  ];
  return { at, ordered, reach: reach(block), items: items.map((item) => ({ ...item, alpha: item.part === "inset" || step.focus.includes(item.part) ? 1 : LINES.includes(item.part) ? FADED / 2 : FADED })) };
};

// The excitation between z and the gates: hidden units and the lines to and from them.
import { reports, said, votes } from "./numbers.js";
import { fill } from "./steps.js";

const MOST_LINES = 240; // of each layer; the strongest are drawn
const ROOMY = 24; // hidden units that are large enough for their number

/** Where bar ``at`` of n ends at the middle's edge. */
const level = (box, at, n) => box.y + ((at + 0.5) / n) * box.h;

/** y of hidden unit j, spread over the middle. */
export const height = (R, box, j) => (R === 1 ? box.y + box.h / 2 : box.y + 20 + (j / (R - 1)) * (box.h - 40));

const strongest = (lines, most = MOST_LINES) => lines.sort((a, b) => Math.abs(b.v) - Math.abs(a.v)).slice(0, most);

const stroke = (v, top, { opens, closes }, part, from, to) => ({
  k: "line", part, x1: from[0], y1: from[1], x2: to[0], y2: to[1], stroke: v < 0 ? closes : opens,
  width: 0.6 + 1.4 * Math.abs(v) / top, fade: 0.1 + 0.5 * Math.abs(v) / top,
});

/** Lines from z to the units, the units, and their votes; those on the pinned channel are thick. */
export const network = (block, view, at, colours, ordered) => {
  const { C, R, M, hidden, w1, w2, head } = block, { ink, muted } = colours, { middle } = at, last = M - 1;
  const left = middle.x, right = middle.x + middle.w, centre = middle.x + middle.w / 2, place = new Map(ordered.map((c, i) => [c, i]));
  const items = [], pinnedAt = [right, level(at.gate, place.get(view.pinned), C)];
  let told = "";
  if (!R) return direct(block, view, at, colours, place);
  if (w1.length) {
    const all = Array.from({ length: R }, (_, j) => Array.from(reports(block, j), (v, c) => ({ v, c, j }))).flat();
    const drawn = strongest(all), top = Math.abs(drawn[0]?.v) || 1;
    for (const { v, c, j } of drawn) items.push(stroke(v, top, colours, "reports", [left, level(at.z, place.get(c), C)], [centre, height(R, middle, j)]));
    if (drawn.length < all.length && view.step === "compress") told = fill(head.words.strongest, { n: drawn.length, of: all.length });
  }
  if (w2.length) {
    const others = ordered.filter((_, i) => i % Math.ceil(C / 24) === 0).flatMap((c) => votes(block, c, last).map(({ vote, from }) => ({ v: vote, c, j: from })));
    const drawn = strongest(others), top = Math.abs(drawn[0]?.v) || 1;
    for (const { v, c, j } of drawn) items.push({ ...stroke(v, top, colours, "votes", [centre, height(R, middle, j)], [right, level(at.gate, place.get(c), C)]), fade: 0.12 });
    const mine = votes(block, view.pinned, last), most = Math.abs(mine[0]?.vote) || 1;
    for (const { vote, from } of mine.slice(0, ROOMY)) {
      if (vote) items.push({ ...stroke(vote, most, colours, "votes", [centre, height(R, middle, from)], pinnedAt), fade: 0.95, width: 0.8 + 4 * Math.abs(vote) / most });
    }
  }
  const top = Math.max(...hidden.map(Math.abs)) || 1, radius = R <= ROOMY ? Math.max(7, Math.min(17, (middle.h - 40) / R / 2.1)) : Math.max(1.5, (middle.h - 40) / R / 2.2);
  hidden.forEach((v, j) => {
    const y = height(R, middle, j), off = v === 0, strength = off ? 0 : 0.35 + 0.65 * Math.abs(v) / top;
    items.push({ k: "circle", part: "hidden", x: centre, y, r: radius, fill: off ? colours.paper : colours.hidden, stroke: off ? colours.dead : colours.hidden, strength });
    if (off) for (const way of [-1, 1]) items.push({ k: "line", part: "hidden", x1: centre - radius * 0.7, y1: y - way * radius * 0.7, x2: centre + radius * 0.7, y2: y + way * radius * 0.7, stroke: colours.dead, width: 1.5 });
    if (radius >= 11) items.push({ k: "text", part: "hidden", x: centre, y: y + 4, s: off ? "0" : said(v, 1), size: 12, weight: 600, anchor: "middle", fill: off ? colours.dead : strength < 0.6 ? ink : colours.onHidden, name: `hidden${j}`, value: v });
  });
  items.push({ k: "text", part: "hidden", x: centre, y: middle.y - 12, s: head.act || "h", size: 15, weight: 600, anchor: "middle", fill: ink });
  const units = fill(head.words.units, { n: R, r: Math.round(C / R) }), below = middle.y + middle.h + (at.narrow ? 35 : 18);
  (at.narrow && told ? [units, told] : [told || units]).forEach((s, i) => items.push({ ...note("hidden", centre, below + i * 17, s, muted), anchor: "middle" }));
  return items;
};

const note = (part, x, y, s, fillOf) => ({ k: "text", part, x, y, s, size: 13, anchor: "start", fill: fillOf });

/** One layer and nothing hidden: the lines that reach the pinned gate, or a word on the layer. */
const direct = (block, view, at, colours, place) => {
  const { C, head, w2, z } = block, { middle } = at, right = middle.x + middle.w;
  const to = [right, level(at.gate, place.get(view.pinned), C)], items = [];
  const mine = w2.length ? votes(block, view.pinned, block.M - 1).slice(0, 64) : head.near ? near(view.pinned, head.near, C).map((from) => ({ from, vote: z[from] })) : [];
  const most = Math.max(...mine.map(({ vote }) => Math.abs(vote)), 0) || 1;
  const own = w2.length ? {} : { stroke: colours.z }; // no votes are known: which z it hears
  for (const { from, vote } of mine) items.push({ ...stroke(vote, most, colours, "votes", [middle.x, level(at.z, place.get(from), C)], to), width: 0.8 + 3 * Math.abs(vote) / most, fade: 0.8, ...own });
  items.push({ k: "text", part: "votes", x: middle.x + middle.w / 2, y: middle.y - 12, s: head.words.direct, size: 14, weight: 600, anchor: "middle", fill: colours.ink });
  return items;
};

/** The k channels around c that a convolution along the channels sees. */
const near = (c, k, C) => Array.from({ length: k }, (_, i) => c + i - (k - 1) / 2).filter((each) => each >= 0 && each < C);

// Where things stand: rectangles in px for a stage of a given width and height. Nothing here knows a number of the block.

/** @typedef {{x: number, y: number, w: number, h: number}} Rect */

export const NARROW = 620; // px from which on the parts stand side by side

const rect = (x, y, w, h) => ({ x, y, w, h });

/** Columns of a grid of n cells of one shape in a box, as square as the box. */
export const columns = (n, box, aspect) => {
  const ideal = Math.sqrt((n * box.w) / (box.h * aspect));
  const near = [Math.floor(ideal), Math.ceil(ideal)].filter((k) => k > 0);
  const scale = (k) => Math.min(box.w / k, (box.h * aspect) / Math.ceil(n / k));
  return near.reduce((a, b) => (scale(b) > scale(a) ? b : a));
};

/** From the left to the right: U, z, hidden, gate, X̃; above them the network, below them the pinned channel. */
const wide = (W, H, letters) => {
  const ribbon = rect(0, 0, W, 70), top = 132, strip = rect(0, H - 92, W, 88);
  const h = strip.y - top - 30, map = Math.min(h, 0.265 * W), arrow = Math.max(38, 0.045 * W);
  const y = top + (h - Math.min(h, map * 1.25)) / 2, tall = Math.min(h, map * 1.25);
  const u = rect(0, y, map, tall), out = rect(W - map, y, map, tall);
  const left = map + arrow, right = W - map - arrow, span = right - left;
  const z = rect(left, y, span * 0.14, tall), gate = rect(right - span * 0.2, y, span * 0.2, tall);
  const middle = rect(z.x + z.w + 10, y, gate.x - z.x - z.w - 20, tall);
  return { W, H, large: letters * Math.min(Math.max(W / 1050, 1), 1.35), narrow: false, ribbon, around: y - 40, u, z, middle, gate, out, strip };
};

/** The same from the top down, for a phone: maps that the step does not speak of make room for what it does. */
const narrow = (W, lit) => {
  const maps = (part) => W * (lit.includes(part) ? 0.8 : 0.3);
  const ribbon = rect(0, 0, W, 104), u = rect(0, 140, W, maps("maps"));
  const y = u.y + u.h + 52, tall = 230;
  const z = rect(0, y, W * 0.2, tall), gate = rect(W * 0.76, y, W * 0.24 - 6, tall);
  const middle = rect(W * 0.23, y, W * 0.5, tall);
  const out = rect(0, y + tall + 78, W, maps("out")), strip = rect(0, out.y + out.h + 22, W, 226);
  return { W, H: strip.y + strip.h + 4, large: 1, narrow: true, ribbon, around: null, u, z, middle, gate, out, strip };
};

/**
 * @param {number} H height that there is; a narrow stage takes what it needs
 * @param {string[]} lit parts that the step speaks of
 * @param {number} letters how many times larger than usual they are
 * @returns the rectangles of every part
 */
export const layout = (W, H, lit, letters = 1) => (W < NARROW ? narrow(W, lit) : wide(W, H, letters));

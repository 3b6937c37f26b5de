// Puts the items of a frame on screen: shapes and maps on a canvas, words in an SVG above it. Keeps nothing between frames
// but the pictures of the atlases, which change with the block, the order and the colours alone.
import { mixed } from "./data.js";
import { READABLE } from "./frame.js";

const SVG = "http://www.w3.org/2000/svg";

/** Colour of ``share`` in [0, 1] on a ramp of (n, 3) bytes. */
const at = (ramp, share) => 3 * Math.min(Math.max(Math.round(share * (ramp.length / 3 - 1)), 0), ramp.length / 3 - 1);
const css = (ramp, share) => `rgb(${ramp.slice(at(ramp, share), at(ramp, share) + 3).join()})`;

/** What a colour is in memory: red, green, blue, and opaque. */
const colour = (ramp, share) => { const i = at(ramp, share); return (255 << 24) | (ramp[i + 2] << 16) | (ramp[i + 1] << 8) | ramp[i]; };

/**
 * The sum of weights[m] * map of branch m as pixels; ``far`` is what the ends of the diverging ramp stand for.
 * One branch has 256 levels, of which each has its colour once; sums of several are coloured value by value.
 */
const paint = (pixels, width, left, top, block, c, weights, far, ramp) => {
  const { cell_w: w, cell_h: h } = block.head, branches = weights.flatMap((weight, m) => (weight ? [m] : [])), [m] = branches;
  let colourOf;
  if (branches.length > 1) {
    const sum = mixed(block, c, weights);
    colourOf = (i) => colour(ramp, sum[i] / far / 2 + 0.5);
  } else {
    const size = w * h, from = ((m ?? 0) * block.C + c), low = block.range[2 * from], step = (block.range[2 * from + 1] - low) / 255;
    const weight = weights[m] ?? 0, levels = block.maps.subarray(from * size, (from + 1) * size);
    const table = Int32Array.from({ length: 256 }, (_, level) => colour(ramp, (weight * (low + level * step)) / far / 2 + 0.5));
    colourOf = (i) => table[levels[i]];
  }
  for (let y = 0, i = 0; y < h; y++) for (let x = 0, to = (top + y) * width + left; x < w; x++) pixels[to++] = colourOf(i++);
};

/** The greatest |value| of a channel's map, the branches' together. */
const greatest = (block, c) => {
  if (block.M === 1) return Math.max(-block.range[2 * c], block.range[2 * c + 1], 0) || 1;
  return mixed(block, c, Array(block.M).fill(1)).reduce((most, v) => Math.max(most, Math.abs(v)), 0) || 1;
};

const picture = (w, h, fill) => {
  const canvas = new OffscreenCanvas(w, h), context = canvas.getContext("2d"), image = context.createImageData(w, h);
  fill(new Int32Array(image.data.buffer));
  context.putImageData(image, 0, 0);
  return canvas;
};

/** Draws frames of one block into one element. */
export const painter = (root, block) => {
  const { head } = block, { colours } = head, ramps = { maps: head.ramps.maps, gates: head.ramps.gates };
  const canvas = root.querySelector("canvas"), svg = root.querySelector("svg"), kept = new Map();
  const once = (key, make) => kept.get(key) ?? kept.set(key, make()).get(key);
  const { cell_w: cw, cell_h: ch } = head, dense = devicePixelRatio || 1;

  const sheet = (item, view, far) => {
    const { m, order, cols, rows } = item, own = view.scope === "channel";
    return once(["sheet", m, view.sort, view.scope, cols].join(), () =>
      picture(cols * cw, rows * ch, (pixels) => order.forEach((c, i) => {
        const weights = Array.from({ length: block.M }, (_, b) => ({ out: block.gate[b * block.C + c], sum: 1 })[m] ?? +(b === m));
        paint(pixels, cols * cw, (i % cols) * cw, Math.floor(i / cols) * ch, block, c, weights, own ? greatest(block, c) : far, ramps.maps);
      })));
  };
  const single = ({ c, weights }) => once(["map", c, ...weights].join(), () => {
    return picture(cw, ch, (pixels) => paint(pixels, cw, 0, 0, block, c, weights, greatest(block, c), ramps.maps));
  });

  const shapes = {
    rect: (g, { x, y, w, h, fill, stroke, width, round, gate, fade }) => {
      g.globalAlpha *= fade ?? 1;
      g.beginPath();
      g.roundRect(x, y, w, h, round ?? 0);
      if (fill || gate !== undefined) g.fillStyle = fill ?? css(ramps.gates, gate), g.fill();
      if (stroke) g.strokeStyle = stroke, g.lineWidth = width, g.stroke();
    },
    line: (g, { x1, y1, x2, y2, stroke, width, dash, fade }) => {
      g.globalAlpha *= fade ?? 1;
      g.setLineDash(dash ? [dash, dash] : []);
      g.strokeStyle = stroke, g.lineWidth = width;
      g.beginPath(), g.moveTo(x1, y1), g.lineTo(x2, y2), g.stroke();
    },
    path: (g, { points, stroke, width, dash }) => {
      g.setLineDash(dash ? [dash, dash] : []);
      g.strokeStyle = stroke, g.lineWidth = width, g.lineJoin = "round";
      g.beginPath(), points.forEach(([x, y], i) => (i ? g.lineTo(x, y) : g.moveTo(x, y))), g.stroke();
    },
    arrow: (g, { x1, y1, x2, y2, stroke, width }) => {
      shapes.line(g, { x1, y1, x2: x2 - 6, y2, stroke, width });
      g.fillStyle = stroke;
      g.beginPath(), g.moveTo(x2, y2), g.lineTo(x2 - 9, y2 - 5), g.lineTo(x2 - 9, y2 + 5), g.fill();
    },
    circle: (g, { x, y, r, fill, stroke, strength }) => {
      g.beginPath(), g.arc(x, y, r, 0, 7);
      if (stroke) g.fillStyle = colours.paper, g.fill();
      if (strength) g.save(), (g.globalAlpha *= strength), (g.fillStyle = fill), g.fill(), g.restore();
      if (stroke) g.strokeStyle = stroke, g.lineWidth = 1.5, g.stroke();
    },
    strip: (g, { x, y, w, h, values }) => values.forEach((v, i) => {
      g.fillStyle = css(ramps.gates, v / 255);
      g.fillRect(x + (i * w) / values.length, y, w / values.length + 0.5, h);
    }),
    photo: (g, { x, y, w, h }) => root.photo && g.drawImage(root.photo, x, y, w, h),
    map: (g, item) => g.drawImage(single(item), item.x, item.y, item.w, item.h),
    atlas: (g, item, view, far) => {
      const image = sheet(item, view, far), { x, y, w, h, gain, cols, rows, cw: wide, ch: tall } = item;
      g.imageSmoothingEnabled = image.width > w * dense; // smaller than they are: neighbours are averaged, none is left out
      g.imageSmoothingQuality = "high";
      g.drawImage(image, x, y, w, h);
      if (item.m === "out" && gain < 1) { // U is still seen right of the edge, cell by cell as it was
        const before = sheet({ ...item, m: "sum" }, view, far), cut = gain * w;
        g.drawImage(before, (cut / w) * before.width, 0, before.width - (cut / w) * before.width, before.height, x + cut, y, w - cut, h);
        shapes.line(g, { x1: x + cut, y1: y, x2: x + cut, y2: y + h, stroke: colours.ink, width: 2 });
      }
      g.strokeStyle = colours.paper, g.lineWidth = wide > 14 ? 2 : wide > 6 ? 1 : 0.5;
      g.beginPath();
      for (let i = 0; i <= cols; i++) g.moveTo(x + i * wide, y), g.lineTo(x + i * wide, y + h);
      for (let i = 0; i <= rows; i++) g.moveTo(x, y + i * tall), g.lineTo(x + w, y + i * tall);
      g.stroke();
    },
    text: () => {},
    target: () => {},
  };

  const family = getComputedStyle(root).fontFamily; // measured on the canvas: the page need not be laid out for it
  const short = (s, most, font) => {
    const pen = canvas.getContext("2d");
    pen.font = font;
    let said = s;
    for (let n = s.length; n > 2 && pen.measureText(said).width > most; ) said = `${s.slice(0, --n)}…`;
    return said;
  };
  const word = (large, { x, y, s, size, anchor, weight, fill, alpha, name, value, most }) => {
    const text = document.createElementNS(SVG, "text");
    const given = { x, y, "font-size": size * large, "text-anchor": anchor ?? "start", "font-weight": weight ?? 400, fill, opacity: Math.max(alpha, READABLE) };
    Object.entries(given).forEach(([key, v]) => text.setAttribute(key, v));
    if (name !== undefined) text.dataset.number = name, text.dataset.value = value;
    text.textContent = most ? short(s, most, `${weight ?? 400} ${size * large}px ${family}`) : s;
    svg.append(text);
  };

  /** @param drawn a frame */
  return (drawn, view) => {
    const { W, H } = drawn.at, g = canvas.getContext("2d");
    if (canvas.width !== Math.round(W * dense) || canvas.height !== Math.round(H * dense)) {
      canvas.width = Math.round(W * dense), canvas.height = Math.round(H * dense);
      canvas.style.height = svg.style.height = `${H}px`;
      svg.setAttribute("viewBox", `0 0 ${W} ${H}`);
    }
    g.setTransform(dense, 0, 0, dense, 0, 0);
    g.clearRect(0, 0, W, H);
    g.imageSmoothingEnabled = false;
    svg.replaceChildren();
    for (const item of drawn.items) {
      g.save();
      g.globalAlpha = item.alpha;
      shapes[item.k](g, item, view, drawn.reach);
      g.restore();
      if (item.k === "text") word(drawn.at.large, item);
    }
    if (kept.size > 64) kept.clear();
  };
};

// The stage as a slide: the same frame drawn once more at the size of a slide, with its words, and saved by the browser.
import { painter } from "./draw.js";
import { READABLE, frame } from "./frame.js";

const W = 1920, H = 1080, EDGE = 64, TOP = 130, TALL = 770;

/** Words in lines that are no wider than the page. */
const wrapped = (g, text, wide) => text.split(/(?<=[\s，。；：？])/).reduce((lines, word) => {
  const last = lines[lines.length - 1] + word;
  return g.measureText(last).width > wide ? [...lines, word] : [...lines.slice(0, -1), last];
}, [""]);

/** @param words {title, text, source} below and above the picture; @returns {Promise<Blob>} PNG of 1920 by 1080 pixels */
export const slide = (root, block, view, { title, text, source }) => {
  const { colours } = block.head, family = getComputedStyle(root).fontFamily;
  const sheet = document.createElement("div"), drawn = frame(block, view, W - 2 * EDGE, TALL);
  sheet.innerHTML = "<canvas></canvas><svg></svg>";
  sheet.photo = root.photo;
  painter(sheet, block)(drawn, view);
  const page = new OffscreenCanvas(W, H), g = page.getContext("2d");
  const write = (s, x, y, size, weight, fill, anchor = "left") => {
    Object.assign(g, { font: `${weight} ${size}px ${family}`, textAlign: { middle: "center", end: "right" }[anchor] ?? "left", fillStyle: fill });
    g.fillText(s, x, y);
  };
  g.fillStyle = colours.paper, g.fillRect(0, 0, W, H);
  g.drawImage(sheet.querySelector("canvas"), EDGE, TOP, W - 2 * EDGE, TALL);
  for (const { k, x, y, s, size, weight, fill, anchor, alpha } of drawn.items) {
    g.globalAlpha = Math.max(alpha, READABLE);
    if (k === "text") write(s, EDGE + x, TOP + y, size * drawn.at.large, weight ?? 400, fill, anchor);
  }
  g.globalAlpha = 1;
  write(title, EDGE, 84, 44, 600, colours.ink);
  g.font = `400 30px ${family}`;
  wrapped(g, text, W - 2 * EDGE).forEach((line, i) => write(line, EDGE, TOP + TALL + 50 + i * 42, 30, 400, colours.ink));
  write(source, W - EDGE, H - 24, 20, 400, colours.muted, "end");
  return page.convertToBlob();
};

// What is drawn on canvases: colours of a ramp, and curves over the columns of a film.

export const ramp = (stops) => (share) => {
  const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(at), stops.length - 2);
  return stops[low].map((v, i) => Math.round(v + (stops[low + 1][i] - v) * (at - low)));
};

// A canvas as sharp as the screen; returns its context and size in CSS pixels.
export const sharp = (canvas) => {
  const { clientWidth: w, clientHeight: h } = canvas, times = window.devicePixelRatio || 1;
  canvas.width = Math.round(w * times);
  canvas.height = Math.round(h * times);
  const pen = canvas.getContext("2d");
  pen.scale(times, times);
  return [pen, w, h];
};

/**
 * Curves over n columns, from 0 at the foot to `top`: each has places `x`, of which 0 is the middle of the first column
 * and n - 1 that of the last, values `y`, and a dot where it passes column `at`.
 */
export const drawLines = (canvas, { lines, top, grid }, n, at) => {
  const [pen, w, h] = sharp(canvas);
  const px = (x) => ((x + 0.5) / n) * w, py = (y) => h - 6 - (y / top) * (h - 12);
  pen.strokeStyle = grid;
  for (const y of [0, top / 2, top]) { pen.beginPath(); pen.moveTo(0, py(y)); pen.lineTo(w, py(y)); pen.stroke(); }
  for (const { colour, x, y, now, main } of lines) {
    pen.strokeStyle = pen.fillStyle = colour;
    pen.lineWidth = main ? 3.5 : 2;
    pen.beginPath();
    x.forEach((each, i) => (i ? pen.lineTo(px(each), py(y[i])) : pen.moveTo(px(each), py(y[i]))));
    pen.stroke();
    pen.beginPath();
    pen.arc(px(at), py(now[at]), main ? 6 : 4, 0, 7);
    pen.fill();
  }
};

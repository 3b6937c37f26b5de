// One photo at many scales. The scrubber moves photo, strips, curve, bars and answers together, and asks nobody:
// everything came with the page, and the address keeps the scale. Only a click on a strip, which pins a channel, tells
// the server.
const STEP_MS = 650;

const ramp = (stops) => (share) => {
  const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(at), stops.length - 2);
  return stops[low].map((v, i) => Math.round(v + (stops[low + 1][i] - v) * (at - low)));
};

// A canvas as sharp as the screen; returns its context and size in CSS pixels.
const sharp = (canvas) => {
  const { clientWidth: w, clientHeight: h } = canvas, times = window.devicePixelRatio || 1;
  canvas.width = Math.round(w * times);
  canvas.height = Math.round(h * times);
  const pen = canvas.getContext("2d");
  pen.scale(times, times);
  return [pen, w, h];
};

export default function ({ data, parentElement, setTriggerValue }) {
  const $ = (selector) => parentElement.querySelector(selector);
  const { signal, end } = begin(parentElement);
  const shared = everywhere();
  const root = $(".scrub"), slider = $(".slide input"), tip = $(".tip");
  const n = data.scales.length, base = data.base, paint = ramp(data.ramp);
  const blocks = data.blocks.map(({ gates, ...block }) => {
    const all = numbers(gates), count = all.length / n;
    const rows = data.scales.map((_, s) => all.subarray(s * count, (s + 1) * count));
    const order = Array.from(rows[base].keys()).sort((a, b) => rows[base][b] - rows[base][a]);
    return { ...block, rows, order, count };
  });
  const here = () => Math.max(0, blocks.findIndex((block) => block.name === shared.block));
  const pinned = (block) => Math.min(shared.channel ?? 0, block.count - 1);
  const asked = () => data.values.indexOf(new URLSearchParams(location.search).get("scale"));
  let at = asked() < 0 ? Math.min(shared.scale ?? base, n - 1) : asked();
  root.style.setProperty("--n", n);

  // --- the film ---
  $(".film .cells").replaceChildren(
    ...data.scales.map((label, s) => {
      const frame = document.createElement("button"), img = document.createElement("img"), text = document.createElement("span");
      frame.type = "button";
      frame.tabIndex = -1; // the slider is the keyboard's way
      img.src = data.frames[s];
      img.alt = "";
      text.textContent = label;
      frame.append(img, text);
      frame.onclick = () => go(s);
      return frame;
    }),
  );
  const frames = [...$(".film .cells").children];

  // --- every block's gates: one column a scale, one row a channel, sorted at the photo's own scale ---
  const strips = blocks.map((block, b) => {
    const row = document.createElement("div"), label = document.createElement("span"), cell = document.createElement("div");
    const canvas = document.createElement("canvas");
    row.className = "row";
    label.textContent = block.label;
    label.title = block.name;
    canvas.width = n;
    canvas.height = block.count;
    const pen = canvas.getContext("2d"), picture = pen.createImageData(n, block.count);
    block.order.forEach((channel, y) => {
      for (let s = 0; s < n; s++) picture.data.set([...paint(block.rows[s][channel]), 255], 4 * (y * n + s));
    });
    pen.putImageData(picture, 0, 0);
    const find = (event) => {
      const box = canvas.getBoundingClientRect();
      const s = Math.floor(((event.clientX - box.left) / box.width) * n), y = Math.floor(((event.clientY - box.top) / box.height) * block.count);
      return s < 0 || y < 0 || s >= n || y >= block.count ? null : [s, block.order[y]];
    };
    canvas.onmousemove = (event) => {
      const found = find(event);
      tip.hidden = !found;
      if (!found) return;
      const [s, channel] = found, box = $(".left").getBoundingClientRect();
      tip.textContent = `${block.label} · ${data.noun} ${channel} · ${data.scales[s]}\n${data.symbol} = ${block.rows[s][channel].toPrecision(4)}`;
      tip.style.left = `${Math.min(event.clientX - box.left + 14, box.width - tip.offsetWidth - 2)}px`;
      tip.style.top = `${event.clientY - box.top + 16}px`;
    };
    canvas.onmouseleave = () => { tip.hidden = true; };
    canvas.onclick = (event) => {
      const found = find(event);
      if (!found) return;
      [shared.channel, shared.block] = [found[1], block.name];
      repin();
      go(at);
      setTriggerValue("picked", { row: b, channel: found[1], at: Date.now() });
    };
    cell.append(canvas);
    row.append(label, cell);
    return row;
  });
  $(".strips").replaceChildren(...strips);
  const mark = document.createElement("div");
  mark.className = "mark";

  const middle = (s, width) => ((s + 0.5) / n) * width;
  const drawCurve = () => {
    const block = blocks[here()], channel = pinned(block), values = block.rows.map((row) => row[channel]);
    const pad = Math.max(0.01, 0.15 * (Math.max(...values) - Math.min(...values)));
    const low = Math.max(0, Math.min(...values) - pad), high = Math.min(1, Math.max(...values) + pad) || 1;
    const [top, bottom] = $(".ends").children;
    top.textContent = high.toFixed(2);
    bottom.textContent = low.toFixed(2);
    const [pen, w, h] = sharp($(".curve canvas"));
    const y = (v) => h - 8 - ((v - low) / (high - low)) * (h - 16);
    pen.strokeStyle = data.colours.grid;
    for (const edge of [low, high]) { pen.beginPath(); pen.moveTo(0, y(edge)); pen.lineTo(w, y(edge)); pen.stroke(); }
    pen.strokeStyle = pen.fillStyle = data.colours.pinned;
    pen.lineWidth = 3;
    pen.beginPath();
    values.forEach((v, s) => (s ? pen.lineTo(middle(s, w), y(v)) : pen.moveTo(middle(s, w), y(v))));
    pen.stroke();
    values.forEach((v, s) => { pen.beginPath(); pen.arc(middle(s, w), y(v), s === at ? 7 : 4, 0, 7); pen.fill(); });
    $(".value").textContent = `${data.noun} ${channel}: ${data.symbol} = ${values[at].toFixed(4)}`;
  };
  const drawBars = () => {
    const block = blocks[here()], channel = pinned(block);
    $(".what").textContent = `${block.label}: ${data.what} (${block.count})`;
    const [pen, w, h] = sharp($(".bars"));
    const floor = h - 2, y = (v) => floor - v * (floor - 8), wide = w / block.count;
    pen.strokeStyle = data.colours.grid;
    for (const v of [0.5, 1]) { pen.beginPath(); pen.moveTo(0, y(v)); pen.lineTo(w, y(v)); pen.stroke(); }
    block.order.forEach((c, x) => {
      pen.fillStyle = c === channel ? data.colours.pinned : data.colours.gate;
      const thick = c === channel ? Math.max(wide, 3) : wide + 0.3;
      pen.fillRect(x * wide, y(block.rows[at][c]), thick, floor - y(block.rows[at][c]));
    });
    pen.strokeStyle = data.colours.ink; // what the gates are at the photo's own scale
    pen.lineWidth = 1.5;
    pen.beginPath();
    block.order.forEach((c, x) => pen.lineTo((x + 0.5) * wide, y(block.rows[base][c])));
    pen.stroke();
  };
  const repin = () => {
    strips.forEach((row, b) => row.classList.toggle("here", b === here()));
    const block = blocks[here()], rank = block.order.indexOf(pinned(block));
    strips[here()].lastChild.append(mark);
    mark.style.top = `calc(${((rank + 0.5) / block.count) * 100}% - 1px)`;
    drawCurve();
    drawBars();
  };

  const show = (s) => {
    at = shared.scale = s;
    slider.value = s;
    frames.forEach((frame, i) => frame.classList.toggle("here", i === s));
    const cursor = $(".cursor");
    cursor.style.left = `calc(var(--label) + (100% - var(--label)) * ${s / n})`;
    cursor.style.width = `calc((100% - var(--label)) / ${n})`;
    const frame = $(".frame");
    frame.src = data.frames[s];
    frame.alt = `${data.alt} ${data.scales[s]}`;
    $(".now").textContent = data.captions[s];
    slider.setAttribute("aria-valuetext", `${data.scales[s]}: ${data.scores[s][0].label} ${data.scores[s][0].text}`);
    fillScores($(".right ol"), data.scores[s]);
    drawCurve();
    drawBars();
  };

  const go = (s) => {
    show(s);
    address({ scale: data.values[s] });
  };

  slider.max = n - 1;
  slider.setAttribute("aria-label", data.label);
  slider.oninput = () => { stop(); show(Number(slider.value)); };
  slider.onchange = () => go(at);

  const play = $(".play");
  let timer = null, step = 1;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "▶";
    play.setAttribute("aria-label", data.play);
    play.title = data.play;
  };
  play.onclick = () => {
    if (timer) return stop();
    play.textContent = "❚❚";
    play.setAttribute("aria-label", data.pause);
    play.title = data.pause;
    timer = setInterval(() => {
      if (at + step < 0 || at + step >= n) step = -step;
      go(at + step);
    }, STEP_MS);
  };
  stop();

  addEventListener("senet-address", () => asked() < 0 || asked() === at || show(asked()), { signal });
  const watch = new ResizeObserver(() => { drawCurve(); drawBars(); });
  watch.observe(root);
  shared.boards.set("scrub", repin);
  signal.addEventListener("abort", () => {
    clearInterval(timer);
    watch.disconnect();
    if (shared.boards.get("scrub") === repin) shared.boards.delete("scrub");
  });
  tip.hidden = true; // it told of what was here before
  repin();
  show(at);
  return end;
}

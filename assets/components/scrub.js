// A film of a network: one photo at many scales, or at many epochs of a training. The scrubber moves photo, strips,
// curves, bars and answers together, and asks nobody: everything came with the page, and the address keeps the place.
// Only a click on a strip, which pins a channel, tells the server.
import { drawLines, ramp, sharp } from "./plots.js";

const STEP_MS = 650;

export default function ({ data: sent, parentElement, setTriggerValue }) {
  const data = JSON.parse(new TextDecoder().decode(sent));
  const $ = (selector) => parentElement.querySelector(selector);
  const { signal, end } = begin(parentElement);
  const shared = everywhere();
  const root = $(".scrub"), slider = $(".slide input"), tip = $(".tip");
  const n = data.scales.length, base = data.base, axis = data.axis, paint = ramp(data.ramp);
  const blocks = data.blocks.map(({ gates, ...block }) => {
    const all = numbers(gates), count = all.length / n;
    const rows = data.scales.map((_, s) => all.subarray(s * count, (s + 1) * count));
    const order = Array.from(rows[base].keys()).sort((a, b) => rows[base][b] - rows[base][a]);
    return { ...block, rows, order, count };
  });
  const here = () => Math.max(0, blocks.findIndex((block) => block.name === shared.block));
  const pinned = (block) => Math.min(shared.channel ?? 0, block.count - 1);
  const asked = () => data.values.indexOf(new URLSearchParams(location.search).get(axis));
  let at = asked() < 0 ? Math.min(shared[axis] ?? data.start ?? base, n - 1) : asked();
  root.style.setProperty("--n", n);

  // --- the film ---
  $(".film .cells").replaceChildren(
    ...data.scales.map((label, s) => {
      const frame = document.createElement("button"), text = document.createElement("span");
      frame.type = "button";
      frame.tabIndex = -1; // the slider is the keyboard's way
      text.textContent = label;
      if (data.frames.length > 1) frame.append(Object.assign(document.createElement("img"), { src: data.frames[s], alt: "" }));
      frame.append(text);
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
    if (block.rates) row.append(Object.assign(document.createElement("span"), { className: "rate" }));
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
    const [top, bottom] = $(".curve .ends").children;
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
  // --- what came along with the film: curves of other networks, and a rate for every block ---
  const { curves } = data;
  $(".curves").hidden = $(".legend").hidden = !curves;
  const rated = blocks.some((block) => block.rates);
  root.style.setProperty("--rate", rated ? "7rem" : "0rem");
  $(".film .rate").textContent = rated ? data.rate : "";
  root.classList.toggle("many", Boolean(curves));
  if (curves) {
    $(".curves .ends").replaceChildren(...[`${curves.top} %`, "0"].map((end) => Object.assign(document.createElement("b"), { textContent: end })));
    $(".legend").replaceChildren(
      curves.label,
      ...curves.lines.map(({ label, colour }) => {
        const name = document.createElement("span");
        name.append(Object.assign(document.createElement("i"), { style: `background:${colour}` }), `${label} `, document.createElement("b"));
        return name;
      }),
    );
  }
  const drawCurves = () => {
    if (!curves) return;
    drawLines($(".curves canvas"), { ...curves, grid: data.colours.grid }, n, at);
    $(".legend").querySelectorAll("b").forEach((b, i) => { b.textContent = `${curves.lines[i].now[at].toFixed(1)} %`; });
  };
  const fillRates = () =>
    blocks.forEach(({ rates }, b) => {
      if (!rates) return;
      const bar = document.createElement("i"), said = document.createElement("b");
      bar.style.width = `${100 * rates[at]}%`;
      said.textContent = `${Math.round(100 * rates[at])} %`;
      strips[b].lastChild.replaceChildren(bar, said);
    });
  const repin = () => {
    strips.forEach((row, b) => row.classList.toggle("here", b === here()));
    const block = blocks[here()], rank = block.order.indexOf(pinned(block));
    strips[here()].children[1].append(mark);
    mark.style.top = `calc(${((rank + 0.5) / block.count) * 100}% - 1px)`;
    drawCurve();
    drawBars();
  };

  const show = (s) => {
    at = shared[axis] = s;
    slider.value = s;
    frames.forEach((frame, i) => frame.classList.toggle("here", i === s));
    const cursor = $(".cursor");
    cursor.style.left = `calc(var(--label) + (100% - var(--label) - var(--rate)) * ${s / n})`;
    cursor.style.width = `calc((100% - var(--label) - var(--rate)) / ${n})`;
    const frame = $(".frame");
    frame.src = data.frames[Math.min(s, data.frames.length - 1)];
    frame.alt = `${data.alt} ${data.scales[s]}`;
    $(".now").textContent = data.captions[s];
    slider.setAttribute("aria-valuetext", `${data.scales[s]}: ${data.scores[s][0].label} ${data.scores[s][0].text}`);
    fillScores($(".right ol"), data.scores[s], data.said?.[s]);
    drawCurve();
    drawBars();
    drawCurves();
    fillRates();
  };

  const go = (s) => {
    show(s);
    address({ [axis]: data.values[s] });
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
  const watch = new ResizeObserver(() => { drawCurve(); drawBars(); drawCurves(); });
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

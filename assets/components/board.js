// A picture made of cells (an atlas of feature maps, or rows of gates). Hover reads a cell, a click or the arrow keys pin one.
// Everything but the pin itself happens here: no round trip. Which channel is pinned comes from pin.js, so that pinning
// another one sends no picture again.
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
const numbers = ({ f4, u2 }) => (f4 ? new Float32Array(bytes(f4)) : Float32Array.from(new Uint16Array(bytes(u2)), (v) => v / 65535));

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".board");
  const [img, pin, tip, labels] = ["img", ".pin", ".tip", ".labels"].map((s) => root.querySelector(s));
  const stage = root.querySelector(".stage");
  if (img.getAttribute("src") !== data.src) img.src = data.src;
  img.alt = data.alt;
  img.style.aspectRatio = `${data.width} / ${data.height}`;
  root.classList.toggle("tall", data.mode === "rows");
  stage.style.setProperty("--rows", data.rows ? data.rows.length : 1);

  labels.replaceChildren(
    ...(data.rows ?? []).map((row, i) => {
      const label = document.createElement("span");
      label.textContent = row.label;
      label.classList.toggle("here", i === data.pinned_row);
      return label;
    }),
  );

  root.querySelector(".legends").replaceChildren(
    ...data.legends.map(({ name, src, ticks }) => {
      const legend = document.createElement("figure");
      const caption = document.createElement("figcaption");
      caption.textContent = name;
      const bar = document.createElement("div");
      bar.style.backgroundImage = `url(${src})`;
      for (const { at, text } of ticks) {
        const tick = document.createElement("span");
        tick.textContent = text;
        tick.style.left = `${at * 100}%`;
        bar.append(tick);
      }
      legend.append(caption, bar);
      return legend;
    }),
  );

  const shared = (window.senetViz ??= { channel: null, boards: new Map() });
  const unpack = (values) => Object.fromEntries(Object.entries(values).map(([name, packed]) => [name, numbers(packed)]));
  const lines = (data.rows ?? [data]).map(({ values, order, sorted }) => {
    const read = unpack(values);
    const [first] = Object.values(read);
    const plain = Array.from(first.keys());
    return { values: read, order: order ?? (sorted ? plain.sort((a, b) => first[b] - first[a]) : plain) };
  });
  const cellCount = data.mode === "grid" ? lines[0].order.length : 0;
  const box = (row, index) => {
    // in shares of the picture
    if (data.mode === "grid") {
      const pitchX = data.cell_w + data.gap, pitchY = data.cell_h + data.gap;
      const r = Math.floor(index / data.columns), c = index % data.columns;
      return [(c * pitchX) / data.width, (r * pitchY) / data.height, data.cell_w / data.width, data.cell_h / data.height];
    }
    const n = lines[row].order.length;
    return [index / n, row / data.rows.length, 1 / n, 1 / data.rows.length];
  };
  const find = (event) => {
    const frame = img.getBoundingClientRect();
    const x = (event.clientX - frame.left) / frame.width, y = (event.clientY - frame.top) / frame.height;
    if (x < 0 || y < 0 || x >= 1 || y >= 1) return null;
    if (data.mode === "grid") {
      const c = Math.floor((x * data.width) / (data.cell_w + data.gap));
      const r = Math.floor((y * data.height) / (data.cell_h + data.gap));
      const index = r * data.columns + c;
      return c < data.columns && index < cellCount ? [0, index] : null;
    }
    const row = Math.floor(y * data.rows.length);
    return [row, Math.floor(x * lines[row].order.length)];
  };
  const channelAt = ([row, index]) => lines[row].order[index];
  const place = (element, [row, index]) => {
    const [x, y, w, h] = box(row, index);
    Object.assign(element.style, { left: `${x * 100}%`, top: `${y * 100}%`, width: `${w * 100}%`, height: `${h * 100}%` });
  };
  const pinnedCell = () => {
    const row = data.pinned_row ?? 0;
    const index = lines[row].order.indexOf(shared.channel);
    return index < 0 ? null : [row, index];
  };
  const words = (cell) => {
    const channel = channelAt(cell);
    const { values } = lines[cell[0]];
    const read = Object.entries(values).map(([name, list]) => `${name} = ${list[channel].toPrecision(4)}`);
    const head = data.mode === "grid" ? `${data.noun} ${channel}` : `${data.rows[cell[0]].label} · ${data.noun} ${channel}`;
    return [head, ...read].join("\n");
  };

  const repaint = () => {
    const now = pinnedCell();
    pin.hidden = !now;
    if (now) place(pin, now);
  };
  shared.boards.set(data.key, repaint);
  repaint();

  stage.onmousemove = (event) => {
    const cell = find(event);
    tip.hidden = !cell;
    if (!cell) return;
    tip.textContent = words(cell);
    const frame = stage.getBoundingClientRect();
    const left = event.clientX - frame.left, top = event.clientY - frame.top;
    tip.style.left = `${Math.min(left + 14, frame.width - tip.offsetWidth - 2)}px`;
    tip.style.top = `${top + 18}px`;
  };
  stage.onmouseleave = () => { tip.hidden = true; };
  const pick = (cell) => {
    shared.channel = channelAt(cell); // everywhere at once; the server's answer follows
    shared.boards.forEach((each) => each());
    place(pin, cell);
    setTriggerValue("picked", { row: cell[0], channel: channelAt(cell), at: Date.now() });
  };
  stage.onclick = (event) => {
    const cell = find(event);
    if (cell) pick(cell);
  };
  stage.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -(data.columns ?? 0), ArrowDown: data.columns ?? 0 }[event.key];
    const cell = pinnedCell();
    if (!step || !cell) return;
    const count = lines[cell[0]].order.length;
    const index = cell[1] + step;
    if (index < 0 || index >= count) return;
    event.preventDefault();
    pick([cell[0], index]);
  };
  return () => {
    if (shared.boards.get(data.key) === repaint) shared.boards.delete(data.key);
  };
}

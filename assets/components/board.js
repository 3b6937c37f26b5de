// A picture made of cells (an atlas of feature maps, or rows of gates). Hover reads a cell, a click or the arrow keys pin one.
// Everything but the pin itself happens here: no round trip.
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".board");
  const [img, pin, tip, labels] = ["img", ".pin", ".tip", ".labels"].map((s) => root.querySelector(s));
  const stage = root.querySelector(".stage");
  if (img.getAttribute("src") !== data.src) img.src = data.src;
  img.alt = data.alt;
  img.style.aspectRatio = `${data.width} / ${data.height}`;
  stage.style.maxWidth = data.max_width ? `${data.max_width}px` : "none";
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

  const cellCount = data.mode === "grid" ? data.order.length : 0;
  const box = (row, index) => {
    // in shares of the picture
    if (data.mode === "grid") {
      const pitchX = data.cell_w + data.gap, pitchY = data.cell_h + data.gap;
      const r = Math.floor(index / data.columns), c = index % data.columns;
      return [(c * pitchX) / data.width, (r * pitchY) / data.height, data.cell_w / data.width, data.cell_h / data.height];
    }
    const n = data.rows[row].order.length;
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
    return [row, Math.floor(x * data.rows[row].order.length)];
  };
  const channelAt = ([row, index]) => (data.mode === "grid" ? data.order[index] : data.rows[row].order[index]);
  const place = (element, [row, index]) => {
    const [x, y, w, h] = box(row, index);
    Object.assign(element.style, { left: `${x * 100}%`, top: `${y * 100}%`, width: `${w * 100}%`, height: `${h * 100}%` });
  };
  const pinnedCell = () => {
    if (data.mode === "grid") {
      const index = data.order.indexOf(data.pinned);
      return index < 0 ? null : [0, index];
    }
    const row = data.pinned_row ?? -1;
    if (row < 0) return null;
    const index = data.rows[row].order.indexOf(data.pinned);
    return index < 0 ? null : [row, index];
  };
  const words = (cell) => {
    const channel = channelAt(cell);
    const values = data.mode === "grid" ? data.values : data.rows[cell[0]].values;
    const lines = Object.entries(values).map(([name, list]) => `${name} = ${Number(list[cell[1]]).toPrecision(4)}`);
    const head = data.mode === "grid" ? `${data.noun} ${channel}` : `${data.rows[cell[0]].label} · ${data.noun} ${channel}`;
    return [head, ...lines].join("\n");
  };

  const now = pinnedCell();
  pin.hidden = !now;
  if (now) place(pin, now);

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
    place(pin, cell); // at once; the server's answer follows
    pin.hidden = false;
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
    const count = data.mode === "grid" ? cellCount : data.rows[cell[0]].order.length;
    const index = cell[1] + step;
    if (index < 0 || index >= count) return;
    event.preventDefault();
    pick([cell[0], index]);
  };
}

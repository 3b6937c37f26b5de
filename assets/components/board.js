// A picture made of cells (an atlas of feature maps, or rows of gates). Hover reads a cell; a click or the arrow keys pin
// one; Enter and Space click the pinned one. Everything but the pin itself happens here: no round trip. Which channel is
// pinned comes from frame.js, so that pinning another one sends no picture again.
//
// For a screen reader a board is a slider over its cells: it has a name, and says where the pin is whenever that changes.
//
// The header's board has the photo before it and the network's answer after it: one element, and one message, for all.
//
// A trigger that waits for the server is replaced by the next one. So each carries every click that the server has not
// confirmed (frame.js brings the numbers of those that it has), and the server takes each click once.
const PATIENCE_MS = 2000; // after the last answer, for clicks that it did not confirm

const head = (around, { photo, named, title, scores, said, answer, knows }) => {
  const [heading, right, list] = [".title", ".answer", "ol"].map((s) => around.querySelector(s));
  const picture = around.querySelector(".photo") ?? Object.assign(document.createElement("img"), { className: "photo" });
  around.prepend(picture);
  around.classList.add("head");
  if (picture.getAttribute("src") !== photo) picture.src = photo;
  picture.alt = named;
  heading.replaceChildren(...title.map((text, i) => (i % 2 ? Object.assign(document.createElement("b"), { textContent: text }) : text)));
  list.setAttribute("aria-label", answer);
  fillScores(list, scores, said);
  right.querySelector(".knows").textContent = knows;
  heading.hidden = right.hidden = false;
};

export default function ({ data, parentElement, setTriggerValue }) {
  const { signal, end } = begin(parentElement);
  const shared = everywhere();
  const root = parentElement.querySelector(".board");
  const [img, pin, tip, labels] = ["img", ".pin", ".tip", ".labels"].map((s) => root.querySelector(s));
  if (data.photo) head(parentElement.querySelector(".around"), data);
  const stage = root.querySelector(".stage");
  if (img.getAttribute("src") !== data.src) img.src = data.src;
  stage.setAttribute("aria-label", data.alt);
  img.style.aspectRatio = `${data.width} / ${data.height}`;
  root.classList.toggle("tall", data.mode === "rows");
  stage.style.setProperty("--rows", data.rows ? data.rows.length : 1);

  labels.replaceChildren(
    ...(data.rows ?? []).map((row) => {
      const label = document.createElement("span");
      label.textContent = row.label;
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
    const row = Math.max(0, data.blocks.indexOf(shared.block));
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

  const clicks = (parentElement.clicks ??= { mount: `${Date.now()}-${Math.random()}`, count: 0, open: [] });
  let timer = null;
  const again = () => { // a rerun that another one ended may have left clicks behind: they are sent once more
    if (clicks.again === clicks.count) return;
    clicks.again = clicks.count;
    setTriggerValue("picked", { mount: clicks.mount, clicks: clicks.open });
  };
  const repaint = () => {
    clearTimeout(timer);
    if (confirmed(shared, data.key, clicks.mount) < clicks.count) timer = setTimeout(again, PATIENCE_MS);
    const now = pinnedCell();
    pin.hidden = !now;
    if (data.blocks.length) [...labels.children].forEach((label, row) => label.classList.toggle("here", row === now?.[0]));
    if (!now) return;
    place(pin, now);
    const count = lines[now[0]].order.length;
    const at = data.place.replace("{i}", now[1] + 1).replace("{n}", count);
    const said = { valuemin: 1, valuemax: count, valuenow: now[1] + 1, valuetext: `${words(now).replaceAll("\n", ", ")}, ${at}` };
    Object.entries(said).forEach(([name, value]) => stage.setAttribute(`aria-${name}`, value));
  };
  shared.boards.set(data.key, repaint);
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    if (shared.boards.get(data.key) === repaint) shared.boards.delete(data.key);
  });
  repaint();

  tip.hidden = true; // it told of what was here before
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
  const send = ([row, index], click) => {
    const channel = lines[row].order[index];
    shared.channel = channel; // everywhere at once; the server's answer follows
    if (data.blocks.length) shared.block = data.blocks[row];
    const done = confirmed(shared, data.key, clicks.mount);
    clicks.open = clicks.open.filter((one) => one.n > done).slice(-999);
    clicks.open.push({ n: ++clicks.count, row, channel, click });
    shared.last = { key: data.key, mount: clicks.mount, n: clicks.count, at: Date.now() };
    shared.boards.forEach((each) => each());
    setTriggerValue("picked", { mount: clicks.mount, clicks: clicks.open });
  };
  stage.onclick = (event) => {
    const cell = find(event);
    if (cell) send(cell, true);
  };
  stage.onkeydown = (event) => {
    const cell = pinnedCell();
    if (!cell || event.ctrlKey || event.altKey || event.metaKey) return;
    const [row, index] = cell, count = lines[row].order.length, down = data.columns ?? 0;
    const aim = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: count - 1, Enter: index, " ": index };
    if (down) Object.assign(aim, { ArrowUp: index - down, ArrowDown: index + down });
    let to = event.key in aim ? [row, aim[event.key]] : null;
    const turn = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (turn && data.blocks.length && lines[row + turn]) { // the block above or below, at the same share of its width
      const other = lines[row + turn].order.length;
      to = [row + turn, Math.floor(((index + 0.5) / count) * other)];
    }
    if (!to || !(to[1] in lines[to[0]].order)) return;
    event.preventDefault();
    send(to, event.key === "Enter" || event.key === " ");
  };
  return end;
}

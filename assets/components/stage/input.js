// What a person does to the stage: keys, clicks, a finger. Every listener ends with the signal.
import { fill, steps } from "./steps.js";
import { said } from "./numbers.js";

const FORWARD = [" ", "ArrowRight", "PageDown"], BACK = ["ArrowLeft", "PageUp"];

/** Where in an atlas a point lies: the channel, or null. */
const found = (drawn, x, y) => {
  for (const item of drawn.items) {
    if (item.k !== "atlas" || x < item.x || y < item.y || x >= item.x + item.w || y >= item.y + item.h) continue;
    const at = Math.floor((y - item.y) / item.ch) * item.cols + Math.floor((x - item.x) / item.cw);
    return at < item.order.length ? item.order[at] : null;
  }
  for (const part of ["z", "gate"]) {
    const box = drawn.at[part];
    if (x >= box.x && x < box.x + box.w && y >= box.y && y < box.y + box.h) return drawn.ordered[Math.floor(((y - box.y) / box.h) * drawn.ordered.length)];
  }
  return null;
};

/** @returns puts what can be pressed over a frame of another size */
export const listen = (root, { block, view, known, now, signal, change, frame, open, leave }) => {
  const picture = root.querySelector(".picture"), tip = root.querySelector(".tip"), { words } = block.head, all = steps(block);
  const on = (element, kind, run) => element.addEventListener(kind, run, { signal });
  const go = (by) => {
    const to = Math.min(Math.max(all.findIndex(({ id }) => id === view.step) + by, 0), all.length - 1);
    if (all[to].id !== view.step) change({ step: all[to].id }, true);
  };
  const point = (event) => {
    const frameOf = picture.getBoundingClientRect();
    return [event.clientX - frameOf.left, event.clientY - frameOf.top];
  };

  on(document, "keydown", (event) => {
    const target = event.composedPath()[0];
    if (elsewhere(event)) return;
    const onMaps = target.dataset?.part === "maps", onButton = target.matches?.("button, a, summary, [role=button]");
    if (onMaps && event.key.startsWith("Arrow")) {
      const { cols } = frame().items.find(({ k }) => k === "atlas"), { ordered } = frame();
      const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -cols, ArrowDown: cols }[event.key];
      change({ pinned: ordered[Math.min(Math.max(ordered.indexOf(view.pinned) + by, 0), ordered.length - 1)] });
    } else if (event.key === " " && onButton) return;
    else if (FORWARD.includes(event.key)) go(1);
    else if (BACK.includes(event.key)) go(-1);
    else if (event.key === "Home") go(-all.length);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  const place = () => {
    // the network's blocks, the maps and the doors, for the pointer, Tab and a screen reader
    const targets = frame().items.filter(({ k }) => k === "target"), { u } = frame().at, layer = root.querySelector(".targets");
    const boxes = [...targets, { ...u, part: "maps", label: words.pick }];
    layer.replaceChildren(...boxes.map(({ x, y, w, h, part, label, to, page }) => {
      const box = document.createElement("button");
      Object.assign(box.style, { left: `${x}px`, top: `${y}px`, width: `${w}px`, height: `${h}px` });
      box.dataset[page ? "closer" : "part"] = part;
      box.ariaLabel = label;
      if (page) box.title = label;
      if (to || page) box.onclick = () => (page ? leave(page) : open(to));
      if (part === "maps") box.setAttribute("aria-roledescription", words.grid);
      return box;
    }));
  };
  on(picture, "click", (event) => {
    const c = found(frame(), ...point(event));
    if (c !== null && c !== undefined) change({ pinned: c });
  });
  on(picture, "pointermove", (event) => {
    const [x, y] = point(event), c = found(frame(), x, y);
    tip.hidden = c === null || c === undefined;
    if (tip.hidden) return;
    const gates = Array.from({ length: block.M }, (_, m) => said(block.gate[m * block.C + c]));
    tip.textContent = `${fill(words.channel, { c })}\nz = ${said(block.z[c])}\n${block.M > 1 ? "a" : "s"} = ${gates.join(" · ")}`;
    tip.style.left = `${Math.min(x + 14, picture.clientWidth - 130)}px`;
    tip.style.top = `${y + 16}px`;
  });
  on(picture, "pointerleave", () => { tip.hidden = true; });

  let told = known; // the server hears of the pin and the choices when somebody goes on to another page
  document.addEventListener("click", ({ target }) => {
    if (told === now() || !target.closest?.("a[href], [data-testid^=stTopNav]")) return;
    told = now();
    leave("");
  }, { signal, capture: true });

  root.querySelector(".steps").replaceChildren(...all.map(({ id }) => {
    const button = document.createElement("button");
    button.textContent = words.steps[id].short;
    button.onclick = () => id !== view.step && change({ step: id }, true);
    return button;
  }));
  root.querySelector(".back").onclick = () => go(-1);
  root.querySelector(".next").onclick = () => go(1);
  root.querySelectorAll("select").forEach((each) => on(each, "change", () => change({ [each.name]: each.value }, each.name === "fn")));
  on(root.querySelector("[name=channel]"), "change", ({ target }) => change({ pinned: Math.min(Math.max(Math.trunc(target.value) || 0, 0), block.C - 1) }));
  on(root.querySelector("[name=wipe]"), "input", ({ target }) => change({ wipe: target.value / 100 }));
  return place;
};

// The stage: one attention block in one picture, and the steps through it. Draws frame(block, view) whenever one of the two
// changes; a pin, a step, another order or range is the browser's own matter and sends nothing.
import { read } from "./data.js";
import { painter } from "./draw.js";
import { slide } from "./export.js";
import { formula } from "./formulas.js";
import { frame } from "./frame.js";
import { listen } from "./input.js";
import { NARROW } from "./layout.js";
import { check, small } from "./numbers.js";
import { fill, steps, wording } from "./steps.js";

const MOVE_MS = 400;

const scrolled = () => document.querySelector("[data-testid=stMain]")?.scrollTop ?? scrollY;
const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** The block: in bytes, or where the app says that they lie and how the view begins. */
const got = async (data, signal) => {
  const block = await read(data.head ? await fetched(new URL(data.at, document.baseURI), signal) : data);
  const photo = await createImageBitmap(new Blob([block.photo])).catch(() => null);
  return { ...block, head: { ...block.head, ...data.head }, photo };
};

const fetched = async (at, signal, again = 3) => {
  const reply = await fetch(at, { signal }).catch(() => null);
  if (reply?.ok) return new Uint8Array(await reply.arrayBuffer());
  if (signal.aborted || !again) throw new Error(`${at}: ${reply?.status}`);
  await new Promise((done) => setTimeout(done, 1000));
  return fetched(at, signal, again - 1);
};

/** What the address says of the view. */
const asked = (block, said = new URLSearchParams(location.search)) => {
  const { chosen } = block.head;
  const one = (name, of, other) => [said.get(name), chosen[name]].find((each) => of.includes(each)) ?? other;
  const channel = Number(said.get("channel") ?? block.head.pinned);
  return {
    step: one("step", steps(block).map(({ id }) => id), "whole"),
    pinned: Number.isInteger(channel) && channel >= 0 ? Math.min(channel, block.C - 1) : block.head.pinned,
    sort: one("sort", ["gate", "z", "index"], "gate"), scope: one("scope", ["block", "channel"], "channel"),
    fn: one("gatefn", ["own", "sigmoid", "h_sigmoid"], "own"), t: 1, wipe: 1,
  };
};

/** What the address keeps of the view. */
const kept = ({ step, pinned, sort, scope, fn }) => ({ step, channel: pinned, sort, scope, gatefn: fn });

/** The lists of the choices, in the reader's words. */
const CHOICES = { scope: ["channel", "block"], sort: ["gate", "z", "index"], fn: ["own", "sigmoid", "h_sigmoid"] };
const offer = (root, { words, m }) => {
  root.querySelectorAll("[data-word]").forEach((each) => { each.textContent = fill(words[each.dataset.word], { out: m > 1 ? "V" : "X̃" }); });
  root.querySelectorAll("select").forEach((each) => each.replaceChildren(...CHOICES[each.name].map((value) => new Option(words[`${each.name}.${value}`], value))));
  root.querySelector(".back").textContent = words.back;
  root.querySelector(".next").textContent = words.next;
  root.querySelector(".slide").textContent = words.slide;
};

/** Save the picture as it is now, with its words, for a slide. */
const save = async (root, block, view) => {
  const { name, source, words } = block.head, link = document.createElement("a"), [title, text] = ["h2", ".text"].map((each) => root.querySelector(each).textContent);
  link.href = URL.createObjectURL(await slide(root, block, view, { title, text, source: `${source} · ${fill(words.channel, { c: view.pinned })}` }));
  link.download = `stage-${name}-${view.pinned}-${view.step}.png`;
  link.click();
  URL.revokeObjectURL(link.href);
};

/** The words, the formula and the choices of the step, below the picture. */
const speak = (root, block, view) => {
  const all = steps(block), now = all.findIndex(({ id }) => id === view.step), { title, text } = wording(block, view.step, view.pinned);
  root.querySelector("h2").textContent = `${now + 1} · ${title}`;
  root.querySelector(".text").textContent = text;
  root.querySelector(".formula").innerHTML = formula(view.step, block, view.pinned);
  root.querySelectorAll(".steps button").forEach((button, i) => {
    button.classList.toggle("past", i <= now);
    i === now ? button.setAttribute("aria-current", "step") : button.removeAttribute("aria-current");
  });
  root.querySelectorAll("[data-for]").forEach((each) => { each.hidden = !each.dataset.for.split(" ").includes(view.step) || (block.M > 1 && Boolean(each.querySelector("[name=fn]"))); });
  root.querySelectorAll("select").forEach((each) => { each.value = view[each.name]; });
  root.querySelector("[name=wipe]").value = 100 * view.wipe;
  Object.assign(root.querySelector("[name=channel]"), { value: view.pinned, max: block.C - 1 });
};

export default function ({ data, parentElement, setTriggerValue }) {
  const drawn = everywhere().first?.(data, parentElement, setTriggerValue); // before the page was there: see first.js
  if (drawn) return drawn;
  const { signal, end } = begin(parentElement);
  const root = parentElement.querySelector(".stage");
  got(data, signal).then((block) => {
    if (signal.aborted) return;
    root.photo = block.photo;
    const draw = painter(root, block), view = asked(block), { head } = block;
    const below = root.querySelector(".below"), fits = () => root.clientWidth === drawn?.at.W && below.offsetHeight === under;
    let drawn, under, moving = 0;
    const redraw = () => {
      if (!root.clientWidth) return; // it is being taken away
      under = below.offsetHeight;
      const width = root.clientWidth, foot = everywhere().foot ?? 0, room = Math.max(430 - Math.min(foot, 60), Math.min(innerHeight - root.getBoundingClientRect().top - scrolled() - under - 64 - foot, width * 0.66));
      const before = drawn?.at;
      const letters = document.documentElement.classList.contains("present") ? 1.25 : 1; // on a projector
      drawn = frame(block, { ...view, letters }, width, room);
      draw(drawn, view);
      if (before?.W !== drawn.at.W || before.H !== drawn.at.H) place();
      Object.assign(root.dataset, { testid: "stage", step: view.step, block: head.name, pinned: view.pinned });
      everywhere().channel = view.pinned;
    };
    const move = (from) => { // time runs from 0 to 1, then rests
      cancelAnimationFrame(moving);
      const tick = (now) => {
        view.t = Math.min((now - from) / MOVE_MS, 1);
        if (view.step === "rescale" && from) view.wipe = view.t;
        redraw();
        if (view.t < 1) moving = requestAnimationFrame(tick);
      };
      still() ? ((view.t = 1), (view.wipe = 1), redraw()) : (moving = requestAnimationFrame(tick));
    };
    signal.addEventListener("abort", () => cancelAnimationFrame(moving));
    const ask = () => { // the answers that need a forward: each is asked for once, without a rerun; again where none came
      for (const gate of head.ask && view.step === "sowhat" ? ["ones", view.pinned] : []) {
        if (head.answers[gate]?.length) continue;
        delete head.answers[gate];
        fetch(new URL(head.ask + gate, document.baseURI), { signal }).then((reply) => (reply.ok ? reply.json() : []))
          .then((scores) => { head.answers[gate] = scores, redraw(); }).catch(() => {});
      }
    };
    const change = (what, moves = false) => {
      Object.assign(view, what);
      speak(root, block, view);
      address(kept(view));
      ask();
      moves ? move(performance.now()) : redraw();
      if ("step" in what && root.clientWidth < NARROW) root.scrollIntoView(); // what it speaks of is below its words
    };
    const { pathname } = location;
    addEventListener("senet-address", () => { // a lesson or a class moves the stage by the address alone
      const now = asked(block), was = kept(view);
      if (pathname === location.pathname && Object.entries(kept(now)).some(([name, value]) => value !== was[name])) change(now, now.step !== view.step || now.fn !== view.fn);
    }, { signal });
    addEventListener("senet-room", redraw, { signal });
    root.hidden = false;
    offer(root, head);
    const words = (each) => JSON.stringify(kept(each)), known = words(asked(block, new URLSearchParams())); // by the server
    const place = listen(root, { block, view, known, now: () => words(view), signal, change, frame: () => drawn, open: (name) => setTriggerValue("open", name), leave: (page) => setTriggerValue("left", { ...kept(view), page }) });
    root.querySelector(".slide").onclick = () => save(root, block, view);
    const worst = Object.values(check(block)).filter((v) => v !== null), most = Math.max(...worst, 0), badge = root.querySelector(".badge");
    badge.textContent = worst.length ? fill(most <= head.limit ? head.words.true : head.words.false, { off: small(most) }) : head.words.unchecked;
    badge.classList.toggle("wrong", most > head.limit);
    const watch = new ResizeObserver(() => fits() || redraw()); // its width, or its words: other letters may have come
    [root, below].forEach((each) => watch.observe(each));
    signal.addEventListener("abort", () => watch.disconnect());
    const told = new URLSearchParams(location.search).get("channel");
    if (told !== null && Number(told) !== view.pinned) address(kept(view)); // another network has fewer
    speak(root, block, view);
    redraw();
    ask();
  }).catch((error) => { if (!signal.aborted) throw error; });
  return end;
}

// The guide of a lesson: its words, its question, and the way on. A step is a page and what its address says.
// What was predicted stays in this browser; what was done is read off the address, which says all that can be shared.

const AGAIN_MS = 1500, TRIES = 6; // for a step that is on its way

const said = () => new URLSearchParams(location.search);
const fill = (text, given) => text.replace(/\{(\w+)\}/g, (whole, name) => given[name] ?? whole);
const element = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });

// --- what was predicted, in this browser alone ---

const memory = (lesson) => `senet-viz-${lesson}`;
const remembered = (lesson) => {
  try { return JSON.parse(localStorage.getItem(memory(lesson))) ?? {}; } catch { return {}; }
};
const remember = (lesson, slot, what) => {
  try { localStorage.setItem(memory(lesson), JSON.stringify({ ...remembered(lesson), [slot]: what })); } catch { /* a browser that keeps nothing */ }
};

/** All predictions as list items: the question, what was said, what is true. */
const listed = (all, words) => Object.values(all).map(({ text, options, answer, right, why }) => {
  const item = element("li", "");
  item.append(element("b", text), element("br", ""), fill(words.said, { said: options[answer] }), " ", answer === right ? "✓" : fill(words.true, { true: options[right] }), " ", element("i", why));
  return item;
});

/** Save or print them as a page of their own. */
const sheet = (data, print) => {
  const page = document.implementation.createHTMLDocument(data.title), list = page.createElement("ol");
  list.append(...listed(remembered(data.lesson), data.words));
  page.documentElement.lang = document.documentElement.lang;
  page.head.append(Object.assign(page.createElement("meta"), { httpEquiv: "content-type", content: "text/html; charset=utf-8" }), Object.assign(page.createElement("style"), { textContent: "body{font:16px/1.5 sans-serif;max-width:45rem;margin:2rem auto}li{margin-bottom:1rem}" }));
  page.body.append(Object.assign(page.createElement("h1"), { textContent: data.title }), list);
  const file = URL.createObjectURL(new Blob([`<!doctype html>${page.documentElement.outerHTML}`], { type: "text/html" }));
  if (!print) return Object.assign(document.createElement("a"), { href: file, download: `${data.lesson}.html` }).click();
  const frame = document.body.appendChild(Object.assign(document.createElement("iframe"), { hidden: true, src: file }));
  frame.onload = () => frame.contentWindow.print();
};

export default function ({ data, parentElement, setTriggerValue }) {
  const { signal, end } = begin(parentElement);
  const $ = (selector) => parentElement.querySelector(selector), root = $(".guide"), shared = everywhere();
  const { steps, words, lesson, question } = data, count = steps.length, done = (shared.done ??= new Set());
  const on = (target, kind, run, more = {}) => target.addEventListener(kind, run, { signal, ...more });
  // the address of a page that a link of the app opened says where the server believes the student is
  const at = () => (shared.place?.lesson === lesson ? shared.place.at : Math.min(Math.max(Math.trunc(Number(said().get("at") ?? data.at)) || 1, 1), count));
  const own = data.own[data.page] ?? [];
  let notes = shared.notes;

  const wanted = ({ state }) => Object.entries(state).filter(([name]) => name !== "photo" || !data.mine);
  const differs = (name, value) => said().get(name) !== value;
  /** Whether the student has gone elsewhere; to do what the step waits for is part of the way. */
  const away = (step) => data.page !== step.page || wanted(step).some(([name, value]) => !own.includes(name) && name !== step.wait.split("=")[0] && differs(name, value));
  const here = () => (question?.at === at() ? question : null);
  const answer = () => {
    const found = data.present ? shared.shown : remembered(lesson)[question?.slot]; // a class predicts by raising hands
    return here() && found?.key === question.key ? found : null;
  };
  /** Whether the student has done what the step waits for. */
  const did = (step) => {
    const [name, value] = step.wait.split("="), now = said().get(name);
    if (!name || done.has(`${lesson} ${at()}`)) return true;
    if (away(step) || data.at !== at()) return false; // it is on its way there
    if (name === "answered") return answer() !== null || (step.asks && question?.at === at() && !question.options);
    return value === undefined ? now !== (step.state[name] ?? data.entry) : now === value;
  };

  const go = (to, more = {}, tries = 0) => {
    if (to < 1 || to > count) return;
    const step = steps[to - 1], values = { at: to };
    if (data.page === step.page) {
      own.filter((name) => name !== "channel").forEach((name) => { values[name] = null; });
      wanted(step).forEach(([name, value]) => { if (own.includes(name)) values[name] = value; });
    }
    shared.place = { lesson, at: to };
    address(values);
    shared.going = { more, tries };
    setTriggerValue("go", { at: to, ...more, now: Date.now() });
    wait(AGAIN_MS);
  };
  // What else the browser tells the server in the meantime may undo it (its choices as they were, the page that it left):
  // the step is asked for again until it is there, or the student does something else.
  const wait = (ms) => {
    clearTimeout(shared.late);
    shared.late = setTimeout(() => shared.arrive(), ms);
  };
  shared.arrive = () => {
    const { going } = shared;
    if (signal.aborted || !going) return;
    if (data.at === at() && !away(steps[at() - 1])) shared.going = null;
    else if (going.tries < TRIES) go(at(), going.more, going.tries + 1);
  };
  const forward = () => {
    if (data.present && here()?.options && !answer()) return decide(-1); // the class has spoken: what is true
    if (data.present || did(steps[at() - 1])) go(at() + 1);
  };
  const decide = (option) => {
    if (!here()?.options || answer()) return;
    if (data.present) shared.shown = { ...question, answer: option };
    else remember(lesson, question.slot, { ...question, answer: option });
    draw();
  };

  const drawQuestion = (step) => {
    const asked = here(), known = answer(), open = asked?.options && !known; // first the question, then all the rest
    $(".text").textContent = open ? asked.text : step.text;
    $(".text").classList.toggle("question", Boolean(open));
    $(".options").replaceChildren(...(open ? asked.options : []).map((text, i) => {
      const button = Object.assign(element("button", text), { type: "button" });
      button.onclick = () => decide(i);
      return button;
    }));
    const verdict = known && known.answer >= 0 ? [known.answer === asked.right ? words.right : fill(words.wrong, { said: asked.options[known.answer] })] : [];
    $(".why").textContent = known ? [...verdict, asked.why].join(" ") : open ? (away(step) ? "" : words.first) : asked ? words.none : "";
    document.documentElement.classList.toggle("predicting", Boolean(open && question.slot === String(at()))); // the page gives much away
  };
  const drawSum = (last) => {
    const all = remembered(lesson), given = Object.values(all), right = given.filter(({ answer: mine, right: true_ }) => mine === true_).length;
    $(".sum").hidden = !last || data.present || !given.length || Boolean(here()?.options && !answer());
    $(".sum h2").textContent = fill(words.sum, { right, n: given.length });
    $(".sum ol").replaceChildren(...listed(all, words));
  };
  const drawNotes = (step) => {
    if (!notes || notes.closed) return;
    const { body, head } = notes.document, next = steps[at()];
    notes.document.title = data.title;
    head.replaceChildren(element("style", "body{font:1.4rem/1.5 sans-serif;margin:2rem}small{opacity:.7}"));
    body.replaceChildren(element("small", `${at()} / ${count} · ${step.minutes}′`), element("h1", step.title), element("p", step.say), element("h3", words.usual), element("p", step.usual), element("h3", words.then), element("p", next ? next.title : words.last));
  };
  const draw = () => {
    const now = at(), step = steps[now - 1], ready = data.present || did(step);
    Object.assign(root.dataset, { step: now, steps: count });
    shared.place = { lesson, at: now };
    $(".where").textContent = `${now} / ${count}`;
    $(".title").textContent = step.title;
    drawQuestion(step);
    drawSum(now === count);
    drawNotes(step);
    const shown = { notes: data.present, take: data.mine && here() && !here().options, return: away(step), back: true, skip: !ready, next: true };
    Object.entries(shown).forEach(([name, is]) => { $(`.buttons .${name}`).hidden = !is; });
    $(".back").disabled = now === 1;
    $(".next").disabled = now === count || !ready;
    root.classList.toggle("large", data.present);
    root.hidden = false;
    room();
  };

  // the page leaves room for it; a stage that fills the window hears of it
  const main = document.querySelector("[data-testid=stMain]");
  const room = () => {
    const height = signal.aborted ? 0 : root.offsetHeight;
    root.style.left = `${main.getBoundingClientRect().left}px`; // beside the sidebar
    if (shared.foot === height) return;
    shared.foot = height;
    document.documentElement.style.setProperty("--guide", `${height}px`);
    dispatchEvent(new Event("senet-room"));
  };

  for (const name of ["next", "back", "skip", "return", "take", "notes"]) $(`.buttons .${name}`).textContent = words[name];
  for (const name of ["print", "save"]) $(`.${name}`).textContent = words[name];
  $(".leave").ariaLabel = $(".leave").title = words.leave;
  root.ariaLabel = data.title;
  const pressed = {
    next: forward, back: () => go(at() - 1), skip: () => go(at() + 1), return: () => go(at()), take: () => go(at(), { photo: true }),
    leave: () => { shared.place = null, address({ at: null }), setTriggerValue("leave", Date.now()); }, print: () => sheet(data, true), save: () => sheet(data, false),
    notes: () => { notes = shared.notes = window.open("", "senet-viz-notes", "popup,width=700,height=700"); draw(); },
  };
  for (const [name, run] of Object.entries(pressed)) $(`.${name}`).onclick = run;
  for (const kind of ["pointerdown", "keydown"]) on(document, kind, () => { shared.going = null; }, { capture: true });
  on(window, "popstate", () => { shared.going = null; }); // Back, too, is something else
  on(document, "keydown", (event) => {
    const target = event.composedPath()[0], large = data.present && !target.matches?.("button, a");
    if (elsewhere(event)) return;
    if (event.key === "PageDown" || (large && [" ", "ArrowRight"].includes(event.key))) forward();
    else if (event.key === "PageUp" || (large && event.key === "ArrowLeft")) go(at() - 1);
    else if (here()?.options && !answer() && /^[1-4]$/.test(event.key)) Number(event.key) <= question.options.length && decide(Number(event.key) - 1);
    else if (data.present && event.key === "n") pressed.notes();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, { capture: true });
  on(window, "senet-address", () => {
    if (!shared.place) return; // it is being left
    address({ at: at() });
    if (did(steps[at() - 1])) done.add(`${lesson} ${at()}`);
    draw();
  });
  const watch = new ResizeObserver(room);
  [root, main].forEach((each) => watch.observe(each));
  document.documentElement.classList.toggle("present", data.present);
  signal.addEventListener("abort", () => {
    watch.disconnect();
    document.documentElement.classList.remove("present", "predicting");
    room();
  });
  draw();
  address({ at: at() });
  if (data.at !== at()) shared.going ??= { more: {}, tries: 0 }, wait(100); // the server was opening another page, and missed it
  else if (shared.going) wait(AGAIN_MS);
  return end;
}

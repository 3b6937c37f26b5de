// The class on every page: a student goes where the teacher is and votes; a teacher's browser says where that is. What
// the stage keeps in the address moves by the address alone; another page, photo or block asks the server for a rerun.
import { ballot } from "./ballot.js";
import { enter } from "./room.js";

const MOVE_MS = 50; // between two moves of a teacher who drags something
const AGAIN_MS = 3000, TRIES = 3; // where the class has not been reached by then

/** Where this window is: a page (null: between two), what the server knows of its address, what the browser keeps. */
const place = ({ stays }) => {
  const { page: drawn, own = [] } = everywhere(), query = {}, stage = {};
  const page = location.pathname.endsWith(`/${drawn}`) ? drawn : null;
  new URLSearchParams(location.search).forEach((value, name) => {
    if (!stays.includes(name) && !name.startsWith("embed")) (own.includes(name) ? stage : query)[name] = value;
  });
  return { page, query, stage };
};

const equal = (a, b) => Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([name, value]) => b[name] === value);
const same = (a, b) => a?.page === b.page && equal(a.query, b.query) && equal(a.stage, b.stage);
/** Whether the server shows here what the class is to see; an uploaded photo of the teacher's is not in its address. */
const there = (here, { page, query }, { sidebar }) =>
  here.page === page && Object.entries(query).every(([name, value]) => here.query[name] === value)
  && Object.keys(here.query).every((name) => name in query || sidebar.includes(name));
const staged = (here, { stage }) => Object.entries(stage).every(([name, value]) => here.stage[name] === value);

export default function ({ data, parentElement, setTriggerValue }) {
  const { signal, end } = begin(parentElement);
  const root = parentElement.querySelector(".class"), find = (name) => root.querySelector(name);
  const room = enter(data.code), { words } = data;
  room.held(signal);

  // --- a student ---
  const go = (where, tries = 0) => {
    const here = place(data), mark = JSON.stringify([where.page, where.query]), coming = room.late && room.mark === mark && !tries;
    if (here.page === where.page) address(where.stage);
    room.late = !there(here, where, data);
    if (!room.late || coming || tries > TRIES) return;
    room.mark = mark;
    setTriggerValue("go", { page: where.page, query: { ...where.query, ...where.stage } });
    // what else this browser tells the server in the meantime can undo it: its choices as they were
    clearTimeout(room.timer);
    room.timer = setTimeout(() => room.late && room.go(room.state, tries + 1), AGAIN_MS * 2 ** tries);
  };
  room.go = go;
  const follow = () => {
    const { state, me } = room;
    if (me.teacher || !state || state.page === null || room.rev === state.rev) return;
    if (state.mode === "free" && !room.fresh) return;
    room.fresh = false;
    room.rev = state.rev;
    go(state);
  };
  const arrived = () => { // the stage may have moved on while the page was on its way
    const here = place(data);
    if (!room.late || !room.state || !there(here, room.state, data)) return;
    room.late = false;
    address(room.state.stage);
  };

  // --- a teacher ---
  let timer = null;
  const move = () => {
    timer = null;
    const here = place(data);
    if (here.page === null || here.page === data.desk || same(room.sent, here)) return;
    if (room.send({ move: here })) room.sent = here;
  };
  const moved = () => {
    if (room.me.teacher) timer ??= setTimeout(move, MOVE_MS);
    else arrived();
    draw();
  };

  // --- what is on screen ---
  const said = () => {
    const { link, state, me, here, voted } = room;
    if (link !== "on") return words.link[link] ?? words.link.lost;
    if (!me.teacher) return words.mode[state.mode];
    const open = state.question && !state.question.revealed;
    return (open ? words.voted : words.here).replace("{here}", here).replace("{voted}", voted);
  };
  const draw = () => {
    const { link, state, me } = room, student = Boolean(state && !me.teacher), question = student ? state.question : null;
    root.hidden = link === "new";
    Object.assign(root.dataset, { role: me.teacher ? "teacher" : "student", link, mode: state?.mode ?? "", rev: state?.rev ?? "", vote: me.vote ?? "" });
    find(".said").textContent = said();
    const here = place(data), away = student && state.page !== null && !(there(here, state, data) && staged(here, state));
    find(".back").hidden = !away || state.mode === "wait";
    find(".desk").hidden = find(".ask").hidden = !me.teacher || here.page === data.desk;
    find(".pill").hidden = me.teacher && here.page === data.desk && link === "on";
    const waits = student && state.mode === "wait" && !question;
    if (waits !== find(".wait").open) waits ? find(".wait").showModal() : find(".wait").close(); // nothing else can be used
    document.documentElement.classList.toggle("voting", Boolean(question && !question.revealed)); // predict, then see
    const box = find(".vote"), drawn = JSON.stringify([question, me.vote, data.lang]);
    if (box.dataset.drawn === drawn) return;
    if (question && box.dataset.n !== `${question.n} ${question.round} ${question.revealed}`) box.open = true;
    box.hidden = !question;
    Object.assign(box.dataset, { drawn, n: question ? `${question.n} ${question.round} ${question.revealed}` : "" });
    if (!question) return;
    const { n, round, revealed } = question;
    box.querySelector("summary").textContent = words.question.replace("{n}", n) + (round > 1 && !revealed ? ` · ${words.again}` : "");
    ballot(box.querySelector(".ballot"), question, me.vote, data, (option) => room.send({ vote: [n, round, option] }));
    box.querySelector(".note").textContent = revealed ? "" : me.vote === null ? words.hidden : words.counted;
  };

  find(".back").textContent = words.back;
  find(".back").onclick = () => { room.late = false; go(room.state); };
  for (const name of ["desk", "ask"]) { // with a question, or without
    find(`.${name}`).textContent = words[name];
    find(`.${name}`).onclick = () => setTriggerValue("go", { page: data.desk, query: { ...place(data).query, ...place(data).stage }, token: name === "ask" ? room.token() : null });
  }
  find(".wait").textContent = words.wait;
  find(".wait").oncancel = (event) => event.preventDefault();
  find(".vote").ontoggle = () => root.classList.toggle("open", find(".vote").open && !find(".vote").hidden);
  addEventListener("senet-class", () => { room.beside(data.at); follow(); if (room.me.teacher && room.state) moved(); draw(); }, { signal });
  addEventListener("senet-address", moved, { signal });
  document.addEventListener("click", ({ target }) => { // a link that names a place (a lesson's step) leads there with the class
    const link = target.closest?.("a[href]"), url = link && new URL(link.href);
    if (!url?.search || url.origin !== location.origin || url.searchParams.has("class")) return;
    url.searchParams.set("class", data.code);
    link.href = url;
  }, { signal, capture: true });
  const main = document.querySelector("[data-testid=stMain]"); // beside the sidebar
  const watch = new ResizeObserver(() => { find(".vote").style.left = `${main.getBoundingClientRect().left}px`; });
  watch.observe(main);
  signal.addEventListener("abort", () => { clearTimeout(timer); watch.disconnect(); document.documentElement.classList.remove("voting"); });
  room.beside(data.at);
  follow();
  moved();
  return end;
}

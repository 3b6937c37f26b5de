// The teacher's desk, for the projector: how to join, who is here, what the class may do, and the question that is asked.
import { ballot } from "./ballot.js";

const MODES = ["follow", "free", "wait"];

/** Save text as a file. */
const save = (text, name) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv;charset=utf-8" })); // Excel asks for the mark
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
};

const button = (text, act) => Object.assign(document.createElement("button"), { type: "button", textContent: text, onclick: act });

export default function ({ data, parentElement, setTriggerValue }) {
  const { signal, end } = begin(parentElement);
  const root = parentElement.querySelector(".lectern"), find = (name) => root.querySelector(name), { words } = data;
  const room = () => everywhere().room;
  const send = (message) => room()?.send(message);

  find(".qr").innerHTML = data.qr; // the server's own picture of the address
  find(".how").textContent = words.how;
  find(".url").textContent = data.address;
  find(".code").textContent = data.code;
  find(".modes").ariaLabel = words.modes;
  find(".modes").replaceChildren(...MODES.map((mode) => {
    const each = button(words.turn[mode], () => send({ mode }));
    each.dataset.mode = mode;
    each.title = words.what[mode];
    return each;
  }));

  const ask = () => setTriggerValue("ask", { token: room().token(), at: Date.now() });
  const acts = ({ question }) => {
    const on = (what) => () => send({ question: [question.n, what] });
    if (!question) return [[words.ask, ask, "ask"]];
    if (question.revealed) return [[words.next, ask, "ask"], [words.close, on("close"), "close"]];
    const again = question.round > 1 ? [] : [[words.again, on("again"), "again"]];
    return [...again, [words.reveal, on("reveal"), "reveal"], [words.close, on("close"), "close"]];
  };
  let drawn = "";
  const draw = () => {
    const { state, me, here, voted } = room() ?? {}, leads = Boolean(me?.teacher && state);
    root.classList.toggle("leads", leads);
    find(".lead").hidden = !leads;
    find(".here").hidden = !leads;
    if (!leads) return;
    const { question } = state;
    root.classList.toggle("asks", Boolean(question));
    find(".here").textContent = words.here.replace("{here}", here);
    find(".now").textContent = (question ? words.question.replace("{n}", question.n) + (question.round > 1 && !question.revealed ? ` · ${words.second}` : "")
      : data.none ? words.none : state.page === null ? words.nowhere : words.now).replace("{page}", data.pages[state.page] ?? "");
    find(".voted").textContent = question && !question.revealed ? words.voted.replace("{voted}", voted).replace("{here}", here) : "";
    const now = JSON.stringify([state.mode, question]);
    if (drawn === now) return;
    drawn = now;
    find(".modes").querySelectorAll("button").forEach((each) => each.setAttribute("aria-pressed", each.dataset.mode === state.mode));
    question ? ballot(find(".ballot"), question, null, data, null) : find(".ballot").replaceChildren();
    const all = acts(state).map(([text, act, name], i) => Object.assign(button(text, act), { className: i ? "" : "first", name }));
    const csv = Object.assign(button(words.save, () => send({ csv: data.lang })), { name: "save", className: "quiet" });
    find(".acts").replaceChildren(...all, csv);
  };
  if (room()) room().table = (text) => save(text, `class-${data.code}.csv`);
  addEventListener("senet-class", draw, { signal });
  draw();
  return end;
}

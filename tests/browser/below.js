// What is wrong with the stage's words: one of its controls or formulas over another, an index that is not low, a faint word.
() => {
  const all = [...document.querySelector("[data-testid=stMain]").querySelectorAll("*")];
  const root = all.map((each) => each.shadowRoot?.querySelector(".stage")).find(Boolean);
  const box = (node) => node.getBoundingClientRect(), words = (node) => `“${node.textContent.trim().slice(0, 20)}”`;
  const shared = (a, b, from, to) => Math.min(a[to], b[to]) - Math.max(a[from], b[from]);
  const over = (a, b) => shared(box(a), box(b), "left", "right") > 1 && shared(box(a), box(b), "top", "bottom") > 1;
  const shown = [...root.querySelectorAll("h2, label, .text, math, .bar button")].filter((each) => each.checkVisibility() && box(each).width);
  const level = ({ children: [base, index] }) => box(index.firstElementChild).bottom < box(base).bottom + 1;
  const faint = (word) => word.getAttribute("font-size") < 12 || word.getAttribute("opacity") < 0.6;
  return [
    ...shown.flatMap((a, i) => shown.slice(i + 1).filter((b) => over(a, b)).map((b) => `${words(a)} lies on ${words(b)}`)),
    ...[...root.querySelectorAll("msub")].filter(level).map((each) => `the index of ${words(each)} is not low`),
    ...[...root.querySelectorAll("svg text")].filter(faint).map((each) => `${words(each)} is faint`),
  ];
}

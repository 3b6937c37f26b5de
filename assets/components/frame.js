// What the browser keeps around a page: its address, the language that its letters are drawn in, and the focus.
// The address is replaced, never pushed: one press of Back is one page.

const REACHABLE = "button:enabled, input:enabled, a[href], summary, [tabindex='0']";

// PageDown, Space and a clicker move what has the focus: on a new page that is the part that scrolls. Whoever has used
// something else by then keeps it.
const scroll = () => {
  const now = document.activeElement, main = document.querySelector("[data-testid=stMain]");
  if (!now || now === document.body || now.closest("a, [data-testid^=stTopNav]")) main?.focus({ preventScroll: true });
};

// Where the thing that had the focus is gone (an edit that was taken back), what stands nearest to it gets it.
const keepFocus = (shared, signal) => {
  const over = { signal };
  document.addEventListener("focusin", ({ target }) => {
    shared.trail = [];
    for (let each = target; each; each = each.parentElement) shared.trail.push(each);
  }, over);
  document.addEventListener("focusout", ({ target }) => { if (target.isConnected) shared.trail = []; }, over);
  const watch = new MutationObserver(() => {
    const [last, ...around] = shared.trail ?? [];
    if (!last || last.isConnected || (document.activeElement ?? document.body) !== document.body) return;
    const near = around.find((each) => each.isConnected);
    (near?.querySelector(REACHABLE) ?? near?.closest("[tabindex='0']"))?.focus({ preventScroll: true });
  });
  watch.observe(document.body, { childList: true, subtree: true });
  signal.addEventListener("abort", () => watch.disconnect());
};

export default function ({ data, parentElement }) {
  const { signal, end } = begin(parentElement);
  const shared = everywhere();
  if (shared.page !== data.page) scroll();
  shared.page = data.page;
  keepFocus(shared, signal);
  document.documentElement.lang = data.lang;
  const asked = new URLSearchParams(data.query);
  new URLSearchParams(location.search).forEach((value, name) => {
    if (name.startsWith("embed")) asked.append(name, value); // Streamlit's own
  });
  const search = asked.size ? `?${asked}` : "";
  if (search !== location.search) history.replaceState(history.state, "", location.pathname + search + location.hash);
  return end;
}

// What the browser keeps around a page: its address, the language that its letters are drawn in, and the focus.

const REACHABLE = "button:enabled, input:enabled, a[href], summary, [tabindex='0']";

const scroller = () => document.querySelector("[data-testid=stMain]");

// PageDown, Space and a clicker move what has the focus: on a new page that is the part that scrolls. Whoever has used
// something else by then keeps it.
const scroll = (shared) => {
  const now = document.activeElement ?? document.body;
  const free = now === document.body || now === shared.handed || now.closest("a, [data-testid^=stTopNav]");
  if (free) scroller()?.focus({ preventScroll: true });
};

// Where something stands, however far the page is scrolled.
const spot = (element) => {
  const { left, top } = element.getBoundingClientRect();
  return [left, top + (scroller()?.scrollTop ?? 0)];
};

// Where the thing that had the focus is gone (an edit that was taken back), what stands nearest to it gets it.
const keepFocus = (shared, signal) => {
  const note = ({ target }) => {
    if (!(target instanceof Element)) return;
    shared.trail = [];
    for (let each = target; each; each = each.parentElement) shared.trail.push(each);
    shared.spot = spot(target);
  };
  document.addEventListener("focusin", note, { signal });
  document.addEventListener("pointerdown", note, { signal });
  const watch = new MutationObserver(() => {
    const [last, ...around] = shared.trail ?? [];
    if (!last || last.isConnected || (document.activeElement ?? document.body) !== document.body) return;
    const near = around.find((each) => each.isConnected) ?? document.body;
    const [x, y] = shared.spot;
    const far = (each) => Math.hypot(spot(each)[0] - x, spot(each)[1] - y);
    const others = [...near.querySelectorAll(REACHABLE)].filter((each) => each.checkVisibility());
    shared.handed = others.sort((a, b) => far(a) - far(b))[0] ?? scroller();
    shared.handed?.focus({ preventScroll: true });
  });
  watch.observe(document.body, { childList: true, subtree: true });
  signal.addEventListener("abort", () => watch.disconnect());
};

// Streamlit's own words, which it has in English alone: where it writes one of them, the page's language takes its place.
const WORDED = ["stFileUploader", "stCameraInput", "stMainMenu", "stMainMenuPopover"].map((id) => `[data-testid=${id}]`).join();
const speak = (words, signal) => {
  const said = new Map(words.flatMap((word) => word.all.map((each) => [each, word.now])));
  const put = (node, name) => {
    const now = said.get(node[name]?.trim());
    if (now && now !== node[name]) node[name] = now;
  };
  const read = (part) => {
    const texts = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) put(texts.currentNode, "data");
    [part, ...part.querySelectorAll("[aria-label]")].forEach((each) => put(each, "ariaLabel"));
  };
  const all = () => document.querySelectorAll(WORDED).forEach(read);
  const watch = new MutationObserver(all);
  watch.observe(document.body, { childList: true, subtree: true, characterData: true });
  signal.addEventListener("abort", () => watch.disconnect());
  all();
};

// Which channel and block are pinned, for every board of the page: a few bytes, where the boards hold pictures.
const PATIENCE_MS = 5000; // an answer that has not come by then does not come
const pin = (shared, data) => {
  shared.taken = data.taken;
  const { key, mount, n, at } = shared.last ?? {};
  const behind = key !== undefined && confirmed(shared, key, mount) < n && Date.now() - at < PATIENCE_MS;
  if (!behind) Object.assign(shared, { channel: data.channel, block: data.block }); // else: an answer to an earlier click
  shared.boards.forEach((repaint) => repaint());
};

// Back and forward show another page, not another pin: the address of a page that was left earlier says an older one.
const keepPin = (shared) => {
  const said = new URLSearchParams(location.search);
  if (shared.channel === null || !said.has("channel")) return;
  shared.carried = shared.channel; // the stage may have pinned it without the server
  said.set("channel", shared.channel);
  history.replaceState(history.state, "", `${location.pathname}?${said}${location.hash}`);
};

export default function ({ data, parentElement, setTriggerValue }) {
  const { signal, end } = begin(parentElement);
  const shared = everywhere();
  const moved = shared.page !== data.page;
  if (moved) scroll(shared);
  Object.assign(shared, { page: data.page, own: data.own });
  if (data.pin) pin(shared, data.pin);
  keepFocus(shared, signal);
  addEventListener("popstate", () => keepPin(shared), { signal });
  document.documentElement.lang = data.lang;
  speak(data.words, signal);
  const asked = new URLSearchParams(data.query), before = new URLSearchParams(shared.query);
  new URLSearchParams(location.search).forEach((value, name) => {
    if (name.startsWith("embed")) asked.append(name, value); // Streamlit's own
    else if (data.own.includes(name) && value !== before.get(name)) asked.set(name, value); // the browser has changed it
  });
  shared.query = data.query;
  const { carried = null } = shared;
  shared.carried = null;
  if (carried !== null && !data.own.includes("channel") && asked.get("channel") !== String(carried)) {
    settled(signal, () => setTriggerValue("pinned", carried));
  }
  address({}, asked);
  if (moved) dispatchEvent(new Event("senet-address")); // with the same words after the "?"
  return end;
}

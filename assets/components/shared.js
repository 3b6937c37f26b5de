// What several components need; ``component`` in senet_viz/ui/elements/components.py puts it in front of each of them.

// A mount runs again in the same elements at every change of its data. What the last run started (timers, observers,
// listeners, entries in shared tables) is to end with its signal, which this aborts; hand on ``end`` as the clean-up.
const begin = (element) => {
  element.run?.abort();
  const { signal } = (element.run = new AbortController());
  return { signal, end: () => element.run.abort() };
};

const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
const numbers = ({ f4, u2 }) => (f4 ? new Float32Array(bytes(f4)) : Float32Array.from(new Uint16Array(bytes(u2)), (v) => v / 65535));

// What is pinned and who draws it, for all components of the window.
const everywhere = () => (window.senetViz ??= { channel: null, boards: new Map() });

// The number of the last click on that board that the server has taken.
const confirmed = ({ taken }, key, mount) => (taken?.[key]?.[0] === mount ? taken[key][1] : 0);

// Put these values into the address (null takes one out) and tell whoever follows it. The address is replaced, never
// pushed: one press of Back is one page.
const address = (values, said = new URLSearchParams(location.search)) => {
  Object.entries(values).forEach(([name, value]) => (value === null ? said.delete(name) : said.set(name, value)));
  const search = said.size ? `?${said}` : "";
  if (search === location.search) return;
  history.replaceState(history.state, "", location.pathname + search + location.hash);
  dispatchEvent(new Event("senet-address"));
};

// Whether a key that was pressed is meant for something else: somebody types, or it is a shortcut of the browser's.
const elsewhere = (event) =>
  event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey
  || Boolean(event.composedPath()[0].closest?.("input, textarea, select, [contenteditable], [role=listbox], [role=option]"));

// Do this when the server has answered all that was asked. A page that is run again while its first run is still on its
// way loses what stands around it: Streamlit takes the rest of the first run for old.
const settled = (signal, then, looks = 100) =>
  setTimeout(() => {
    if (signal.aborted) return;
    const running = document.querySelector("[data-testid=stApp]")?.dataset.testScriptState !== "notRunning";
    running && looks ? settled(signal, then, looks - 1) : then();
  }, 30);

// Class scores as labelled bars, in place of what the list held; above them what is said of all of them.
const fillScores = (list, scores, said = "") => {
  const first = document.createElement("li");
  first.className = "first";
  first.textContent = said;
  list.replaceChildren(
    ...(said ? [first] : []),
    ...scores.map(({ label, share, text }) => {
      const item = document.createElement("li");
      const [name, bar, value] = ["span", "div", "b"].map((tag) => document.createElement(tag));
      name.textContent = name.title = label;
      value.textContent = text;
      const fill = document.createElement("div");
      fill.style.width = `${Math.max(share * 100, 0.5)}%`;
      bar.append(fill);
      item.append(name, bar, value);
      return item;
    }),
  );
};

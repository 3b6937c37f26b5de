// The first picture: the stage as it will be, drawn by its own script from its own numbers while Streamlit is on its way.
// It moves into the page as soon as the page has a place for it.
const PATIENCE = 8; // looks, four a second
const place = document.getElementById("first"), { script, at, heard } = place.dataset;
const said = new URLSearchParams(location.search), path = location.pathname, there = (query) => document.querySelector(query);

// what Streamlit keeps of a reader's choices: the theme, and whether the sidebar is closed, or how wide it is
const theme = localStorage.getItem(`stActiveTheme-${path}-v2`) ?? "", dusk = matchMedia("(prefers-color-scheme: dark)").matches;
const dark = theme.includes("Dark") || (dusk && !theme.includes("Light"));
const closed = Object.entries(localStorage).some(([name, value]) => name.startsWith("stSidebarCollapsed") && value === "true");
const side = closed ? 0 : localStorage.getItem("sidebarWidth");
const colours = JSON.parse(place.dataset.colours)[+dark];

/** Whether the page has something else to say than the stage: an error, or that there is no server. */
const other = () => there("[role=dialog]")
  || (there("[data-testid=stApp]")?.dataset.testScriptState === "notRunning" && there("[data-testid=stMain] [data-testid=stElementContainer]"));

/** While there is no page to be told, another block or page is opened by its address. */
let tell = (what, value) => {
  const to = new URLSearchParams(location.search);
  if (what === "open") to.set("block", value);
  if (what === "open" || value.page) location.assign(new URL(`${value.page ?? ""}?${to}`, document.baseURI));
};

if (said.has("lang") || heard === navigator.language) {
  place.classList.toggle("dark", dark);
  if (side !== null) place.style.setProperty("--side", `${side}px`);
  place.hidden = false;
  const { default: mount } = await import(new URL(script, document.baseURI));
  const from = place.shadowRoot, head = { colours, chosen: Object.fromEntries(said) }; // as the server will read it
  if (said.has("channel")) head.pinned = Number(said.get("channel"));
  mount({ data: { at, head }, parentElement: from, setTriggerValue: (...given) => tell(...given) });
  const shared = (window.senetViz ??= { channel: null, boards: new Map() });
  let looks = 0;
  const watch = setInterval(() => {
    looks = other() ? looks + 1 : 0;
    if (location.pathname !== path || looks > PATIENCE) shared.first({});
  }, 250);
  /** Make way for the page; where its stage is to show the same, it gets this one, and what ends it. */
  shared.first = (data, element, told) => {
    const same = data.at === at && JSON.stringify(data.head.colours) === JSON.stringify(colours);
    const { scrollTop } = place, main = there("[data-testid=stMain]"), end = (holder) => () => holder.run.abort();
    shared.first = null;
    clearInterval(watch);
    if (same) {
      tell = told, element.run = from.run;
      element.querySelector(".stage").replaceWith(from.querySelector(".stage"));
    } else end(from)();
    place.remove();
    if (main) main.scrollTop = scrollTop;
    return same ? end(element) : null;
  };
} else place.remove();

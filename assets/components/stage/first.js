// The first picture: the stage as it will be, drawn by its own script from its own numbers while Streamlit is on its way.
// What is chosen on it stands in the address, where the stage of the page takes it up; that one tells when it is drawn.
const PATIENCE = 8; // looks, four a second
const place = document.getElementById("first"), { script, at, heard, colours } = place.dataset;
const said = new URLSearchParams(location.search), path = location.pathname, there = (query) => document.querySelector(query);

/** What Streamlit keeps of the reader's choices: the theme, and whether the sidebar is closed, or how wide it is. */
const theme = localStorage.getItem(`stActiveTheme-${path}-v2`) ?? "", dusk = matchMedia("(prefers-color-scheme: dark)").matches;
const dark = theme.includes("Dark") || (dusk && !theme.includes("Light"));
const closed = Object.entries(localStorage).some(([name, value]) => name.startsWith("stSidebarCollapsed") && value === "true");
const side = closed ? 0 : localStorage.getItem("sidebarWidth");

/** Whether the page has something else to say than the stage: an error, or that there is no server. */
const other = () => there("[role=dialog]")
  || (there("[data-testid=stApp]")?.dataset.testScriptState === "notRunning" && there("[data-testid=stMain] [data-testid=stElementContainer]"));

if (said.has("lang") || heard === navigator.language) {
  place.classList.toggle("dark", dark);
  if (side !== null) place.style.setProperty("--side", `${side}px`);
  place.hidden = false;
  const { default: mount } = await import(new URL(script, document.baseURI));
  const setTriggerValue = (what, value) => { // there is no page yet to be told: another one is opened
    const to = new URLSearchParams(location.search), page = what === "open" ? "" : value.page;
    if (what === "open") to.set("block", value);
    if (what === "open" || page) location.assign(new URL(`${page}?${to}`, document.baseURI));
  };
  const end = mount({ data: { at, head: { colours: JSON.parse(colours)[+dark] } }, parentElement: place.shadowRoot, setTriggerValue });
  const shared = (window.senetViz ??= { channel: null, boards: new Map() });
  let looks = 0;
  const watch = setInterval(() => {
    looks = other() ? looks + 1 : 0;
    if (location.pathname !== path || looks > PATIENCE) shared.arrived();
  }, 250);
  shared.arrived = () => {
    const { scrollTop } = place, main = there("[data-testid=stMain]");
    end(), clearInterval(watch), place.remove();
    if (main) main.scrollTop = scrollTop;
    shared.arrived = null;
  };
}

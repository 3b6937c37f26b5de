// What the browser shows around a page: its address and the language that its letters are drawn in.
// The address is replaced, never pushed: one press of Back is one page.
export default function ({ data }) {
  document.documentElement.lang = data.lang;
  const asked = new URLSearchParams(data.query);
  new URLSearchParams(location.search).forEach((value, name) => {
    if (name.startsWith("embed")) asked.append(name, value); // Streamlit's own
  });
  const search = asked.size ? `?${asked}` : "";
  if (search !== location.search) history.replaceState(history.state, "", location.pathname + search + location.hash);
}

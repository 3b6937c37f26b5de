// How wide the page's main part is, told to the server where that changes how figures are drawn: not on a wide page.
// And on a narrow one, where the menu covers the page, a page that was chosen closes it.
const STEP = 40; // px: between two widths that are told apart

export default function ({ data, parentElement, setStateValue }) {
  const { signal, end } = begin(parentElement);
  parentElement.querySelector("span").textContent = data.width; // what the page is laid out for, for who asks
  const main = document.querySelector('[data-testid="stMainBlockContainer"]');

  let timer = null;
  const tell = () => {
    const { paddingLeft, paddingRight } = getComputedStyle(main);
    const width = main.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
    const told = width < data.slim ? Math.max(Math.floor(width / STEP) * STEP, data.least) : 0;
    if (told !== data.width) setStateValue("width", told);
  };
  const watch = new ResizeObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(tell, 150); // a window that is being drawn larger passes many widths
  });
  watch.observe(main);

  // only there the pages are listed in the sidebar
  document.addEventListener(
    "click",
    (event) => {
      if (!event.target.closest?.('[data-testid="stSidebarNavLink"]')) return;
      // Streamlit closes it for what calls itself a phone, and only there: look after it had its turn
      requestAnimationFrame(() => {
        const sidebar = document.querySelector('[data-testid="stSidebar"]');
        if (sidebar.dataset.collapsed !== "true") sidebar.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
      });
    },
    { signal },
  );

  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    watch.disconnect();
  });
  return end;
}

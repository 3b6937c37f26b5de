// Class scores as labelled bars.
export default function ({ data, parentElement }) {
  const list = parentElement.querySelector("ol");
  list.setAttribute("aria-label", data.alt);
  list.replaceChildren(
    ...data.scores.map(({ label, share, text }) => {
      const item = document.createElement("li");
      const [name, bar, value] = ["span", "div", "b"].map((tag) => document.createElement(tag));
      name.textContent = label;
      name.title = label;
      value.textContent = text;
      const fill = document.createElement("div");
      fill.style.width = `${Math.max(share * 100, 0.5)}%`;
      bar.append(fill);
      item.append(name, bar, value);
      return item;
    }),
  );
}

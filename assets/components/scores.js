export default function ({ data, parentElement }) {
  const list = parentElement.querySelector("ol");
  list.setAttribute("aria-label", data.alt);
  fillScores(list, data.scores, data.said);
}

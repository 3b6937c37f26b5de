// A question to the class: its options to press, and, once it is revealed, the votes of both rounds and what is right.

const element = (name, kind, text = "") => Object.assign(document.createElement(name), { className: kind, textContent: text });

/** One bar a round: how many of its votes an option got. */
const bars = (question, option, words) => {
  const all = element("span", "bars");
  question.rounds.forEach((votes, round) => {
    const sum = votes.reduce((a, b) => a + b, 0), share = sum ? votes[option] / sum : 0;
    const bar = element("span", "bar"), fill = element("i", round ? "fill second" : "fill");
    fill.style.width = `${100 * share}%`;
    bar.append(fill, element("b", "", `${votes[option]}`));
    bar.title = bar.ariaLabel = `${words.rounds[round]}: ${votes[option]} / ${sum}`;
    bar.setAttribute("role", "img");
    all.append(bar);
  });
  return all;
};

/**
 * Draw a question in place of what the box held.
 * @param vote what this window has voted, or null; @param choose is called with an option, null where nobody may vote
 */
export const ballot = (box, question, vote, { lang, words }, choose) => {
  const { text, options, why } = question.said[lang] ?? Object.values(question.said)[0];
  const list = element("div", "options");
  options.forEach((option, i) => {
    const button = element(choose ? "button" : "div", "option");
    button.append(element("b", "letter", "ABCDEFGH"[i]), element("span", "answer", option));
    button.dataset.option = i;
    if (choose) {
      button.type = "button";
      button.disabled = question.revealed;
      button.setAttribute("aria-pressed", vote === i);
      button.onclick = () => choose(i);
    }
    if (question.revealed) {
      button.append(bars(question, i, words));
      if (i === question.right) {
        button.classList.add("right");
        button.append(element("span", "tick", words.right));
      }
    }
    list.append(button);
  });
  box.replaceChildren(element("p", "text", text), list);
  if (question.revealed) {
    const legend = element("p", "legend");
    question.rounds.forEach((_, round) => legend.append(element("i", round ? "key second" : "key"), words.rounds[round]));
    box.append(element("p", "why", why), legend);
  }
};

// Formulas with this photo's numbers, as MathML: what the browser sets by itself.
import { gatesOf, mapOf } from "./data.js";
import { logitsOf, said, votes } from "./numbers.js";

const tag = (name) => (...parts) => `<${name}>${parts.join("")}</${name}>`;
const [row, mi, mn, mo, frac, sub, under, mtext] = ["mrow", "mi", "mn", "mo", "mfrac", "msub", "munder", "mtext"].map(tag);
const num = (v, digits = 4) => mn(said(v, digits));
const low = (index) => `<mpadded voffset="-0.18em" depth="+0.18em">${index}</mpadded>`; // where no font for formulas is there
const at = (letter, index) => sub(mi(letter), low(mi(index)));
const math = (...parts) => `<math display="block">${row(...parts)}</math>`;
const eq = mo("="), dot = mo("·");
const within = (...parts) => row('<mo stretchy="false">(</mo>', ...parts, '<mo stretchy="false">)</mo>');
const SYMBOLS = { sigmoid: "σ", h_sigmoid: "h-σ" };

/** What the gate function is given: two layers, or the one that there is. */
const inner = ({ R, head: { normed, near } }) => {
  const reduced = row(at("W", "1"), mi("z"));
  if (R) return row(at("W", "2"), mi("δ"), within(normed ? row(mtext("BN"), within(reduced)) : reduced));
  return near ? row(sub(mtext("conv"), low(mn(near))), within(mi("z"))) : row(mi("W"), mi("z"));
};

/** w·h + w·h + …, the strongest first. */
const terms = (found, count) => found.slice(0, count).map(({ weight, value }, i) => `${i && weight * value >= 0 ? mo("+") : ""}${num(weight, 3)}${dot}${num(value, 2)}`).join("") + (found.length > count ? mo("+ …") : "");

const FORMULAS = {
  whole: (block) => (block.M > 1
    ? math(at("V", "c"), eq, under(mo("∑"), mi("m")), at("a", "m,c"), dot, at("u", "m,c"))
    : math(at("x̃", "c"), eq, at("s", "c"), dot, at("u", "c"), mo(","), mi("s"), eq, mtext(SYMBOLS[block.head.gate_fn] ?? block.head.gate_fn), within(inner(block)))),
  maps: () => "",
  squeeze: (block, c) => {
    const { head, z } = block, total = z[c] * head.h * head.w;
    if (head.squeeze !== "avg") return math(at("z", c), eq, num(z[c]));
    return math(at("z", c), eq, frac(mn(1), row(mi("H"), mi("W"))), under(mo("∑"), row(mi("i"), mo(","), mi("j"))), at("u", c), within(mi("i"), mo(","), mi("j")), eq, frac(num(total, 2), row(mn(head.h), dot, mn(head.w))), eq, num(z[c]));
  },
  compress: ({ head }) => {
    const reduced = row(at("W", "1"), mi("z"));
    return math(mi("h"), eq, mtext(head.act || ""), within(head.normed ? row(mtext("BN"), within(reduced)) : reduced));
  },
  expand: (block, c) => {
    const m = block.M - 1, found = votes(block, c, m), g = logitsOf(block, c)[m];
    return math(at("g", c), eq, ...(found.length ? [terms(found, 2), eq] : []), num(g));
  },
  gate: (block, c) => {
    const m = block.M - 1, g = logitsOf(block, c)[m], s = gatesOf(block, c)[m], { gate_fn: fn } = block.head;
    if (fn === "softmax") return math(at("a", c), eq, frac(row(`<msup>${mi("e")}${num(g, 2)}</msup>`), row(under(mo("∑"), mi("m")), `<msup>${mi("e")}${at("g", "m")}</msup>`)), eq, num(s));
    if (fn === "h_sigmoid") return math(at("s", c), eq, frac(row(mtext("ReLU6"), within(num(g), mo("+"), mn(3))), mn(6)), eq, num(s));
    if (fn === "sigmoid") return math(at("s", c), eq, frac(mn(1), row(mn(1), mo("+"), `<msup>${mi("e")}${num(-g)}</msup>`)), eq, num(s));
    return math(at("s", c), eq, num(s));
  },
  rescale: (block, c) => {
    const gates = gatesOf(block, c), maps = gates.map((_, m) => mapOf(block, m, c));
    const far = maps[0].reduce((best, v, i) => (Math.abs(v) > Math.abs(maps[0][best]) ? i : best), 0);
    const sum = gates.reduce((all, g, m) => all + g * maps[m][far], 0);
    return math(block.M > 1 ? at("V", c) : at("x̃", c), eq, gates.map((g, m) => `${m ? mo("+") : ""}${num(g)}${dot}${within(num(maps[m][far], 2))}`).join(""), mo("≈"), num(sum, 2));
  },
  sowhat: () => "",
};

/** MathML of a step, "" where it has none. */
export const formula = (id, block, c) => FORMULAS[id](block, c);

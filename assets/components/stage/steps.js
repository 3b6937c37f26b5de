// The steps of the lesson: a step is a row of data. What a step lights up is named as in frame.js.
import { gatesOf } from "./data.js";
import { dead, extremes, logitsOf, said, votes } from "./numbers.js";

export const PARTS = ["ribbon", "answer", "around", "maps", "z", "reports", "hidden", "votes", "gate", "out", "strip"];

/** @type {{id: string, focus: string[], inset?: string}[]} */
const STEPS = [
  { id: "whole", focus: PARTS },
  { id: "maps", focus: ["maps", "ribbon"] },
  { id: "squeeze", focus: ["maps", "z", "strip"], inset: "map" },
  { id: "compress", focus: ["z", "reports", "hidden"] },
  { id: "expand", focus: ["hidden", "votes", "gate", "strip"] },
  { id: "gate", focus: ["gate", "strip"], inset: "curve" },
  { id: "rescale", focus: ["maps", "around", "gate", "out", "strip"] },
  { id: "sowhat", focus: ["answer", "out", "ribbon"], inset: "answers" },
];

/** The steps that this block has: where nothing is hidden, nothing is compressed. */
export const steps = (block) => STEPS.filter(({ id }) => id !== "compress" || block.R);

/** What a step's sentences and formulas are filled with. */
const values = (block, c, strongest) => {
  const { head, C, M, R, z } = block;
  const gates = gatesOf(block, c), m = gates.indexOf(Math.max(...gates));
  const [zeros, ones] = extremes(block);
  return {
    c, n: C, m: M, r: R, h: head.h, w: head.w, values: head.h * head.w, z: said(z[c]), dead: dead(block).length,
    zeros, ones, k: head.near, logit: said(logitsOf(block, c)[M - 1]), gate: said(gates[M - 1]), percent: Math.round(100 * gates[M - 1]), winner: head.branches[m] ?? "",
    share: Math.round(100 * gates[m]), block: head.short, model: head.model, act: head.act || "",
    strongest: strongest ? strongest.from : "", most: strongest && strongest.vote < 0 ? head.words.closes : head.words.opens,
  };
};

/** Words with {names} filled in. */
export const fill = (text, given) => text.replace(/\{(\w+)\}/g, (whole, name) => given[name] ?? whole);

/** @returns {{title: string, text: string}} what a step says, in the words for such a block or channel where it has them */
export const wording = (block, id, c) => {
  const { head, M, R } = block, words = head.words.steps[id], strongest = votes(block, c, M - 1)[0], given = values(block, c, strongest);
  const kinds = [head.near && "near", !strongest?.vote && "silent", M > 1 && "many", !R && "direct"].filter(Boolean);
  const own = (part) => kinds.map((kind) => words[kind + part]).find(Boolean);
  return { title: fill(own("_title") ?? words.title, given), text: fill(own("") ?? words.text, given) };
};

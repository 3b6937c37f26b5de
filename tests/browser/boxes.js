// What of the page's text lies over other text, is cut, or sticks out. One call looks at everything below the main part.
// Returns { overlaps, cut, wide }: lists of sentences for a failed test.
() => {
  const main = document.querySelector('[data-testid="stMain"]');
  // These scroll on purpose and show it by a bar of their own: code, tables, and what is listed as long as it likes.
  const SCROLLS = ["stCode", "stTable", "stDataFrame", "stTableStyledTable"];
  const NEAR = 2.5; // px that boxes of letters, which are higher than their ink, may share
  const up = (node) => node.assignedSlot ?? node.parentElement ?? node.getRootNode().host ?? null;
  const scroller = (node) => SCROLLS.includes(node.dataset?.testid) || node.tagName === "PRE";
  const free = (node) => { for (let at = node; at && at !== main; at = up(at)) if (scroller(at)) return true; return false; };
  const seen = (node) => node.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const box = (r) => [[r.left, r.top], [r.right, r.top], [r.right, r.bottom], [r.left, r.bottom]];

  // --- every piece of text: its words, its four corners, and who owns it ---
  const found = [];
  const add = (text, corners, node, owner) => {
    const xs = corners.map((p) => p[0]), ys = corners.map((p) => p[1]);
    const flat = { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
    if (flat.right - flat.left > 1 && flat.bottom - flat.top > 1) found.push({ text: text.trim(), corners, flat, node, owner });
  };
  const svgText = (node) => {
    const lines = [...node.querySelectorAll("tspan.line")];
    for (const line of lines.length ? lines : [node]) {
      if (!line.textContent.trim()) continue;
      const b = line.getBBox(), m = node.getScreenCTM();
      const pad = 0.14 * b.height; // ascent and descent that few letters use
      const at = (x, y) => [m.a * x + m.c * y + m.e, m.b * x + m.d * y + m.f];
      const [x0, x1, y0, y1] = [b.x, b.x + b.width, b.y + pad, b.y + b.height - pad];
      add(line.textContent, [at(x0, y0), at(x1, y0), at(x1, y1), at(x0, y1)], node, node);
    }
  };
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) {
      const parent = node.parentElement ?? node.getRootNode().host;
      if (!node.data.trim() || !seen(parent)) return;
      const range = document.createRange();
      range.selectNodeContents(node);
      const material = getComputedStyle(parent).fontFamily.includes("Material"); // an icon, written as its name
      for (const r of range.getClientRects()) add(material ? "icon" : node.data, box(r), parent, parent);
      return;
    }
    if (node.nodeType !== Node.ELEMENT_NODE && !(node instanceof ShadowRoot)) return;
    if (["STYLE", "SCRIPT", "TITLE", "CANVAS"].includes(node.tagName)) return;
    if (node.classList?.contains("katex")) {
      if (seen(node)) for (const base of node.querySelectorAll(".katex-html > .base")) add(`formula ${base.textContent}`, box(base.getBoundingClientRect()), base, node);
      return;
    }
    if (node.localName === "math") {
      if (seen(node)) add(`formula ${node.textContent}`, box(node.firstElementChild.getBoundingClientRect()), node, node);
      return;
    }
    if (node instanceof SVGTextElement) return seen(node) ? svgText(node) : undefined;
    if (node.shadowRoot) walk(node.shadowRoot);
    for (const child of node.childNodes) walk(child);
  };
  walk(main);

  // --- text over text: no line between two turned boxes ---
  const axes = (c) => [0, 1].map((i) => [c[i + 1][1] - c[i][1], c[i][0] - c[i + 1][0]]).map(([x, y]) => { const n = Math.hypot(x, y) || 1; return [x / n, y / n]; });
  const reach = (c, [x, y]) => { const d = c.map((p) => p[0] * x + p[1] * y); return [Math.min(...d), Math.max(...d)]; };
  const apart = (a, b) => [...axes(a.corners), ...axes(b.corners)].some((axis) => {
    const [a0, a1] = reach(a.corners, axis), [b0, b1] = reach(b.corners, axis);
    return Math.min(a1, b1) - Math.max(a0, b0) < NEAR;
  });
  const overlaps = [];
  found.sort((a, b) => a.flat.top - b.flat.top);
  found.forEach((a, i) => {
    for (let j = i + 1; j < found.length && found[j].flat.top < a.flat.bottom; j++) {
      const b = found[j];
      if (a.owner === b.owner || free(a.node) || free(b.node)) continue;
      if (!apart(a, b)) overlaps.push(`“${a.text}” and “${b.text}”`);
    }
  });

  // --- text that its container, its plot or the window cuts off ---
  const cut = [];
  for (const each of found) {
    if (free(each.node)) continue;
    const { left, right, top, bottom } = each.flat;
    const out = (r) => left < r.left - 1.5 || right > r.right + 1.5 || top < r.top - 1.5 || bottom > r.bottom + 1.5;
    for (let at = each.node; at && at !== main; at = up(at)) {
      const style = getComputedStyle(at);
      const clips = at instanceof SVGSVGElement || style.overflowX !== "visible" || style.overflowY !== "visible";
      const named = at.title && style.textOverflow === "ellipsis"; // whole in a hint
      if (named) break;
      const clip = at.getAttribute?.("clip-path")?.match(/#([^)'"]+)/);
      const shape = clip && document.getElementById(clip[1])?.querySelector("rect");
      let edge = clips ? at.getBoundingClientRect() : null;
      if (shape) {
        const m = at.getScreenCTM(), [x, y, w, h] = ["x", "y", "width", "height"].map((n) => Number(shape.getAttribute(n)));
        edge = { left: m.e + x * m.a, right: m.e + (x + w) * m.a, top: m.f + y * m.d, bottom: m.f + (y + h) * m.d };
      }
      if (edge && edge.right - edge.left > 2 && out(edge)) {
        cut.push(`“${each.text}” by ${at.dataset?.testid ?? (at.getAttribute?.("class") || at.tagName)}`);
        break;
      }
    }
    if (left < -1 || right > main.getBoundingClientRect().right + 1) cut.push(`“${each.text}” by the window`);
  }

  const wide = main.scrollWidth > main.clientWidth + 1 ? [`${main.scrollWidth} px in ${main.clientWidth}`] : [];
  return { overlaps: [...new Set(overlaps)], cut: [...new Set(cut)], wide, count: found.length };
}

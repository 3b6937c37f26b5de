// Runs in every page before its own scripts: knows whether the server has answered all that the page has asked it.
//
// Streamlit's own mark, data-test-script-state, still says "notRunning" between a click and the first message of the run
// that it causes. Here a run counts from the moment it is asked for: the page sends rerun_script, the server says
// new_session and then script_finished (BackMsg and ForwardMsg in Streamlit's protobuf).
(() => {
  const RERUN = 11, BEGUN = 4, ENDED = 6, EARLY = 2; // field numbers; the end of a run that another one follows at once
  const GRACE_MS = 500;
  const runs = (window.runs = { asked: false, running: false, doubt: false, ended: 0 });

  runs.quiet = () => {
    if (runs.asked || runs.running) return false;
    // Two requests of which the second may have been answered by the same run, or not: then a run follows soon.
    return !runs.doubt || performance.now() - runs.ended > GRACE_MS;
  };

  // What has been asked is sent by a timer after the click is drawn: look only after that, and after what came is drawn.
  runs.still = () => new Promise((done) => {
    const look = () => {
      const app = document.querySelector('[data-testid="stApp"]');
      const idle = app?.dataset.testScriptState === "notRunning";
      done(idle && runs.quiet() && !document.querySelector('[data-testid="stSkeleton"]'));
    };
    setTimeout(look, 1000); // a page that is not painted has no frames
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(look)));
  });

  // null while anything is on its way to the screen; then a text that is the same as long as nothing moves.
  runs.picture = () => {
    const seen = (node) => node.checkVisibility() && node.getBoundingClientRect().width > 0;
    const all = (query) => [...document.querySelectorAll(query)];
    const deep = (query) => all("*").flatMap((node) => [...(node.shadowRoot?.querySelectorAll(query) ?? [])]);
    const images = [...all("img"), ...deep("img")].filter((image) => image.loading !== "lazy" && image.src);
    const charts = all('[data-testid="stPlotlyChart"]').filter(seen);
    const moving = document.getAnimations().filter(
      (each) => each.playState === "running" && Number.isFinite(each.effect?.getComputedTiming().endTime ?? 0));
    if (document.fonts.status !== "loaded" || images.some((image) => !image.complete) || moving.length) return null;
    if (charts.some((chart) => !chart.querySelector(".main-svg"))) return null;
    const main = document.querySelector('[data-testid="stMain"]');
    const boxes = [...all("h1, h2, h3, h4, p, .main-svg, .main-svg text, canvas"), ...images, ...deep("canvas, p, svg")];
    const places = boxes.map((node) => { const b = node.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; });
    return JSON.stringify([main?.scrollWidth, main?.scrollHeight, main?.innerText.length, places]);
  };

  const fields = function* (bytes) { // number and value of the top level's fields
    let at = 0;
    const varint = () => {
      let value = 0, scale = 1, byte;
      do { byte = bytes[at++]; value += (byte & 127) * scale; scale *= 128; } while (byte & 128);
      return value;
    };
    while (at < bytes.length) {
      const tag = varint(), kind = tag % 8;
      const value = kind === 0 || kind === 2 ? varint() : null; // or its length
      at += kind === 2 ? value : { 0: 0, 1: 8, 5: 4 }[kind];
      yield [Math.floor(tag / 8), value];
    }
  };
  const bytes = (data) => (data instanceof ArrayBuffer ? new Uint8Array(data) : ArrayBuffer.isView(data) ? data : []);

  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...given) {
      super(...given);
      this.app = String(given[0]).includes("_stcore/stream");
      if (!this.app) return;
      Object.assign(runs, { asked: false, running: true, doubt: false }); // it is to send the first run's request
      this.addEventListener("message", (event) => {
        for (const [number, value] of fields(bytes(event.data))) {
          if (number === BEGUN) Object.assign(runs, { asked: false, running: true });
          if (number === ENDED) Object.assign(runs, { running: value === EARLY, ended: performance.now() });
        }
        if (runs.quiet()) runs.doubt = false;
      });
    }
    send(data) {
      if (this.app) {
        for (const [number] of fields(bytes(data))) {
          if (number !== RERUN) continue;
          if (runs.quiet()) runs.doubt = false;
          runs.doubt ||= runs.asked;
          runs.asked = true;
        }
      }
      super.send(data);
    }
  };
})();

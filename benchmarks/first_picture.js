// Runs in every page before its own scripts: notes in window.shown when the first thing that is waited for is on the
// screen, in milliseconds since the navigation began. Looks once a frame.
(() => {
  const waitedFor = "WAITED_FOR"; // put in by first_picture.py
  const seen = (node) => node.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && node.getBoundingClientRect().width > 0;
  const hosts = () => [...document.querySelectorAll("#first, [data-testid=stBidiComponentIsolated]")];
  const inside = (query) => hosts().flatMap(({ shadowRoot }) => [...(shadowRoot?.querySelectorAll(query) ?? [])]);

  /** Whether a canvas shows anything: it is drawn, small, into another, and some of that is not clear. */
  const painted = (canvas) => {
    if (!canvas?.width || !canvas.height || !seen(canvas)) return false;
    const small = new OffscreenCanvas(16, 16).getContext("2d");
    small.drawImage(canvas, 0, 0, 16, 16);
    return small.getImageData(0, 0, 16, 16).data.some((value, i) => i % 4 === 3 && value > 0);
  };

  const found = {
    heading: () => [...document.querySelectorAll("[data-testid=stMain] h1")].some((node) => node.textContent && seen(node)),
    picture: () => inside("[data-testid=stage][data-pinned]").some((root) => seen(root) && painted(root.querySelector("canvas"))),
    // of a page without a stage: a figure's axes, or a board's picture
    figure: () => [...document.querySelectorAll("[data-testid=stPlotlyChart] .main-svg")].some(seen)
      || inside("img").some((image) => image.complete && image.naturalWidth && seen(image)),
  }[waitedFor];
  const look = () => {
    if (found()) window.shown = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();

// Which channel is pinned, for every board of the page: a few bytes, where the boards hold pictures.
export default function ({ data }) {
  const shared = (window.senetViz ??= { channel: null, boards: new Map() });
  shared.channel = data.channel;
  shared.boards.forEach((repaint) => repaint());
}

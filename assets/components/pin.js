// Which channel and block are pinned, for every board of the page: a few bytes, where the boards hold pictures.
export default function ({ data }) {
  const shared = (window.senetViz ??= { channel: null, boards: new Map() });
  Object.assign(shared, { channel: data.channel, block: data.block });
  shared.scale ??= data.scale; // the address says where a scrubber begins; then it is the hand's
  shared.boards.forEach((repaint) => repaint());
}

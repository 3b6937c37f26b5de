// Which channel and block are pinned, for every board of the page: a few bytes, where the boards hold pictures.
const PATIENCE_MS = 5000; // an answer that has not come by then does not come

export default function ({ data }) {
  const shared = everywhere();
  shared.taken = data.taken;
  const { key, mount, n, at } = shared.last ?? {};
  const behind = key !== undefined && confirmed(shared, key, mount) < n && Date.now() - at < PATIENCE_MS;
  if (!behind) Object.assign(shared, { channel: data.channel, block: data.block }); // else: an answer to an earlier click
  shared.scale ??= data.scale; // the address says where a scrubber begins; then it is the hand's
  shared.boards.forEach((repaint) => repaint());
}

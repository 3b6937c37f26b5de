// What the server sent of one block, as arrays that the other files read. Nothing here draws.

/**
 * @typedef {Object} Block
 * @property {Object} head   what is no array: names, sizes, words, colours; see senet_viz/figures/walk/block.py
 * @property {number} M      branches; 1 unless they compete
 * @property {number} C      channels
 * @property {number} R      hidden units; 0 where the block has none
 * @property {Uint8Array} maps     (M, C, h, w) as shares of each map's own range
 * @property {Float32Array} range  (M, C, 2) the least and the greatest value of each map
 * @property {Float32Array} z      (C,)
 * @property {Float32Array} hidden (R,)
 * @property {Float32Array} logit  (M, C)
 * @property {Float32Array} gate   (M, C)
 * @property {Float32Array} w1     (R, C); empty where there is none
 * @property {Float32Array} w2     (M, C, R or C); empty where the last layer is no matrix
 * @property {Float32Array} b2     (M, C); zeros where there is none
 * @property {Uint8Array} strips   (blocks, n) gates of every block from low to high, 255 is 1
 */

/** Unpack zlib's format. */
const inflate = async (raw) => {
  const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
};

/**
 * @param {Uint8Array} sent as ``Stage.payload`` in senet_viz/figures/walk/block.py packs it
 * @returns {Promise<Block>}
 */
export const read = async (sent) => {
  const raw = sent.slice(), size = new DataView(raw.buffer).getUint32(0, true); // a copy begins at a multiple of four
  const head = JSON.parse(new TextDecoder().decode(raw.subarray(4, 4 + size)));
  const part = (name) => raw.subarray(4 + size + head.parts[name][0], 4 + size + head.parts[name][0] + head.parts[name][1]);
  const floats = (name) => { const { byteOffset, length } = part(name); return new Float32Array(raw.buffer, byteOffset, length / 4); };
  const names = ["range", "z", "hidden", "logit", "gate", "w1", "w2", "b2"];
  const arrays = Object.fromEntries(names.map((name) => [name, floats(name)]));
  return { head, M: head.m, C: head.c, R: head.hidden, maps: await inflate(part("maps")), strips: part("strips"), photo: part("photo"), ...arrays };
};

/** One map's values (h * w), of branch m, as they are drawn: off by at most 1/510 of the map's range. */
export const mapOf = ({ head, C, maps, range }, m, c) => {
  const size = head.cell_h * head.cell_w, at = m * C + c;
  const low = range[2 * at], step = (range[2 * at + 1] - low) / 255;
  return Float32Array.from(maps.subarray(at * size, (at + 1) * size), (level) => low + level * step);
};

/** The sum of weights[m] * map of branch m: the fused map for weights of 1, the block's output for its gates. */
export const mixed = (block, c, weights) => {
  const sum = new Float32Array(block.head.cell_h * block.head.cell_w);
  for (let m = 0; m < block.M; m++) {
    const map = mapOf(block, m, c);
    for (let i = 0; i < sum.length; i++) sum[i] += weights[m] * map[i];
  }
  return sum;
};

/** Channels in drawing order, the greatest first. @param {"index" | "z" | "gate"} by */
export const order = ({ C, M, z, gate }, by) => {
  const plain = Array.from({ length: C }, (_, c) => c);
  const values = { z, gate: gate.subarray((M - 1) * C) }[by];
  return values ? plain.sort((a, b) => values[b] - values[a] || a - b) : plain;
};

/** The gates of channel c, one a branch. */
export const gatesOf = ({ M, C, gate }, c) => Array.from({ length: M }, (_, m) => gate[m * C + c]);

/**
 * MD5 that can be resumed from a state saved earlier, which no package on npm
 * offers; Web Crypto has no MD5 at all. The steps are written out because the
 * engines make less than half the speed of a loop over them.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc1321}
 */

/** The four words of a state; a new message starts from these. */
export const MD5_START: readonly number[] = [
  1732584193,
  -271733879,
  -1732584194,
  271733878,
];

/** The bytes that are taken in one go. */
export const MD5_BLOCK = 64;

/**
 * Takes in whole blocks of `view`, from byte `from` up to `to`, into the four
 * words of `state`.
 */
export function md5Blocks(
  state: Int32Array | number[],
  view: DataView,
  from: number,
  to: number,
): void {
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  for (let at = from; at < to; at += MD5_BLOCK) {
    const a0 = a;
    const b0 = b;
    const c0 = c;
    const d0 = d;
    const x0 = view.getInt32(at + 0, true);
    const x1 = view.getInt32(at + 4, true);
    const x2 = view.getInt32(at + 8, true);
    const x3 = view.getInt32(at + 12, true);
    const x4 = view.getInt32(at + 16, true);
    const x5 = view.getInt32(at + 20, true);
    const x6 = view.getInt32(at + 24, true);
    const x7 = view.getInt32(at + 28, true);
    const x8 = view.getInt32(at + 32, true);
    const x9 = view.getInt32(at + 36, true);
    const x10 = view.getInt32(at + 40, true);
    const x11 = view.getInt32(at + 44, true);
    const x12 = view.getInt32(at + 48, true);
    const x13 = view.getInt32(at + 52, true);
    const x14 = view.getInt32(at + 56, true);
    const x15 = view.getInt32(at + 60, true);

    a = a + ((c ^ d) & b ^ d) + x0 + -680876936 | 0;
    a = (a << 7 | a >>> 25) + b | 0;
    d = d + ((b ^ c) & a ^ c) + x1 + -389564586 | 0;
    d = (d << 12 | d >>> 20) + a | 0;
    c = c + ((a ^ b) & d ^ b) + x2 + 606105819 | 0;
    c = (c << 17 | c >>> 15) + d | 0;
    b = b + ((d ^ a) & c ^ a) + x3 + -1044525330 | 0;
    b = (b << 22 | b >>> 10) + c | 0;
    a = a + ((c ^ d) & b ^ d) + x4 + -176418897 | 0;
    a = (a << 7 | a >>> 25) + b | 0;
    d = d + ((b ^ c) & a ^ c) + x5 + 1200080426 | 0;
    d = (d << 12 | d >>> 20) + a | 0;
    c = c + ((a ^ b) & d ^ b) + x6 + -1473231341 | 0;
    c = (c << 17 | c >>> 15) + d | 0;
    b = b + ((d ^ a) & c ^ a) + x7 + -45705983 | 0;
    b = (b << 22 | b >>> 10) + c | 0;
    a = a + ((c ^ d) & b ^ d) + x8 + 1770035416 | 0;
    a = (a << 7 | a >>> 25) + b | 0;
    d = d + ((b ^ c) & a ^ c) + x9 + -1958414417 | 0;
    d = (d << 12 | d >>> 20) + a | 0;
    c = c + ((a ^ b) & d ^ b) + x10 + -42063 | 0;
    c = (c << 17 | c >>> 15) + d | 0;
    b = b + ((d ^ a) & c ^ a) + x11 + -1990404162 | 0;
    b = (b << 22 | b >>> 10) + c | 0;
    a = a + ((c ^ d) & b ^ d) + x12 + 1804603682 | 0;
    a = (a << 7 | a >>> 25) + b | 0;
    d = d + ((b ^ c) & a ^ c) + x13 + -40341101 | 0;
    d = (d << 12 | d >>> 20) + a | 0;
    c = c + ((a ^ b) & d ^ b) + x14 + -1502002290 | 0;
    c = (c << 17 | c >>> 15) + d | 0;
    b = b + ((d ^ a) & c ^ a) + x15 + 1236535329 | 0;
    b = (b << 22 | b >>> 10) + c | 0;
    a = a + ((b ^ c) & d ^ c) + x1 + -165796510 | 0;
    a = (a << 5 | a >>> 27) + b | 0;
    d = d + ((a ^ b) & c ^ b) + x6 + -1069501632 | 0;
    d = (d << 9 | d >>> 23) + a | 0;
    c = c + ((d ^ a) & b ^ a) + x11 + 643717713 | 0;
    c = (c << 14 | c >>> 18) + d | 0;
    b = b + ((c ^ d) & a ^ d) + x0 + -373897302 | 0;
    b = (b << 20 | b >>> 12) + c | 0;
    a = a + ((b ^ c) & d ^ c) + x5 + -701558691 | 0;
    a = (a << 5 | a >>> 27) + b | 0;
    d = d + ((a ^ b) & c ^ b) + x10 + 38016083 | 0;
    d = (d << 9 | d >>> 23) + a | 0;
    c = c + ((d ^ a) & b ^ a) + x15 + -660478335 | 0;
    c = (c << 14 | c >>> 18) + d | 0;
    b = b + ((c ^ d) & a ^ d) + x4 + -405537848 | 0;
    b = (b << 20 | b >>> 12) + c | 0;
    a = a + ((b ^ c) & d ^ c) + x9 + 568446438 | 0;
    a = (a << 5 | a >>> 27) + b | 0;
    d = d + ((a ^ b) & c ^ b) + x14 + -1019803690 | 0;
    d = (d << 9 | d >>> 23) + a | 0;
    c = c + ((d ^ a) & b ^ a) + x3 + -187363961 | 0;
    c = (c << 14 | c >>> 18) + d | 0;
    b = b + ((c ^ d) & a ^ d) + x8 + 1163531501 | 0;
    b = (b << 20 | b >>> 12) + c | 0;
    a = a + ((b ^ c) & d ^ c) + x13 + -1444681467 | 0;
    a = (a << 5 | a >>> 27) + b | 0;
    d = d + ((a ^ b) & c ^ b) + x2 + -51403784 | 0;
    d = (d << 9 | d >>> 23) + a | 0;
    c = c + ((d ^ a) & b ^ a) + x7 + 1735328473 | 0;
    c = (c << 14 | c >>> 18) + d | 0;
    b = b + ((c ^ d) & a ^ d) + x12 + -1926607734 | 0;
    b = (b << 20 | b >>> 12) + c | 0;
    a = a + (b ^ c ^ d) + x5 + -378558 | 0;
    a = (a << 4 | a >>> 28) + b | 0;
    d = d + (a ^ b ^ c) + x8 + -2022574463 | 0;
    d = (d << 11 | d >>> 21) + a | 0;
    c = c + (d ^ a ^ b) + x11 + 1839030562 | 0;
    c = (c << 16 | c >>> 16) + d | 0;
    b = b + (c ^ d ^ a) + x14 + -35309556 | 0;
    b = (b << 23 | b >>> 9) + c | 0;
    a = a + (b ^ c ^ d) + x1 + -1530992060 | 0;
    a = (a << 4 | a >>> 28) + b | 0;
    d = d + (a ^ b ^ c) + x4 + 1272893353 | 0;
    d = (d << 11 | d >>> 21) + a | 0;
    c = c + (d ^ a ^ b) + x7 + -155497632 | 0;
    c = (c << 16 | c >>> 16) + d | 0;
    b = b + (c ^ d ^ a) + x10 + -1094730640 | 0;
    b = (b << 23 | b >>> 9) + c | 0;
    a = a + (b ^ c ^ d) + x13 + 681279174 | 0;
    a = (a << 4 | a >>> 28) + b | 0;
    d = d + (a ^ b ^ c) + x0 + -358537222 | 0;
    d = (d << 11 | d >>> 21) + a | 0;
    c = c + (d ^ a ^ b) + x3 + -722521979 | 0;
    c = (c << 16 | c >>> 16) + d | 0;
    b = b + (c ^ d ^ a) + x6 + 76029189 | 0;
    b = (b << 23 | b >>> 9) + c | 0;
    a = a + (b ^ c ^ d) + x9 + -640364487 | 0;
    a = (a << 4 | a >>> 28) + b | 0;
    d = d + (a ^ b ^ c) + x12 + -421815835 | 0;
    d = (d << 11 | d >>> 21) + a | 0;
    c = c + (d ^ a ^ b) + x15 + 530742520 | 0;
    c = (c << 16 | c >>> 16) + d | 0;
    b = b + (c ^ d ^ a) + x2 + -995338651 | 0;
    b = (b << 23 | b >>> 9) + c | 0;
    a = a + (c ^ (b | ~d)) + x0 + -198630844 | 0;
    a = (a << 6 | a >>> 26) + b | 0;
    d = d + (b ^ (a | ~c)) + x7 + 1126891415 | 0;
    d = (d << 10 | d >>> 22) + a | 0;
    c = c + (a ^ (d | ~b)) + x14 + -1416354905 | 0;
    c = (c << 15 | c >>> 17) + d | 0;
    b = b + (d ^ (c | ~a)) + x5 + -57434055 | 0;
    b = (b << 21 | b >>> 11) + c | 0;
    a = a + (c ^ (b | ~d)) + x12 + 1700485571 | 0;
    a = (a << 6 | a >>> 26) + b | 0;
    d = d + (b ^ (a | ~c)) + x3 + -1894986606 | 0;
    d = (d << 10 | d >>> 22) + a | 0;
    c = c + (a ^ (d | ~b)) + x10 + -1051523 | 0;
    c = (c << 15 | c >>> 17) + d | 0;
    b = b + (d ^ (c | ~a)) + x1 + -2054922799 | 0;
    b = (b << 21 | b >>> 11) + c | 0;
    a = a + (c ^ (b | ~d)) + x8 + 1873313359 | 0;
    a = (a << 6 | a >>> 26) + b | 0;
    d = d + (b ^ (a | ~c)) + x15 + -30611744 | 0;
    d = (d << 10 | d >>> 22) + a | 0;
    c = c + (a ^ (d | ~b)) + x6 + -1560198380 | 0;
    c = (c << 15 | c >>> 17) + d | 0;
    b = b + (d ^ (c | ~a)) + x13 + 1309151649 | 0;
    b = (b << 21 | b >>> 11) + c | 0;
    a = a + (c ^ (b | ~d)) + x4 + -145523070 | 0;
    a = (a << 6 | a >>> 26) + b | 0;
    d = d + (b ^ (a | ~c)) + x11 + -1120210379 | 0;
    d = (d << 10 | d >>> 22) + a | 0;
    c = c + (a ^ (d | ~b)) + x2 + 718787259 | 0;
    c = (c << 15 | c >>> 17) + d | 0;
    b = b + (d ^ (c | ~a)) + x9 + -343485551 | 0;
    b = (b << 21 | b >>> 11) + c | 0;

    a = a + a0 | 0;
    b = b + b0 | 0;
    c = c + c0 | 0;
    d = d + d0 | 0;
  }
  state[0] = a;
  state[1] = b;
  state[2] = c;
  state[3] = d;
}

/**
 * The digest of a message of `length` bytes whose whole blocks are in `state`;
 * `rest` holds the bytes after them. The 16 bytes come as Base64, which is 24
 * characters.
 */
export function md5End(
  state: readonly number[],
  rest: Uint8Array,
  length: number,
): string {
  const tail = new Uint8Array(rest.length < 56 ? 64 : 128);
  tail.set(rest);
  tail[rest.length] = 0x80;
  const view = new DataView(tail.buffer);
  view.setUint32(tail.length - 8, length << 3, true);
  view.setUint32(tail.length - 4, Math.floor(length / 0x20000000), true);
  const words = [...state];
  md5Blocks(words, view, 0, tail.length);
  words.forEach((word, index) => view.setInt32(4 * index, word, true));
  return btoa(String.fromCharCode(...tail.subarray(0, 16)));
}

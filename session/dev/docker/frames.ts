/**
 * Splits a container's output, which the engine sends as frames of two streams: eight
 * bytes that name the stream and the length, then the text. No I/O.
 */
import type { OutputStream } from "../output.ts";

const HEADER = 8;
const STREAMS: readonly (OutputStream | undefined)[] = [
  undefined,
  "stdout",
  "stderr",
];

/** Bytes in, pieces of two streams out. */
export class FrameSplitter {
  /** An unfinished header. */
  #rest: Uint8Array<ArrayBuffer> = new Uint8Array();
  #stream: OutputStream = "stdout";
  /** How many bytes of the frame are still to come. */
  #left = 0;

  /** The pieces in `chunk`. */
  *push(
    chunk: Uint8Array<ArrayBuffer>,
  ): Generator<[OutputStream, Uint8Array<ArrayBuffer>], void, void> {
    let bytes = chunk;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + chunk.length);
      bytes.set(this.#rest);
      bytes.set(chunk, this.#rest.length);
      this.#rest = new Uint8Array();
    }
    for (let at = 0; at < bytes.length;) {
      if (this.#left === 0) {
        if (bytes.length - at < HEADER) {
          this.#rest = bytes.slice(at);
          return;
        }
        const view = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER);
        this.#stream = STREAMS[view.getUint8(0)] ?? "stdout";
        this.#left = view.getUint32(4);
        at += HEADER;
        continue;
      }
      const piece = bytes.subarray(at, at + this.#left);
      at += piece.length;
      this.#left -= piece.length;
      yield [this.#stream, piece];
    }
  }
}

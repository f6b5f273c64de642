/**
 * Determines whether `fetch` has decoded a response's body. Each runtime decodes
 * different codings, none reports which, and most leave `Content-Encoding` in place.
 * A proxy that gets it wrong sends a header that contradicts the body.
 */
import { bodyOf } from "./body.ts";
import { relay } from "./relay.ts";

/** Whether a runtime's `fetch` decodes these codings. */
type Decodes = (codings: readonly string[]) => boolean;

const one = (pattern: RegExp): Decodes => ([coding, ...more]) =>
  coding !== undefined && more.length === 0 && pattern.test(coding);

/** Verified by the case "header and body agree" of the conformance matrix. */
const RUNTIMES: readonly [global: string, decodes: Decodes][] = [
  ["Deno", one(/^(gzip|br)$/i)],
  // Bun ignores "identity" and empty members of a list.
  [
    "Bun",
    (codings) =>
      one(/^(x-)?gzip$|^(deflate|br|zstd)$/i)(
        codings.filter((coding) => !/^(identity)?$/i.test(coding)),
      ),
  ],
  // workerd, which compares the header case-sensitively.
  ["WebSocketPair", one(/^(gzip|br)$/)],
];

/** Node, following the Fetch standard: any of these, in any order. */
const standard: Decodes = (codings) =>
  codings.every((coding) => /^((x-)?gzip|deflate|br|zstd)$/i.test(coding));

/** The first bytes of a body that is still encoded. */
const MAGIC: readonly [coding: RegExp, bytes: readonly number[]][] = [
  [/^zstd$/i, [0x28, 0xb5, 0x2f, 0xfd]],
  [/^(x-)?gzip$/i, [0x1f, 0x8b]],
];

/** A response's body, and whether it was decoded. */
export interface Decoded {
  /** Whether `Content-Encoding` and `Content-Length` no longer describe the body. */
  decoded: boolean;
  /** The body, from its first byte on. */
  body: ReadableStream<Uint8Array> | null;
}

/** Determines whether the body of `answer` was decoded. */
export async function decodedBody(answer: Response): Promise<Decoded> {
  const body = bodyOf(answer);
  const value = answer.headers.get("content-encoding");
  if (value === null) return { decoded: false, body };
  const codings = value.split(",").map((coding) => coding.trim());
  const own = RUNTIMES.find(([global]) => global in globalThis);
  if (own) return { decoded: own[1](codings), body };
  if (!standard(codings)) return { decoded: false, body };
  // Node decodes zstd since version 24, and leaves the body encoded if the list
  // contains a coding that it does not know.
  const magic = codings.some((coding) => /^zstd$/i.test(coding)) &&
    MAGIC.find(([coding]) => coding.test(codings.at(-1)!))?.[1];
  if (!magic || !body) return { decoded: true, body };
  const peeked = await peek(body, magic.length);
  return {
    decoded: !magic.every((byte, index) => peeked.start[index] === byte),
    body: peeked.body,
  };
}

/** Reads the first bytes of a body; returns them and a body that still has them. */
async function peek(
  body: ReadableStream<Uint8Array>,
  count: number,
): Promise<{ start: Uint8Array; body: ReadableStream<Uint8Array> }> {
  const reader = body.getReader();
  const read: Uint8Array[] = [];
  let length = 0;
  while (length < count) {
    const { done, value } = await reader.read();
    if (done) break;
    read.push(value);
    length += value.byteLength;
  }
  const start = Uint8Array.from(
    read.flatMap((piece) => [...piece.subarray(0, count)]),
  );
  return {
    start,
    body: relay(reader, { first: read }).body,
  };
}

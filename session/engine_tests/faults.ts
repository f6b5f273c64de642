/** A `fetch` whose event streams arrive badly, each time in the same way. */
import { isEventStream } from "../../net/sse.ts";
import { wait } from "../../net/wait.ts";

/** What happens to the events of a stream. */
export type Fault =
  /** The stream breaks off after some events; the next one does so later. */
  | "cut"
  /** Each event arrives twice, and a part of all earlier ones again. */
  | "doubled"
  /** Each event arrives late, in pieces, between comments. */
  | "delayed"
  /** Every second event never arrives, although the stream goes on. */
  | "lost";

/** How late a delayed piece is, in milliseconds. */
const LATE = 60;

/** Wraps `fetch` so that event streams show a fault. */
export function faultyFetch(
  fault: Fault,
  fetch: typeof globalThis.fetch = globalThis.fetch,
): typeof globalThis.fetch {
  let streams = 0;
  return async (input, init) => {
    const response = await fetch(input, init);
    if (
      !response.body || !isEventStream(response.headers.get("content-type"))
    ) {
      return response;
    }
    const events = damage(split(response.body), fault, ++streams);
    const encoder = new TextEncoder();
    const body = new ReadableStream<Uint8Array>({
      async pull(stream) {
        const { done, value } = await events.next();
        if (done) stream.close();
        else stream.enqueue(encoder.encode(value));
      },
      cancel: () => void events.return(undefined),
    });
    return new Response(body, response);
  };
}

/** The blocks of an event stream, each with the empty line that ends it. */
async function* split(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + decoder.decode(value, { stream: true }))
        .replaceAll("\r\n", "\n").split("\n\n");
      rest = blocks.pop()!;
      for (const block of blocks) yield `${block}\n\n`;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function* damage(
  blocks: AsyncGenerator<string, void, void>,
  fault: Fault,
  stream: number,
): AsyncGenerator<string, void, void> {
  const past: string[] = [];
  for await (const block of blocks) {
    if (!/^data:/m.test(block)) {
      yield block;
      continue;
    }
    past.push(block);
    switch (fault) {
      case "cut":
        yield block;
        if (past.length > stream) return;
        break;
      case "doubled":
        yield block;
        yield past.filter((_, index) => index % 2 === 0).join("") + block;
        break;
      case "delayed":
        for (let at = 0; at < block.length; at += 30) {
          await wait(LATE);
          yield block.slice(at, at + 30);
        }
        yield ": a comment\n\n";
        break;
      case "lost":
        if ((past.length + stream) % 2 === 0) yield block;
        break;
    }
  }
}

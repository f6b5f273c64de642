/**
 * Forwards bodies. A request's is counted, and aborted at the backend if the client
 * aborts it; a response's is passed on as it is.
 */
import { relay } from "./relay.ts";

/** A body that is being forwarded. */
export interface PassingBody {
  /** The body to pass to `fetch`. */
  readonly body: ReadableStream<Uint8Array>;
  /**
   * Whether each chunk is counted. If the length is known, workerd moves the chunks
   * itself, and only the end is reported.
   */
  readonly counted: boolean;
}

/** Callbacks of {@linkcode passBody}. */
export interface BodyListener {
  /** Called with the bytes forwarded so far. Throwing ends the body. */
  onBytes(bytes: number): void;
  /** Called when all of it has been forwarded. */
  onEnd(bytes: number): void;
  /** Called when the client aborted it. */
  onFail(error: unknown): void;
  /** Ends the body. */
  signal: AbortSignal;
}

/** The part of workerd's global object that {@linkcode passBody} uses. */
interface NativeStreams {
  FixedLengthStream: new (length: number) => TransformStream<
    Uint8Array,
    Uint8Array
  >;
  IdentityTransformStream: new () => TransformStream<Uint8Array, Uint8Array>;
}

/**
 * Responses by their bodies, so that a response lives as long as its body. Node cancels
 * the unread body of a response that was garbage-collected, and code that reads the
 * body later, such as a middleware that waits for something first, would fail.
 */
const RESPONSES = /* @__PURE__ */ new WeakMap<object, Response>();

/** The body of a response of `fetch`, to be passed on without the response. */
export function bodyOf(answer: Response): ReadableStream<Uint8Array> | null {
  const { body } = answer;
  if (body) RESPONSES.set(body, answer);
  return body;
}

/** The size of one read in bytes, for readers that choose it. */
const PIECE = 256 * 1024;

/**
 * Starts forwarding a body. `length` is its length in bytes, if the request gave one;
 * the runtimes' servers enforce it.
 *
 * A JavaScript `TransformStream` would do everywhere except on workerd, where it
 * costs twenty times the processor time, and an aborted body would look complete.
 */
export function passBody(
  source: ReadableStream<Uint8Array>,
  length: number | undefined,
  listener: BodyListener,
): PassingBody {
  const { FixedLengthStream, IdentityTransformStream } =
    globalThis as unknown as Partial<NativeStreams>;
  if (FixedLengthStream && length !== undefined) {
    const { readable, writable } = new FixedLengthStream(length);
    source.pipeTo(writable, {
      // Aborting this stream would look like the normal end of the body to the
      // backend, so the request is aborted instead.
      preventAbort: true,
      preventCancel: true,
      signal: listener.signal,
    }).then(
      () => listener.onEnd(length),
      // A backend may respond and close before it has read the whole body, which is
      // not a failure.
      () => source.getReader().closed.catch(listener.onFail),
    );
    return { body: readable, counted: false };
  }
  if (IdentityTransformStream) {
    const { readable, writable } = new IdentityTransformStream();
    pump(source, writable, listener);
    return { body: readable, counted: true };
  }
  return { body: counting(source, listener), counted: true };
}

/** Copies in large chunks; workerd's own are 4 kB. */
async function pump(
  source: ReadableStream<Uint8Array>,
  writable: WritableStream<Uint8Array>,
  { onBytes, onEnd, onFail, signal }: BodyListener,
): Promise<void> {
  const reader = source.getReader({ mode: "byob" });
  const writer = writable.getWriter();
  const cancel = () => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", cancel, { once: true });
  let bytes = 0;
  let buffer = new ArrayBuffer(PIECE);
  try {
    while (true) {
      const { done, value } = await reader.read(new Uint8Array(buffer))
        .catch((error) => {
          onFail(error);
          throw error;
        });
      if (done) break;
      bytes += value.byteLength;
      onBytes(bytes);
      await writer.write(value);
      buffer = value.buffer;
    }
    signal.throwIfAborted();
    onEnd(bytes);
    await writer.close();
  } catch (error) {
    cancel();
    writer.abort(error).catch(() => {});
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

/** Passes the same chunks on. */
function counting(
  source: ReadableStream<Uint8Array>,
  { onBytes, onEnd, onFail }: BodyListener,
): ReadableStream<Uint8Array> {
  let bytes = 0;
  return relay(source.getReader(), {
    onChunk: ({ byteLength }) => onBytes(bytes += byteLength),
    onDone: () => onEnd(bytes),
    onFail(error) {
      onFail(error);
      return error;
    },
  }).body;
}

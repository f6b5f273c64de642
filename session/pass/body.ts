/**
 * A request's body on its way to the backend: counted, and broken off at the
 * backend when the client breaks off.
 */

/** What becomes of a body while it passes. */
export interface PassingBody {
  /** What to give to `fetch`. */
  readonly body: ReadableStream<Uint8Array>;
  /**
   * Whether pieces are seen one by one. Where the length is known, workerd moves
   * them itself, and only the end is reported.
   */
  readonly counted: boolean;
}

/** What {@linkcode passBody} reports. */
export interface BodyListener {
  /** `bytes` have passed so far. May throw, which ends the body. */
  onBytes(bytes: number): void;
  /** All of it has passed. */
  onEnd(bytes: number): void;
  /** The client broke it off. */
  onFail(error: unknown): void;
  /** Ends the body. */
  signal: AbortSignal;
}

/** As much of workerd's global object as {@linkcode passBody} uses. */
interface NativeStreams {
  FixedLengthStream: new (length: number) => TransformStream<
    Uint8Array,
    Uint8Array
  >;
  IdentityTransformStream: new () => TransformStream<Uint8Array, Uint8Array>;
}

/** Bytes of one read, where the reader says how many it wants. */
const PIECE = 256 * 1024;

/**
 * Begins to pass on a body. `length` is its length, where the request said it;
 * the runtimes' servers hold a client to it.
 *
 * A JavaScript `TransformStream` would do everywhere but on workerd: there it
 * costs twenty times the processor time, and a body that breaks off would end
 * like a complete one.
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
      // What ends this stream looks like the end of the body to the backend:
      // the request has to be aborted instead.
      preventAbort: true,
      preventCancel: true,
      signal: listener.signal,
    }).then(
      () => listener.onEnd(length),
      // A backend may answer and close before it has read all: no failure.
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

/** Reads in large pieces: workerd's own are of 4 kB. */
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

/** The same pieces, read when they are asked for. */
function counting(
  source: ReadableStream<Uint8Array>,
  { onBytes, onEnd, onFail }: BodyListener,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  let bytes = 0;
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read().catch((error) => {
        onFail(error);
        throw error;
      });
      if (done) {
        onEnd(bytes);
        return controller.close();
      }
      bytes += value.byteLength;
      try {
        onBytes(bytes);
      } catch (error) {
        reader.cancel(error).catch(() => {});
        throw error;
      }
      controller.enqueue(value);
    },
    async cancel(reason) {
      await reader.cancel(reason).catch(() => {});
    },
  }, { highWaterMark: 0 });
}

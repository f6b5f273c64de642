/** Passes the chunks of a stream on, so that a proxy can watch it and end it. */

/** Options of {@linkcode relay}. */
export interface RelayOptions {
  /** Chunks that were already read; they are passed on first. */
  first?: Uint8Array[];
  /** Called with each chunk before it is passed on. Throwing fails both streams. */
  onChunk?: (chunk: Uint8Array) => void;
  /** Called when all of the source has been passed on. */
  onDone?: () => void;
  /** Called when the source fails; returns the error that the reader gets. */
  onFail?: (error: unknown) => unknown;
  /** Called once, after the stream has ended in any way. */
  onEnd?: () => void;
}

/** A stream that is being relayed. */
export interface Relay {
  /** The stream to read. */
  readonly body: ReadableStream<Uint8Array>;
  /**
   * Ends both streams early. With an error, the body breaks off; without one it looks
   * complete, which only a stream of events may.
   */
  end(error?: unknown): void;
}

/**
 * Passes on what `reader` reads, at the pace at which the result is read. Cancelling
 * the result cancels the source on every runtime, which a `TransformStream` does not.
 */
export function relay(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  { first = [], onChunk, onDone, onFail, onEnd }: RelayOptions = {},
): Relay {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  let over = false;
  const finish = () => {
    over = true;
    onEnd?.();
  };
  // The source may have failed, which concerns only those who still read it.
  const cancel = (reason?: unknown) => reader.cancel(reason).catch(() => {});
  const body = new ReadableStream<Uint8Array>({
    start: (made) => void (controller = made),
    async pull() {
      const ready = first.shift();
      if (ready) return controller.enqueue(ready);
      let result: ReadableStreamReadResult<Uint8Array>;
      try {
        result = await reader.read();
      } catch (error) {
        if (over) return;
        finish();
        throw onFail ? onFail(error) : error;
      }
      // Ending the stream also ends a read that is under way.
      if (over) return;
      if (result.done) {
        onDone?.();
        finish();
        return controller.close();
      }
      try {
        onChunk?.(result.value);
      } catch (error) {
        finish();
        cancel(error);
        throw error;
      }
      controller.enqueue(result.value);
    },
    async cancel(reason) {
      finish();
      await cancel(reason);
    },
  }, { highWaterMark: 0 });
  return {
    body,
    end(error) {
      if (over) return;
      finish();
      if (error === undefined) controller.close();
      else controller.error(error);
      cancel(error);
    },
  };
}

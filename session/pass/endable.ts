/** Ends a response's body from outside. */

/**
 * A body that can be ended early. `onEnd` is called once it has ended for any reason.
 * With an error, `end` breaks the body off; without one it looks complete, which only
 * a stream of events may.
 */
export function endable(
  source: ReadableStream<Uint8Array>,
  onEnd: () => void,
): { body: ReadableStream<Uint8Array>; end: (error?: Error) => void } {
  const reader = source.getReader();
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  let over = false;
  const finish = () => {
    if (over) return;
    over = true;
    onEnd();
  };
  const body = new ReadableStream<Uint8Array>({
    start: (made) => void (controller = made),
    async pull() {
      try {
        const { done, value } = await reader.read();
        if (over) return;
        if (!done) return controller.enqueue(value);
        finish();
        controller.close();
      } catch (error) {
        finish();
        throw error;
      }
    },
    async cancel(reason) {
      finish();
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
  return {
    body,
    end(error) {
      if (over) return;
      finish();
      if (error) controller.error(error);
      else controller.close();
      reader.cancel().catch(() => {});
    },
  };
}

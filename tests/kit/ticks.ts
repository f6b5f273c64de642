/** A stream of server-sent events that goes on until its reader is gone. */
export function ticks(every: number, gone: () => void): Response {
  const encoder = new TextEncoder();
  let timer: ReturnType<typeof setInterval>;
  let count = 0;
  return new Response(
    new ReadableStream({
      start(stream) {
        const tick = () =>
          stream.enqueue(encoder.encode(`data: ${count++}\n\n`));
        tick();
        timer = setInterval(tick, every);
      },
      cancel() {
        clearInterval(timer);
        gone();
      },
    }),
    { headers: { "content-type": "text/event-stream" } },
  );
}

/** What an application's own functions, such as `authorize`, throw. */

/** Hono passes only this realm's errors to `onError`. */
export function passable(thrown: unknown): unknown {
  return Object.prototype.isPrototypeOf.call(Error.prototype, Object(thrown))
    ? thrown
    : new Error("the application threw a value that is not an Error", {
      cause: thrown,
    });
}

/** What Hono answers by default: an exception's own response, or a bare 500. */
export function lastAnswer(error: unknown): Response {
  const { getResponse } = Object(error) as { getResponse?: () => Response };
  if (typeof getResponse === "function") return getResponse.call(error);
  console.error(error);
  return new Response("Internal Server Error", { status: 500 });
}

/** Forwards an HTTP request to a session backend, streaming both bodies. */
import type { Deadlines } from "../../net/deadlines.ts";
import { isEventStream } from "../../net/sse.ts";
import { bodyOf, passBody } from "./body.ts";
import { decodedBody } from "./encoding.ts";
import { LostError, ProxyError, redacted } from "./failure.ts";
import {
  requestFields,
  type RequestHeaderOptions,
  responseFields,
  type ResponseHeaderOptions,
} from "./headers.ts";
import { relay } from "./relay.ts";

/** In milliseconds. Long, because Plane holds a request until the backend has started. */
export const ANSWER_TIMEOUT = 60_000;

/** Options of {@linkcode forward}. */
export interface ForwardOptions
  extends RequestHeaderOptions, ResponseHeaderOptions {
  /** The longest request body, in bytes; a longer one gets a 413. @default {Infinity} */
  maxBody?: number | undefined;
  /**
   * How long the backend may take to start its response, from the last chunk of the
   * request body. Those who forward many requests share one.
   */
  deadlines: Deadlines;
  /** Ends the request and its response, as a client's disconnect does. */
  signal?: AbortSignal | undefined;
  /**
   * Called with the response before its headers are filtered. If it throws, the
   * response is dropped and its error becomes that of `forward`.
   */
  onAnswer?: ((answer: Response) => void) | undefined;
  /** Called with the length of the request's body in bytes, once all of it was read. */
  onBody?: ((bytes: number) => void) | undefined;
  /** Called with the body of each event stream; returns the one to send. */
  eventStream?:
    | ((body: ReadableStream<Uint8Array>) => ReadableStream<Uint8Array>)
    | undefined;
  /** The platform's `fetch`, or one that behaves like it. */
  fetch?: typeof fetch | undefined;
}

/** Methods that have the same effect when a request is sent twice (RFC 9110, section 9.2.2). */
export const IDEMPOTENT: RegExp = /^(GET|HEAD|OPTIONS|PUT|DELETE)$/;

/**
 * How often a request is sent again after it met a connection that the backend
 * had closed. Node keeps several, and a whole pool of them can be stale.
 */
const STALE_CONNECTIONS = 3;

/** In bytes: up to this length, a response's body may be held in memory. */
const SMALL = 64 * 1024;

/** Statuses of responses without a body (Fetch, "null body status"). */
export const NULL_BODY: ReadonlySet<number> = /* @__PURE__ */ new Set([
  204,
  205,
  304,
]);

/**
 * Forwards `request` to `to` and returns the backend's response. Both bodies are
 * streamed, and both sets of headers filtered. Redirects are not followed. When the
 * client disconnects, the request to the backend ends, and vice versa.
 *
 * @throws {ProxyError} 405 for a method that cannot be forwarded, 413 if the body is
 * too long, 499 if the client disconnects, 502 if the response's status is invalid,
 * 503 if `signal` ended it, 504 if the backend does not respond in time
 * @throws {LostError} 502 when the backend is unreachable
 */
export async function forward(
  request: Request,
  to: string,
  options: ForwardOptions,
): Promise<Response> {
  const {
    maxBody = Infinity,
    deadlines,
    signal,
    fetch = globalThis.fetch,
  } = options;
  const { method, headers } = request;
  if (/^(CONNECT|TRACE|TRACK)$/i.test(method)) {
    throw new ProxyError(
      405,
      `method ${method.toUpperCase()} is not forwarded`,
    );
  }
  const length = headers.get("content-length");
  if (Number(length) > maxBody) throw tooLong(maxBody);

  const controller = new AbortController();
  /** Why this function ended the request, if it did. */
  let ended: ProxyError | undefined;
  const end = (reason: ProxyError) => {
    ended ??= reason;
    controller.abort(ended);
  };
  const late = () =>
    end(
      new ProxyError(
        504,
        `the backend did not respond within ${deadlines.ms} ms`,
      ),
    );
  // Only until there is a response. From then on the runtime cancels the response's
  // body when the client disconnects, and some runtimes abort this signal regardless.
  const gone = () => end(new ProxyError(499, "the client disconnected"));
  const { signal: client } = request;
  if (client.aborted) gone();
  else client.addEventListener("abort", gone);
  const deadline = deadlines.start(late);
  let answered = false;
  const restart = () => {
    if (!answered) deadlines.restart(deadline);
  };

  let sent: ReadableStream<Uint8Array> | null = null;
  if (hasBody(request)) {
    const passing = passBody(
      request.body!,
      length === null ? undefined : Number(length),
      {
        onBytes(bytes) {
          if (bytes > maxBody) {
            end(tooLong(maxBody));
            throw ended;
          }
          restart();
        },
        onEnd(bytes) {
          options.onBody?.(bytes);
          restart();
        },
        onFail() {
          // Once there is a response, a disconnect of the client ends both.
          if (!answered) gone();
        },
        signal: controller.signal,
      },
    );
    sent = passing.body;
    // Without signs of progress, a slow upload would count as a missing response.
    if (!passing.counted) deadlines.stop(deadline);
  }

  const init: RequestInit = {
    method,
    headers: requestFields(headers, options),
    redirect: "manual",
    // any() holds its result weakly, so a signal that lives long gathers nothing.
    signal: signal
      ? AbortSignal.any([controller.signal, signal])
      : controller.signal,
    // A body that is a stream is sent while it is read; TypeScript's DOM
    // types do not know the member that the standard asks for.
    ...(sent && { body: sent, duplex: "half" } as RequestInit),
  };
  let again = sent === null && IDEMPOTENT.test(method) ? STALE_CONNECTIONS : 0;
  let answer: Response | undefined;
  let small: ArrayBuffer | undefined;
  try {
    for (;;) {
      try {
        answer = await fetch(to, init);
        break;
      } catch (error) {
        if (again-- === 0 || init.signal!.aborted || !isReset(error)) {
          throw error;
        }
      }
    }
    if (method !== "HEAD" && isSmall(answer)) {
      small = await answer.arrayBuffer();
    }
  } catch (error) {
    if (!ended && signal?.aborted) {
      throw new ProxyError(503, "the request was cancelled");
    }
    const cause = redacted(error, secretsOf(to, options));
    if (codeOf(error) === "UND_ERR_HEADERS_TIMEOUT") {
      ended ??= new ProxyError(
        504,
        "the backend did not respond within the headersTimeout of Node's fetch",
        { cause },
      );
    }
    throw ended ?? (answer
      // It responded: whatever the request does, it may have done.
      ? new ProxyError(502, "the backend's response broke off", { cause })
      : new LostError(502, "the backend is unreachable", { cause }));
  } finally {
    answered = true;
    deadlines.stop(deadline);
    client.removeEventListener("abort", gone);
  }
  try {
    options.onAnswer?.(answer);
  } catch (error) {
    answer.body?.cancel().catch(() => {});
    throw error;
  }
  if (answer.status < 200 || answer.status > 599) {
    answer.body?.cancel().catch(() => {});
    throw new ProxyError(
      502,
      `the backend responded with invalid status ${answer.status}`,
    );
  }
  const { status, statusText } = answer;
  if (small) {
    return new Response(small, {
      status,
      statusText,
      headers: responseFields(answer.headers, options),
    });
  }
  const { decoded, body: whole } = NULL_BODY.has(status)
    ? noBody(answer, controller)
    : answer.headers.has("content-encoding")
    ? await decodedBody(answer)
    : { decoded: false, body: bodyOf(answer) };
  let body = whole && discreet(whole, () => secretsOf(to, options));
  if (
    body && options.eventStream &&
    isEventStream(answer.headers.get("content-type"))
  ) body = options.eventStream(body);
  // Deno's server is fastest with a Response whose headers have not been read.
  return new Response(body, {
    status,
    statusText,
    headers: responseFields(answer.headers, options, decoded),
  });
}

/**
 * Whether a request may have a body: some runtimes give a request without one an
 * empty stream. A body that was already read must have been empty, because otherwise
 * the request would not be repeated.
 */
export function hasBody(request: Request): boolean {
  const { method, headers } = request;
  return method !== "GET" && method !== "HEAD" &&
    request.body !== null && !request.body.locked &&
    headers.get("content-length") !== "0";
}

/** What must not appear in an error: a backend's URL is a capability. */
export function secretsOf(
  to: string,
  { secrets = [] }: ResponseHeaderOptions,
): string[] {
  return [to, new URL(to).pathname, ...secrets];
}

/**
 * Whether a response's body is read whole before it is passed on. Only on Bun, where
 * the alternative, {@linkcode discreet}, costs a small response as much again as all
 * of a bare proxy. A response that breaks off is then known before its headers are sent.
 */
function isSmall({ headers, status }: Response): boolean {
  const length = headers.get("content-length");
  return length !== null && onBun() &&
    Number(length) > 0 && Number(length) <= SMALL &&
    !NULL_BODY.has(status) && !headers.has("content-encoding") &&
    !isEventStream(headers.get("content-type"));
}

function onBun(): boolean {
  return "Bun" in globalThis;
}

/**
 * Keeps secrets out of the error of a body that is aborted. On Bun the error would
 * contain the backend's whole URL, and Bun writes it to its log. On other runtimes the
 * body stays untouched, because some can forward it natively.
 */
function discreet(
  body: ReadableStream<Uint8Array>,
  secrets: () => readonly string[],
): ReadableStream<Uint8Array> {
  if (!onBun()) return body;
  return relay(body.getReader(), {
    onFail: (error) => redacted(error, secrets()),
  }).body;
}

/**
 * A response without a body, whatever the backend sent. Only 304 may say how
 * long a body would be: after a 205 the client would wait for those bytes.
 */
function noBody(
  { body, status }: Response,
  controller: AbortController,
): { decoded: boolean; body: null } {
  body?.cancel().catch(() => {});
  // Node shows no body here, and would read one that never ends.
  if (status === 205) controller.abort();
  return { decoded: status !== 304, body: null };
}

/**
 * Whether a request failed because its connection was closed, in the words of
 * Node. Other runtimes send it again by themselves.
 */
function isReset(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ECONNRESET" || code === "EPIPE" || code === "UND_ERR_SOCKET";
}

/** Why Node's `fetch` failed. */
function codeOf(error: unknown): unknown {
  return Object((error as Error | undefined)?.cause).code;
}

function tooLong(maxBody: number): ProxyError {
  return new ProxyError(413, `the body is longer than ${maxBody} bytes`);
}

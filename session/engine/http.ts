/** Answers of a platform's HTTP API: read with a bound, failures as `HTTPError`. */
import {
  type ApiError,
  type BackendState,
  HTTPError,
  toBackendState,
} from "../../types.ts";

/** No answer of a platform is longer, in bytes, than this. */
const MAX_ANSWER = 1_048_576;

/** The body as text, at most {@linkcode MAX_ANSWER} bytes of it. */
async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  // A loop over the reader: Safari's streams are not async iterable.
  const reader = response.body?.getReader();
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > MAX_ANSWER) {
      reader.cancel().catch(() => {});
      throw new RangeError(`the answer is longer than ${MAX_ANSWER} bytes`);
    }
    text += decoder.decode(value, { stream: true });
  }
  return text + decoder.decode();
}

/** The parts of an error body that are text, fit to be shown, or nothing. */
function toApiError(
  text: string,
  secrets: readonly string[],
): ApiError | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  // Jamsocket wraps its errors, Plane does not.
  const outer = body as { error?: unknown } | null;
  const inner =
    (typeof outer?.error === "object" && outer.error !== null
      ? outer.error
      : outer) as Record<string, unknown> | null;
  if (typeof inner?.message !== "string") return undefined;
  const error: ApiError = { message: presentable(inner.message, secrets) };
  for (const name of ["status", "code", "kind", "id"] as const) {
    const value = inner[name];
    if (typeof value === "string" || typeof value === "number") {
      error[name] = presentable(`${value}`, secrets);
    }
  }
  return error;
}

/**
 * What a platform says of its error, made fit for a message: one line, not too
 * long, with no address in it (an address may carry a connection token) and
 * none of `secrets`.
 */
function presentable(text: string, secrets: readonly string[]): string {
  let result = text.replace(/[a-z]+:\/\/\S+/gi, "[address]");
  for (const secret of secrets) {
    result = result.replaceAll(secret, "[redacted]");
  }
  // deno-lint-ignore no-control-regex
  result = result.replace(/[\s\x00-\x1f\x7f]+/g, " ").trim();
  return result.length > 200 ? result.slice(0, 200) + "…" : result;
}

/**
 * The error that an answer other than success stands for. Reads the body.
 *
 * @param action What failed, e.g. `connect to service "x"`
 * @param secrets Texts that must not appear in the error
 */
export async function toHTTPError(
  response: Response,
  action: string,
  secrets: readonly string[] = [],
): Promise<HTTPError> {
  // The status is the error; a body that cannot be read adds nothing to it.
  const text = await readText(response).catch(() => "");
  const error = toApiError(text, secrets);
  // Plain text is not shown: Plane quotes the request in it.
  const detail = error?.message ?? "";
  const seconds = Number(response.headers.get("retry-after") ?? NaN);
  return new HTTPError(
    response.status,
    `${action} failed: HTTP ${response.status}${detail && `: ${detail}`}`,
    { error, retryAfter: seconds >= 0 ? seconds * 1000 : undefined },
  );
}

/**
 * The JSON of a successful answer.
 * @throws {SyntaxError} if it is not JSON; the message does not quote it
 */
export async function readJson(
  response: Response,
  action: string,
): Promise<unknown> {
  const text = await readText(response);
  try {
    return JSON.parse(text);
  } catch {
    throw new SyntaxError(
      `${action} was answered with something other than JSON`,
    );
  }
}

/**
 * The state that a platform answers with.
 * @throws {HTTPError} if it answers with anything but success
 */
export async function readState(
  response: Response,
  action: string,
): Promise<BackendState> {
  if (!response.ok) throw await toHTTPError(response, action);
  const state = toBackendState(await readJson(response, action));
  if (!state) {
    throw new TypeError(
      `${action} was answered with something else than a state`,
    );
  }
  return state;
}

/**
 * What waits for `fetch` and its body; aborted, it ends with the signal's own
 * reason: workerd's `fetch` rejects with a copy, others' bodies with an error of
 * theirs.
 */
export async function abortable<T>(
  waiting: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  try {
    return await waiting;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/**
 * An answer. Where there is none, the error says what was wanted, and where: what
 * `fetch` throws names neither in its message.
 */
export async function reach(
  action: string,
  url: string,
  init: RequestInit,
  fetch: typeof globalThis.fetch = globalThis.fetch,
): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (cause) {
    init.signal?.throwIfAborted();
    // Of the address no more: a path or query may be secret.
    const to = URL.parse(url, globalThis.location?.href)?.origin ??
      "an invalid URL";
    throw new TypeError(`${action} failed: no answer from ${to}`, { cause });
  }
}

/** `url` with a parameter that no cache has seen: a `cache` option is not known everywhere. */
export function uncached(url: string): string {
  const separator = url.includes("?") ? "&" : "?";
  return `${url}${separator}_=${Math.random().toString(36).slice(2, 12)}`;
}

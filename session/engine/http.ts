/** Answers of a platform's HTTP API: read with a bound, failures as `HTTPError`. */
import {
  type ApiError,
  type BackendState,
  type ConnectResponse,
  HTTPError,
  isConnectResponse,
} from "../../types.ts";
import { retryAfterOf } from "../../net/retry_after.ts";
import { parseUrl } from "../../net/url.ts";
import { wait } from "../../net/wait.ts";
import type { StatusDialect } from "./dialect.ts";

/** Bytes of the longest answer that is read. */
const MAX_ANSWER = 1_048_576;

/** Milliseconds before an idempotent request is sent again. */
const RETRY_PAUSE = 10;

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
      throw new RangeError(
        `the platform's response is longer than ${MAX_ANSWER} bytes`,
      );
    }
    text += decoder.decode(value, { stream: true });
  }
  return text + decoder.decode();
}

/** Frees the connection of an answer whose body does not matter. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {});
}

/**
 * What an error body says, fit to be shown; `undefined` if it is not an error body.
 * Jamsocket wraps its errors in `error`, Plane does not.
 */
export function toApiError(
  body: unknown,
  secrets: readonly string[] = [],
): ApiError | undefined {
  const outer = body as { error?: unknown } | null | undefined;
  const inner =
    (typeof outer?.error === "object" && outer.error !== null
      ? outer.error
      : outer) as Record<string, unknown> | null | undefined;
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
 * A platform's words made fit for a message: one line, not too long, with no
 * address in it (an address may carry a connection token) and none of `secrets`.
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
 * @param action What failed, e.g. `Connecting to service "x"`
 * @param secrets Texts that must not appear in the error
 * @param foreignHint Appended if the body does not look like the platform's
 */
export async function toHTTPError(
  response: Response,
  action: string,
  secrets: readonly string[] = [],
  foreignHint?: string,
): Promise<HTTPError> {
  // The status is the error; a body that cannot be read adds nothing to it.
  const text = await readText(response).catch(() => "");
  const error = toApiError(parseJson(text), secrets);
  // Plain text is not shown: Plane quotes the request in it.
  const detail = error?.message ?? foreignHint;
  return new HTTPError(
    response.status,
    `${action} failed: HTTP ${response.status}${detail ? `: ${detail}` : ""}`,
    { error, retryAfter: retryAfterOf(response.headers) },
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The JSON of a successful answer.
 * @throws {SyntaxError} if it is not JSON; the message does not quote it
 */
async function readJson(
  response: Response,
  action: string,
  foreignHint?: string,
): Promise<unknown> {
  const value = parseJson(await readText(response));
  if (value === undefined) {
    throw new SyntaxError(
      `${action} failed: the response is not JSON${
        foreignHint ? `: ${foreignHint}` : ""
      }`,
    );
  }
  return value;
}

/**
 * The state in an answer.
 * @throws {HTTPError} if the platform answered with anything but success
 */
export async function readState(
  response: Response,
  action: string,
  dialect: StatusDialect,
): Promise<BackendState> {
  if (!response.ok) throw await toHTTPError(response, action);
  const state = dialect.toState(await readJson(response, action));
  if (!state) {
    throw new TypeError(
      `${action} failed: the response is not a backend state`,
    );
  }
  return state;
}

/** The connect response in an answer. Errors do not quote it: it may hold tokens. */
export async function readConnectResponse(
  response: Response,
  action: string,
  toCommon: (answer: unknown) => unknown = (answer) => answer,
  foreignHint?: string,
): Promise<ConnectResponse> {
  const value = toCommon(await readJson(response, action, foreignHint));
  if (!isConnectResponse(value)) {
    const fields = Object(value) as Record<string, unknown>;
    const bad = ["backend_id", "status", "token", "url", "status_url"]
      .filter((name) => typeof fields[name] !== "string");
    throw new TypeError(
      `${action} failed: the response is not a connect response${
        bad.length > 0 ? ` (missing or not a string: ${bad.join(", ")})` : ""
      }${foreignHint && bad.length === 5 ? `: ${foreignHint}` : ""}`,
    );
  }
  return value;
}

/** Options of {@linkcode reach}. */
export interface ReachOptions {
  /**
   * The request may be sent twice. A server closes idle connections, perhaps just
   * as a request is sent on one, so a request that got no answer is sent once more
   * on another connection.
   */
  idempotent?: boolean | undefined;
  /** Appended to the message if nothing answers. */
  hint?: string | undefined;
}

/**
 * Sends a request. If nothing answers, the error says what was attempted, and
 * where: the errors of `fetch` name neither.
 */
export async function reach(
  action: string,
  url: string,
  init: RequestInit,
  fetch: typeof globalThis.fetch = globalThis.fetch,
  { idempotent = false, hint }: ReachOptions = {},
): Promise<Response> {
  for (let again = idempotent;; again = false) {
    try {
      return await fetch(url, init);
    } catch (cause) {
      const { signal } = init;
      signal?.throwIfAborted();
      if (again) {
        // By then the runtime has noticed which of its connections are closed.
        await wait(RETRY_PAUSE, signal ? { signal } : {});
        continue;
      }
      // Show only the origin: a path or query may be secret.
      const to = parseUrl(url, globalThis.location?.href)?.origin ??
        "an invalid URL";
      throw new TypeError(
        `${action} failed: no response from ${to}${hint ? `; ${hint}` : ""}`,
        { cause },
      );
    }
  }
}

/** `url` with a parameter that no cache has seen: a `cache` option is not known everywhere. */
export function uncached(url: string): string {
  const separator = url.includes("?") ? "&" : "?";
  return `${url}${separator}_=${Math.random().toString(36).slice(2, 12)}`;
}

/**
 * Requests to a platform's HTTP API, and its responses, read with a size limit; failures
 * become `HTTPError`.
 */
import {
  type ApiError,
  type BackendState,
  type ConnectResponse,
  HTTPError,
  isConnectResponse,
} from "../../types.ts";
import { retryAfterOf } from "../../net/retry_after.ts";
import { isObject, isPromiseLike, tagOf } from "../../net/shape.ts";
import { parseUrl } from "../../net/url.ts";
import { wait } from "../../net/wait.ts";
import type { StatusDialect } from "./dialect.ts";

/** The longest response body accepted, in bytes. */
const MAX_ANSWER = 1_048_576;

/** How long to wait before repeating an idempotent request, in milliseconds. */
const RETRY_PAUSE = 10;

/** The header that carries an API token; no header without one. */
export function bearer(token: string | undefined): Record<string, string> {
  return token ? { authorization: `Bearer ${token}` } : {};
}

/** Reads the body as text; fails if it exceeds {@linkcode MAX_ANSWER} bytes. */
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

/** Frees the connection of a response whose body is not needed. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {});
}

/**
 * Reads an error body and makes it safe to show; returns `undefined` if it is not an
 * error body. Jamsocket wraps its errors in `error`, Plane does not.
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
 * Makes a platform's text safe for an error message: one line, limited in length,
 * without URLs (they may contain a connection token) and without `secrets`.
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
 * Converts an error response to an `HTTPError`. Reads the body.
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
  // The status alone makes the error; an unreadable body adds nothing to it.
  const text = await readText(response).catch(() => "");
  const error = toApiError(parseJson(text), secrets);
  // Plain text is not shown, because Plane quotes the request in it.
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
 * Parses the JSON of a successful response.
 * @throws {SyntaxError} if it is not JSON; the message does not quote it
 */
export async function readJson(
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
 * Reads the state from a response.
 * @throws {HTTPError} if the platform responded with an error status
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

/** Reads a connect response. Errors do not quote it, because it may contain tokens. */
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
   * Whether the request may be sent twice. A server may close an idle connection
   * just as a request is sent on it, so a request that failed without a response is
   * sent once more on another connection.
   */
  idempotent?: boolean | undefined;
  /** Appended to the error message if nothing responds. */
  hint?: string | undefined;
}

/**
 * Sends a request. If nothing responds, the error names the operation and the
 * origin: the errors of `fetch` name neither.
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
        // Gives the runtime time to notice which of its connections are closed.
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

/** Adds a unique parameter to defeat caches: not every runtime supports `cache`. */
export function uncached(url: string): string {
  const separator = url.includes("?") ? "&" : "?";
  return `${url}${separator}_=${Math.random().toString(36).slice(2, 12)}`;
}

/**
 * Describes a value that is not a connect response. Quotes error responses; of other
 * objects it shows only field names, because values may be secret.
 */
export function describeAnswer(value: unknown): string {
  const error = toApiError(value);
  if (error) return `the error ${JSON.stringify(error.message)}`;
  if (isPromiseLike(value)) return "a promise: await it first";
  const kind = tagOf(value);
  if (kind === "Response") return "a Response: pass await response.json()";
  if (!isObject(value)) return kind === "Undefined" ? "undefined" : kind;
  const names = Object.keys(value);
  return names.length === 0
    ? "an empty object"
    : `an object with the fields ${names.join(", ")}`;
}

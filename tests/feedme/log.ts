/** Writes down what an application sees, as the recorded conversations do. */
import type { FeedmeClient } from "../../feed/feedme/client/client.ts";
import type { FeedmeFeed } from "../../feed/feedme/client/feed.ts";
import { FeedmeError } from "../../feed/feedme/client/errors.ts";

const DETAILS = [
  "serverErrorCode",
  "serverErrorData",
  "transportError",
  "serverMessage",
  "parseError",
  "schemaViolation",
  "deltaViolation",
] as const;

/** One argument of a listener or callback; an npm client's error shows all it has. */
function show(value: unknown): string {
  if (value === undefined) return "";
  if (!(value instanceof Error)) return JSON.stringify(value);
  const own = value instanceof FeedmeError;
  const shown: Record<string, unknown> = {
    error: own ? upstreamWords(value) : value.message,
  };
  const names = own ? DETAILS : Object.keys(value);
  for (const name of names) {
    if (!Object.hasOwn(value, name)) continue;
    const detail: unknown = Reflect.get(value, name);
    shown[name] = detail instanceof Error ? detail.message : detail;
  }
  return JSON.stringify(shown);
}

/**
 * The message in feedme-client's words: ours adds the name of the action or feed, and the
 * server's code, which must be the error's.
 */
function upstreamWords({ message, serverErrorCode }: FeedmeError): string {
  const [whole, words, code] = /^(.*): "[^"]+" \((.*)\)\.$/.exec(message) ?? [];
  return whole && code === serverErrorCode ? `${words}.` : message;
}

function line(name: string, args: unknown[]): string {
  return ["app " + name, ...args.map(show)].join(" ");
}

export function logClient(
  client: FeedmeClient,
  write: (line: string) => void,
): void {
  for (
    const event of [
      "connecting",
      "connect",
      "disconnect",
      "badServerMessage",
      "badClientMessage",
      "transportError",
    ] as const
  ) {
    client.on(
      event,
      (...args: unknown[]) => write(line(`client.${event}`, args)),
    );
  }
}

export function logFeed(
  feed: FeedmeFeed,
  name: string,
  write: (line: string) => void,
): void {
  for (const event of ["opening", "open", "close", "action"] as const) {
    feed.on(
      event,
      (...args: unknown[]) => write(line(`${name}.${event}`, args)),
    );
  }
}

/** A callback of an action. */
export function logCallback(
  name: string,
  write: (line: string) => void,
): (...args: unknown[]) => void {
  return (...args) => write(line(`callback(${name})`, args));
}

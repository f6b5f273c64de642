/**
 * The calls of a container engine's HTTP API that the platform needs, over a Unix socket
 * or TCP: Docker's, and Podman's compatible one.
 *
 * Deno's own `fetch` reaches a Unix socket, so no client library is needed.
 *
 * @see {@link https://docs.docker.com/reference/api/engine/}
 */
import { isObject } from "../../../net/shape.ts";
import { DevPlatformError } from "../listen.ts";
import type { EngineTls } from "./address.ts";

/** The newest version of the API that these calls were written for. */
const NEWEST = "1.47";
/** Where Docker listens by default. */
export const DEFAULT_HOST = "unix:///var/run/docker.sock";

/** The engine refuses a call. */
export class EngineError extends Error {
  /** The name of the class. */
  override readonly name = "EngineError";
  /** The HTTP status: 404 for what does not exist, 409 for a conflict. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The status of an {@linkcode EngineError}; `undefined` for any other error. */
export function statusOf(error: unknown): number | undefined {
  return isObject(error) && error.name === "EngineError"
    ? error.status as number
    : undefined;
}

/** What is needed of a container's description. */
export interface Container {
  Id: string;
  Config: {
    Labels: Record<string, string> | null;
    StopSignal?: string;
  };
  State: {
    Status: string;
    Running: boolean;
    ExitCode: number;
    OOMKilled: boolean;
    StartedAt: string;
    Error?: string;
  };
  NetworkSettings: {
    Ports?: Record<string, { HostIp: string; HostPort: string }[] | null>;
  };
}

/** What is needed of a container in a list. */
export interface ListedContainer {
  Id: string;
  State: string;
  Labels: Record<string, string>;
}

/** An event of a container. */
export interface ContainerEvent {
  /** `die`, `oom` and so on. */
  Action: string;
  Actor: { ID: string };
}

/** A container engine. */
export class ContainerEngine implements Disposable {
  readonly #client: Deno.HttpClient;
  readonly #base: string;
  /** The host as it was given, for messages. */
  readonly host: string;
  #version: string | undefined;

  /** @throws {DevPlatformError} if `host` is neither `unix://…` nor `tcp://…` */
  constructor(host: string = DEFAULT_HOST, tls?: EngineTls) {
    this.host = host;
    const unix = /^unix:\/\/(\/.+)$/.exec(host)?.[1];
    const tcp = /^(?:tcp|http):\/\/([^/]+)\/?$/.exec(host)?.[1];
    if (unix === undefined && tcp === undefined) {
      throw new DevPlatformError(
        "the address of the container engine must begin with unix:/// or tcp://",
      );
    }
    this.#base = `${tls ? "https" : "http"}://${tcp ?? "engine"}`;
    this.#client = Deno.createHttpClient({
      ...(unix === undefined
        ? {}
        : { proxy: { transport: "unix" as const, path: unix } }),
      ...(tls ? { caCerts: [tls.ca], cert: tls.cert, key: tls.key } : {}),
      // Each container has one connection for its output.
      poolMaxIdlePerHost: 16,
    });
  }

  /**
   * Negotiates the version of the API.
   * @throws {DevPlatformError} if nothing answers at the address
   */
  async connect(): Promise<{ name: string; version: string }> {
    let about: Record<string, unknown>;
    try {
      about = await this.#json("GET", "/version");
    } catch (cause) {
      throw new DevPlatformError(
        `no container engine answers at ${this.host}; start Docker, or set --docker-host or DOCKER_HOST`,
        { cause },
      );
    }
    const { ApiVersion, MinAPIVersion } = about;
    this.#version = chooseVersion(String(ApiVersion), String(MinAPIVersion));
    return { name: "Docker Engine API", version: this.#version };
  }

  /** Creates a container; resolves with its id. */
  async create(name: string, settings: unknown): Promise<string> {
    const query = new URLSearchParams({ name });
    const { Id } = await this.#json(
      "POST",
      `/containers/create?${query}`,
      settings,
    );
    return String(Id);
  }

  /** Starts a container. */
  async start(id: string): Promise<void> {
    await this.#call("POST", `/containers/${id}/start`);
  }

  /** Sends a signal to a container's program. Does nothing if it has ended. */
  async signal(id: string, signal: string): Promise<void> {
    const query = new URLSearchParams({ signal });
    try {
      await this.#call("POST", `/containers/${id}/kill?${query}`);
    } catch (error) {
      // Podman responds with 409 or 500 where Docker responds with 409.
      if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
    }
  }

  /** Describes a container, by id or name; `undefined` if there is none. */
  async inspect(id: string): Promise<Container | undefined> {
    try {
      return await this.#json("GET", `/containers/${id}/json`) as never;
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  /** Removes a container and its anonymous volumes. */
  async remove(id: string): Promise<void> {
    try {
      await this.#call("DELETE", `/containers/${id}?v=1&force=1`);
    } catch (error) {
      // Gone, or being removed by another call.
      if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
    }
  }

  /** Lists all containers with a label, those that have ended too. */
  async list(label: string): Promise<ListedContainer[]> {
    const query = new URLSearchParams({
      all: "1",
      filters: JSON.stringify({ label: [label] }),
    });
    return await this.#json("GET", `/containers/json?${query}`) as never;
  }

  /** Pulls an image. */
  async pull(image: string): Promise<void> {
    const { name, tag } = splitImage(image);
    const query = new URLSearchParams({ fromImage: name, tag });
    const response = await this.#call("POST", `/images/create?${query}`);
    // It responds with its progress, and with an error in the end.
    for await (const line of jsonLines(response)) {
      if (isObject(line) && typeof line.error === "string") {
        throw new EngineError(500, line.error);
      }
    }
  }

  /** Reads a container's output until it ends: frames of two streams. */
  async output(
    id: string,
    tail: number | "all",
    signal: AbortSignal,
  ): Promise<ReadableStream<Uint8Array>> {
    const response = await this.#call(
      "GET",
      `/containers/${id}/logs?follow=1&stdout=1&stderr=1&tail=${tail}`,
      undefined,
      signal,
    );
    return response.body!;
  }

  /** Reads the events of containers with a label until the connection ends. */
  async events(
    label: string,
    signal: AbortSignal,
  ): Promise<AsyncIterable<ContainerEvent>> {
    const filters = JSON.stringify({
      type: ["container"],
      // Podman's filter knows it by its own name.
      event: ["die", "died"],
      label: [label],
    });
    const query = new URLSearchParams({ filters });
    const response = await this.#call(
      "GET",
      `/events?${query}`,
      undefined,
      signal,
    );
    return jsonLines(response) as AsyncIterable<ContainerEvent>;
  }

  async #json(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<Record<string, unknown>> {
    return await (await this.#call(method, path, body)).json();
  }

  async #call(
    method: string,
    path: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<Response> {
    const version = this.#version ? `/v${this.#version}` : "";
    const response = await fetch(this.#base + version + path, {
      method,
      client: this.#client,
      ...(body === undefined ? {} : {
        body: JSON.stringify(body),
        headers: { "content-type": "application/json" },
      }),
      ...(signal ? { signal } : {}),
    });
    if (response.ok || response.status === 304) {
      // Nothing else would read the body, which keeps its connection.
      if (response.status === 204 || response.status === 304) {
        await response.body?.cancel();
      }
      return response;
    }
    const text = await response.text();
    throw new EngineError(response.status, messageOf(text));
  }

  /** Closes its connections. */
  [Symbol.dispose](): void {
    this.#client.close();
  }
}

/** The version to speak with an engine that speaks those from `least` to `newest`. */
export function chooseVersion(newest: string, least: string): string {
  const chosen = compare(newest, NEWEST) < 0 ? newest : NEWEST;
  return /^\d/.test(least) && compare(chosen, least) < 0 ? least : chosen;
}

function compare(one: string, other: string): number {
  const [major = 0, minor = 0] = one.split(".").map(Number);
  const [otherMajor = 0, otherMinor = 0] = other.split(".").map(Number);
  return major - otherMajor || minor - otherMinor;
}

/** Splits an image into its name and its tag or digest; the tag is `latest` by default. */
export function splitImage(image: string): { name: string; tag: string } {
  const digest = image.indexOf("@");
  if (digest > 0) {
    return { name: image.slice(0, digest), tag: image.slice(digest + 1) };
  }
  // A colon before the last slash belongs to a registry's port.
  const colon = image.lastIndexOf(":");
  return colon > image.lastIndexOf("/")
    ? { name: image.slice(0, colon), tag: image.slice(colon + 1) }
    : { name: image, tag: "latest" };
}

/** The message of an error response, in one line. */
function messageOf(text: string): string {
  let message = text;
  try {
    const body: unknown = JSON.parse(text);
    if (isObject(body) && typeof body.message === "string") {
      message = body.message;
    }
  } catch {
    // Not JSON: shown as it is.
  }
  return message.replace(/\s+/g, " ").trim().slice(0, 500);
}

/** Parses a response that has one JSON value a line, or one after another. */
async function* jsonLines(response: Response): AsyncGenerator<unknown> {
  let rest = "";
  for await (
    const text of response.body!.pipeThrough(new TextDecoderStream())
  ) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      if (line.trim() !== "") yield JSON.parse(line);
    }
  }
  if (rest.trim() !== "") yield JSON.parse(rest);
}

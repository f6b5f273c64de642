/**
 * A runtime for a drone of Plane that needs no containers: each backend is a
 * process of this machine, or, where a thousand of them are wanted, a server in
 * this process. The drone speaks to it over a Unix socket: one JSON message in each
 * line. A request has an `id`, which its answer repeats; an event has none.
 */
import { TextLineStream } from "../../kit/lines.ts";
import { freePort } from "../../kit/postgres.ts";
import { delay } from "../../kit/wait.ts";

/** What the name of an image stands for. */
export type Image =
  /** A program that listens on `PORT`. */
  | { command: string[] }
  /** A server in this process. */
  | { handler: (request: Request) => Response | Promise<Response> };

interface Running {
  /** Ends it, at once if `hard`. */
  end(hard: boolean): void;
  /** Resolves with its exit code. */
  readonly ended: Promise<number>;
  readonly pid: number | undefined;
}

/** How long a backend may take to end, in milliseconds, as with Plane's Docker runtime. */
const GRACE = 30_000;
/** How often a backend is asked whether it has started, in milliseconds. */
const LOOK = 20;

/** The backends of one drone, until it is disposed of. */
export class Runtime {
  readonly #images: ReadonlyMap<string, Image>;
  readonly #running = new Map<string, Running>();
  readonly #listener: Deno.Listener;
  readonly #connections = new Map<Deno.Conn, Promise<unknown>>();
  readonly #served: Promise<void>;

  /** Listens at `path`, which has 107 characters at most. */
  constructor(path: string, images: Record<string, Image>) {
    this.#images = new Map(Object.entries(images));
    this.#listener = Deno.listen({ transport: "unix", path });
    this.#served = this.#serve();
  }

  /** The process of a backend, while it runs. */
  pid(backendId: string): number | undefined {
    return this.#running.get(backendId)?.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    const all = [...this.#running.values()];
    for (const backend of all) backend.end(true);
    await Promise.all(all.map(({ ended }) => ended));
    for (const connection of this.#connections.keys()) connection.close();
    await this.#served;
  }

  async #serve(): Promise<void> {
    const reading: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      this.#connections.set(connection, Promise.resolve());
      reading.push(
        // It fails where the drone has gone.
        this.#read(connection).catch(() => {}).finally(() =>
          this.#connections.delete(connection)
        ),
      );
    }
    await Promise.all(reading);
  }

  async #read(connection: Deno.Conn): Promise<void> {
    const lines = connection.readable.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream());
    for await (const line of lines) {
      const { id, message } = JSON.parse(line);
      const [kind, value] = Object.entries(message)[0]!;
      this.#do(kind, value).then(
        (result) => ({ Ok: result }),
        (error) => ({
          // Only this answer has a failure with a shape of its own.
          Err: kind === "WaitForBackend"
            ? { Other: error.message }
            : error.message,
        }),
      ).then((result) => this.#send(id, { [`${kind}Result`]: result }));
    }
  }

  // deno-lint-ignore no-explicit-any
  async #do(kind: string, value: any): Promise<unknown> {
    switch (kind) {
      case "Prepare":
        this.#image(value.image);
        return null;
      case "Spawn":
        return this.#spawn(value);
      case "WaitForBackend": {
        const [id, address] = value;
        while (!await answers(`http://${address}/`)) {
          if (!this.#running.has(id)) throw new Error(`${id} has ended`);
          await delay(LOOK);
        }
        return null;
      }
      case "Terminate": {
        const [id, hard] = value;
        const backend = this.#running.get(id);
        backend?.end(hard);
        return backend !== undefined;
      }
      default:
        throw new Error(`unknown message ${kind}`);
    }
  }

  // deno-lint-ignore no-explicit-any
  #spawn([id, { image, env }, key, staticToken]: any): unknown {
    const port = freePort();
    const backend = run(this.#image(image), {
      ...env,
      PORT: String(port),
      SESSION_BACKEND_ID: id,
      ...(key && {
        SESSION_BACKEND_KEY: key.key.name,
        SESSION_BACKEND_FENCING_TOKEN: String(key.token),
      }),
      ...(staticToken && { SESSION_BACKEND_STATIC_TOKEN: staticToken }),
    });
    this.#running.set(id, backend);
    backend.ended.then((exit_code) => {
      this.#running.delete(id);
      this.#send(null, { TerminateEvent: { backend_id: id, exit_code } });
    });
    return { container_id: `plane-${id}`, port };
  }

  #image(name: string): Image {
    const image = this.#images.get(name);
    if (!image) throw new Error(`there is no image ${JSON.stringify(name)}`);
    return image;
  }

  #send(id: string | null, message: unknown): void {
    const line = JSON.stringify({ id, message }) + "\n";
    for (const [connection, before] of this.#connections) {
      const written = before.then(() => write(connection, line));
      // A drone that has gone needs no answer.
      this.#connections.set(connection, written.catch(() => {}));
    }
  }
}

async function write(connection: Deno.Conn, text: string): Promise<void> {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) {
    bytes = bytes.subarray(await connection.write(bytes));
  }
}

/** Whether there is an HTTP answer, whatever it says. */
async function answers(url: string): Promise<boolean> {
  try {
    const { body } = await fetch(url, { method: "HEAD" });
    await body?.cancel();
    return true;
  } catch {
    return false;
  }
}

function run(image: Image, env: Record<string, string>): Running {
  if ("handler" in image) {
    const server = Deno.serve({
      hostname: "127.0.0.1",
      port: Number(env.PORT),
      onListen() {},
    }, image.handler);
    return {
      end: () => void server.shutdown(),
      ended: server.finished.then(() => 0),
      pid: undefined,
    };
  }
  const [command, ...args] = image.command;
  const child = new Deno.Command(command!, {
    args,
    env: { ...inherited(), ...env },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  let grace: ReturnType<typeof setTimeout> | undefined;
  const kill = (signal: Deno.Signal) => {
    try {
      child.kill(signal);
    } catch {
      // It has ended by itself.
    }
  };
  return {
    end(hard) {
      kill(hard ? "SIGKILL" : "SIGTERM");
      if (!hard) grace ??= setTimeout(() => kill("SIGKILL"), GRACE);
    },
    ended: child.status.then(({ code }) => {
      clearTimeout(grace);
      return code;
    }),
    pid: child.pid,
  };
}

/** What a program needs of our environment: no more, as in a container. */
function inherited(): Record<string, string> {
  return Object.fromEntries(
    ["PATH", "HOME", "DENO_DIR", "TMPDIR"].flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

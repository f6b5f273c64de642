/**
 * Keeps what a later run of the platform needs in a folder: the keys of the gate, what was
 * revoked, and the states of each backend. A state is on the disk before anyone reads it.
 */
import type { BackendState } from "../../types.ts";
import { isBackendState } from "../../types.ts";
import { isObject } from "../../net/shape.ts";
import type { GateKey, Revocation } from "../gate.ts";
import type { Backend } from "./backend.ts";
import type { BackendSpec } from "./backend_spec.ts";
import { DevPlatformError } from "./listen.ts";
import type { EarlierBackend } from "./registry.ts";

/** The folder in which a platform keeps its state. */
export class Store {
  /** The file with the keys of the gate; the first signs. */
  readonly keysFile: string;
  readonly #revocations: string;
  readonly #backends: string;

  /** @throws {DevPlatformError} if the folder cannot be made */
  constructor(folder: string) {
    this.keysFile = `${folder}/keys.json`;
    this.#revocations = `${folder}/revocations.json`;
    this.#backends = `${folder}/backends`;
    try {
      // Only this user may read the keys.
      Deno.mkdirSync(this.#backends, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new DevPlatformError(
        `cannot keep state in ${folder}: ${(cause as Error).message}`,
        { cause },
      );
    }
  }

  /**
   * The keys of the gate; makes one on the first run.
   * @throws {DevPlatformError} if the file is not a list of keys
   */
  keys(): GateKey[] {
    const kept = read(this.keysFile);
    if (kept === undefined) {
      const bytes = crypto.getRandomValues(new Uint8Array(32));
      const key = { id: crypto.randomUUID(), secret: bytes.toHex() };
      write(this.keysFile, [key]);
      return [key];
    }
    if (Array.isArray(kept) && kept.length > 0 && kept.every(isKey)) {
      return kept;
    }
    throw new DevPlatformError(
      `${this.keysFile} must be a list such as [{ "id": "k1", "secret": "…" }]`,
    );
  }

  /** What was revoked in earlier runs. */
  revocations(): Revocation[] {
    const kept = read(this.#revocations);
    return Array.isArray(kept) ? kept : [];
  }

  /** Keeps what is revoked. */
  keepRevocations(revocations: readonly Revocation[]): void {
    write(this.#revocations, revocations);
  }

  /** The backends of earlier runs, oldest first. */
  backends(): EarlierBackend[] {
    const found: EarlierBackend[] = [];
    for (const { name } of Deno.readDirSync(this.#backends)) {
      if (!name.endsWith(".json")) continue;
      const kept = read(`${this.#backends}/${name}`);
      if (isEarlier(kept)) found.push(kept);
    }
    return found.sort((one, other) =>
      one.spec.fencingToken - other.spec.fencingToken
    );
  }

  /** Keeps the states of a backend, and since when it is idle. */
  keep({ spec, life, idleSince }: Backend): void {
    // Variables may be secrets, and only the program needs them.
    const { env: _env, ...executable } = spec.executable;
    write(this.#file(spec.id), {
      spec: { ...spec, executable },
      states: life.history,
      idleSince,
    });
  }

  /** Forgets a backend. */
  forget(id: string): void {
    try {
      Deno.removeSync(this.#file(id));
    } catch {
      // It was not kept.
    }
  }

  #file(id: string): string {
    return `${this.#backends}/${id}.json`;
  }
}

/**
 * Which backends to continue with: those that were kept, and those that only a container
 * knows of, because the platform was killed before it could keep them.
 */
export function earlier(
  kept: readonly EarlierBackend[],
  found: readonly BackendSpec[],
): EarlierBackend[] {
  const known = new Set(kept.map(({ spec }) => spec.id));
  const unknown = found.filter(({ id }) => !known.has(id));
  return [
    ...kept,
    ...unknown.map((spec): EarlierBackend => ({
      spec,
      // Its fencing token is the time of its spawn.
      states: [{
        status: "scheduled",
        time: new Date(spec.fencingToken).toISOString(),
      }],
    })),
  ];
}

function isKey(value: unknown): value is GateKey {
  return isObject(value) && typeof value.id === "string" &&
    typeof value.secret === "string";
}

function isEarlier(value: unknown): value is EarlierBackend {
  return isObject(value) && isObject(value.spec) &&
    typeof value.spec.id === "string" && Array.isArray(value.states) &&
    value.states.length > 0 &&
    value.states.every((state): state is BackendState =>
      isBackendState(state)
    ) &&
    (value.idleSince === undefined || Number.isFinite(value.idleSince));
}

/** The value in a file; `undefined` if there is no such file. */
function read(path: string): unknown {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DevPlatformError(`${path} is not JSON`, { cause });
  }
}

/** Replaces a file as a whole, so that a platform that is killed leaves no half of one. */
function write(path: string, value: unknown): void {
  const draft = `${path}.new`;
  Deno.writeTextFileSync(draft, JSON.stringify(value), { mode: 0o600 });
  Deno.renameSync(draft, path);
}

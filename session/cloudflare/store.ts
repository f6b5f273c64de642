/**
 * What an object keeps of its backends in SQLite, so that it survives eviction: one row
 * for each backend and one for each of its states.
 */
import type { BackendState } from "../../types.ts";
import type { GateKey, Revocation } from "../gate.ts";
import { encode } from "../gate/token.ts";
import type { ObjectState, ObjectStorage } from "./workers.ts";

/** How a backend was spawned. */
export interface Spawned {
  /** Its tag, or "". */
  tag: string;
  /** The environment variables of the connect request. */
  env: Record<string, string>;
  /** Milliseconds without a connection until it ends; `undefined` for no limit. */
  maxIdle?: number | undefined;
  /** When it ends at the latest, in milliseconds since 1970. */
  endsAt?: number | undefined;
}

/** A backend as it is kept. */
export interface StoredBackend extends Spawned {
  /** Counts the backends of the object, from 1. */
  readonly number: number;
  /** Its states so far. */
  readonly states: BackendState[];
}

/** Values by name, each as JSON. */
interface Kept {
  /** The key that signs connection tokens. */
  key: GateKey;
  revocations: Revocation[];
  /** When the running backend ends because it is idle, in milliseconds since 1970. */
  idle: number | null;
  /** The alarm of the application's class, which ours took the place of. */
  alarm: number | null;
}

/** How many backends keep their states. */
const MAX_BACKENDS = 20;

/** The tables of one object. Every write is synchronous, and durable before any response. */
export class SessionStore {
  readonly #storage: ObjectStorage;

  /** @throws {TypeError} if the class has no SQLite */
  constructor({ storage }: ObjectState) {
    this.#storage = storage;
    try {
      this.#run(
        "CREATE TABLE IF NOT EXISTS _session_backend (number INTEGER PRIMARY KEY, spawned TEXT NOT NULL)",
      );
    } catch (cause) {
      throw new TypeError(
        "sessionObject needs a Durable Object with SQLite: list the class in new_sqlite_classes",
        { cause },
      );
    }
    this.#run(
      "CREATE TABLE IF NOT EXISTS _session_state (backend INTEGER, position INTEGER, state TEXT NOT NULL, PRIMARY KEY (backend, position))",
    );
    this.#run(
      "CREATE TABLE IF NOT EXISTS _session_kept (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    );
  }

  /** The backend with this number, or the last one. */
  backend(number?: number): StoredBackend | undefined {
    const [row] = number === undefined
      ? this.#run(
        "SELECT * FROM _session_backend ORDER BY number DESC LIMIT 1",
      )
      : this.#run("SELECT * FROM _session_backend WHERE number = ?", number);
    if (!row) return undefined;
    const states = this.#run(
      "SELECT state FROM _session_state WHERE backend = ? ORDER BY position",
      row.number!,
    );
    return {
      ...JSON.parse(String(row.spawned)),
      number: Number(row.number),
      states: states.map(({ state }) => JSON.parse(String(state))),
    };
  }

  /** Adds a backend with its first state; forgets those that ended long ago. */
  add(number: number, spawned: Spawned, first: BackendState): void {
    this.#run(
      "INSERT INTO _session_backend VALUES (?, ?)",
      number,
      JSON.stringify(spawned),
    );
    this.addState(number, 0, first);
    for (const table of ["_session_backend", "_session_state"]) {
      const column = table === "_session_backend" ? "number" : "backend";
      this.#run(
        `DELETE FROM ${table} WHERE ${column} <= ?`,
        number - MAX_BACKENDS,
      );
    }
  }

  /** Adds a state of a backend. */
  addState(number: number, position: number, state: BackendState): void {
    this.#run(
      "INSERT INTO _session_state VALUES (?, ?, ?)",
      number,
      position,
      JSON.stringify(state),
    );
  }

  /** Reads a value that was kept. */
  read<Name extends keyof Kept>(name: Name): Kept[Name] | undefined {
    const [row] = this.#run(
      "SELECT value FROM _session_kept WHERE name = ?",
      name,
    );
    return row && JSON.parse(String(row.value));
  }

  /** Keeps a value. */
  keep<Name extends keyof Kept>(name: Name, value: Kept[Name]): void {
    this.#run(
      "INSERT OR REPLACE INTO _session_kept VALUES (?, ?)",
      name,
      JSON.stringify(value),
    );
  }

  /** The key that signs this object's tokens; random, and never leaves the object. */
  get key(): GateKey {
    const kept = this.read("key");
    if (kept) return kept;
    const secret = encode(crypto.getRandomValues(new Uint8Array(32)));
    const key = { id: "object", secret };
    this.keep("key", key);
    return key;
  }

  #run(query: string, ...bindings: (string | number | ArrayBuffer | null)[]) {
    return this.#storage.sql.exec(query, ...bindings).toArray();
  }
}

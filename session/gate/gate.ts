/**
 * Decides who may pass: issues connection tokens, admits requests that carry one, counts
 * what is open and ends what is revoked. No I/O.
 */
import type { Revocable } from "../../types.ts";
import { checkDuration } from "../../net/timer.ts";
import { ProxyError } from "../pass/failure.ts";
import { type Identity, verifiedHeaders } from "./identity.ts";
import { concerns, type Revocation, Revocations } from "./revocations.ts";
import {
  type Access,
  encode,
  type GateKey,
  type IssuedToken,
  Tokens,
} from "./token.ts";

/** Options of {@linkcode Gate}. */
export interface GateOptions {
  /**
   * The secrets that sign tokens: the first signs, all verify. Keep them between runs,
   * so that tokens survive a restart; see {@linkcode Gate.rotate}.
   */
  keys: readonly GateKey[];
  /**
   * How long a token opens connections, in milliseconds. A connection may last longer.
   * @default {Infinity}
   */
  tokenLifetime?: number | undefined;
  /** What {@linkcode GateOptions.onRevoke} was called with in earlier runs. @default {[]} */
  revocations?: Iterable<Revocation> | undefined;
  /** Called with all revocations in force when one was added: keep them. */
  onRevoke?: ((revocations: Revocation[]) => void) | undefined;
  /** Called when the number of a backend's open connections changes. */
  onConnections?: ((backendId: string, open: number) => void) | undefined;
  /** The time in milliseconds since 1970. @default {Date.now} */
  now?: (() => number) | undefined;
}

/** Why a request is refused. */
export type Refusal = "invalid" | "unknown-key" | "expired" | "revoked";

/** The decision about a request. */
export type Admission =
  | {
    kind: "admitted";
    access: Access;
    /** The path within the backend, as the client sent it; begins with `/`. */
    path: string;
    /** The headers to set on the request to the backend. */
    headers: Record<string, string | undefined>;
  }
  | { kind: "refused"; refusal: Refusal };

/** An open connection: a request, a stream or a WebSocket. */
export interface Stay {
  /** Ends it, because its token was revoked. */
  end(): void;
}

/** Issues connection tokens, admits requests that carry one, and counts connections. */
export class Gate {
  readonly #tokens: Tokens;
  readonly #revocations: Revocations;
  readonly #lifetime: number;
  readonly #now: () => number;
  readonly #options: GateOptions;
  /** What is open, by backend. */
  readonly #open = new Map<string, Map<Stay, Access>>();

  /**
   * @throws {TypeError} if there is no key, or an id of a key is invalid or given twice
   * @throws {RangeError} if a secret is shorter than 32 bytes, or `tokenLifetime` is not
   * a duration
   */
  constructor(options: GateOptions) {
    this.#options = options;
    this.#tokens = new Tokens(options.keys);
    this.#lifetime = checkDuration(
      "tokenLifetime",
      options.tokenLifetime ?? Infinity,
    );
    this.#revocations = new Revocations(options.revocations);
    this.#now = options.now ?? Date.now;
  }

  /**
   * Replaces the keys. To change the secret without a cut, first put the new key in
   * front of the old one, and drop the old one after `tokenLifetime`.
   */
  rotate(keys: readonly GateKey[]): void {
    this.#tokens.rotate(keys);
  }

  /**
   * Issues a token that leads to a backend. Put it in the path of a URL:
   * `https://gate.example/<token>/`.
   *
   * @throws {TypeError} if headers cannot carry `user` or `auth`
   * @throws {RangeError} if the two make the token too long for a path
   */
  async issue(
    { backendId, user, auth }: Identity & { backendId: string },
  ): Promise<IssuedToken> {
    // Later than a revocation: access that was revoked may be granted again.
    const issued = Math.max(
      this.#now(),
      this.#revocations.until({ backendId, user }) + 1,
    );
    const access = {
      backendId,
      user,
      auth,
      issued,
      expires: issued + this.#lifetime,
      secret: "",
    };
    // Fails now rather than at the first request.
    verifiedHeaders(access, "/");
    const nonce = encode(crypto.getRandomValues(new Uint8Array(16)));
    return await this.#tokens.issue(access, nonce);
  }

  /** Decides about a request by its path, which begins with the token. */
  async admit(path: string): Promise<Admission> {
    const end = path.indexOf("/", 1);
    const token = end < 0 ? path.slice(1) : path.slice(1, end);
    const reading = await this.#tokens.read(token, this.#now());
    if (reading.kind !== "valid") {
      return { kind: "refused", refusal: reading.kind };
    }
    const { access } = reading;
    if (this.isRevoked(access)) return { kind: "refused", refusal: "revoked" };
    return {
      kind: "admitted",
      access,
      path: end < 0 ? "/" : path.slice(end),
      headers: verifiedHeaders(access, path),
    };
  }

  /** Whether the token of `access` was revoked. */
  isRevoked(access: Pick<Access, "backendId" | "user" | "issued">): boolean {
    return access.issued <= this.#revocations.until(access);
  }

  /** Counts a connection until the returned function is called. */
  enter(access: Access, stay: Stay): () => void {
    const { backendId } = access;
    let open = this.#open.get(backendId);
    if (!open) this.#open.set(backendId, open = new Map());
    open.set(stay, access);
    this.#options.onConnections?.(backendId, open.size);
    return () => {
      if (!open.delete(stay)) return;
      if (open.size === 0 && this.#open.get(backendId) === open) {
        this.#open.delete(backendId);
      }
      this.#options.onConnections?.(backendId, open.size);
    };
  }

  /** How many connections a backend has. */
  connections(backendId: string): number {
    return this.#open.get(backendId)?.size ?? 0;
  }

  /**
   * Makes every token issued so far to a user, for a backend, or to a user for a backend,
   * useless, and ends what is open through it.
   *
   * @throws {TypeError} if `access` names neither
   */
  revoke(access: Revocable): void {
    const now = this.#now();
    this.#revocations.add({ ...access, time: now });
    this.#revocations.forget(now - this.#lifetime);
    this.#options.onRevoke?.(this.#revocations.all);
    for (const open of [...this.#open.values()]) {
      for (const [stay, holder] of [...open]) {
        if (concerns(access, holder)) stay.end();
      }
    }
  }
}

/** The response to a refusal: its status, and a message that says what to do next. */
const REFUSALS: Readonly<Record<Refusal, readonly [401 | 410, string]>> = {
  "invalid": [
    401,
    "the connection token is invalid: use the URL that connect returned",
  ],
  "unknown-key": [
    410,
    "the connection token was signed with a secret that is no longer in use: connect again",
  ],
  "expired": [410, "the connection token has expired: connect again"],
  "revoked": [410, "the connection token was revoked: connect again"],
};

/** The error that a refusal is shown as. */
export function refusalError(refusal: Refusal): ProxyError {
  const [status, message] = REFUSALS[refusal];
  return new ProxyError(status, message);
}

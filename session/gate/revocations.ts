/** Which connection tokens were revoked. No I/O. */
import type { Revocable } from "../../types.ts";
import type { Access } from "./token.ts";

/** Tokens issued up to `time` are revoked: those of a user, of a backend, or of both. */
export interface Revocation extends Revocable {
  /** In milliseconds since 1970. */
  time: number;
}

/** All revocations of a gate. One for each user and backend is kept: the latest. */
export class Revocations {
  readonly #times = new Map<string, number>();

  /** Starts with those that were kept from an earlier run. */
  constructor(kept: Iterable<Revocation> = []) {
    for (const revocation of kept) this.add(revocation);
  }

  /**
   * Adds one.
   * @throws {TypeError} if it names neither a user nor a backend
   */
  add({ time, ...access }: Revocation): void {
    if (access.user === undefined && access.backendId === undefined) {
      throw new TypeError("revoke needs a user or a backendId");
    }
    const name = nameOf(access);
    this.#times.set(name, Math.max(time, this.#times.get(name) ?? 0));
  }

  /** The time up to which tokens of this kind are revoked; 0 if none is. */
  until({ user, backendId }: Pick<Access, "user" | "backendId">): number {
    if (this.#times.size === 0) return 0;
    const names: Revocable[] = [{ backendId }];
    if (user !== undefined) names.push({ user }, { user, backendId });
    return Math.max(
      ...names.map((access) => this.#times.get(nameOf(access)) ?? 0),
    );
  }

  /** Forgets those that are older than any token that has not expired. */
  forget(before: number): void {
    for (const [name, time] of this.#times) {
      if (time < before) this.#times.delete(name);
    }
  }

  /** All that are in force, to keep for a later run. */
  get all(): Revocation[] {
    return [...this.#times].map(([name, time]) => {
      const [user, backendId] = JSON.parse(name);
      return {
        ...(user === null ? {} : { user }),
        ...(backendId === null ? {} : { backendId }),
        time,
      };
    });
  }
}

/** Whether a revocation of `access` concerns `holder`. */
export function concerns(
  access: Revocable,
  holder: Pick<Access, "user" | "backendId">,
): boolean {
  return (access.user === undefined || access.user === holder.user) &&
    (access.backendId === undefined || access.backendId === holder.backendId);
}

function nameOf({ user, backendId }: Revocable): string {
  return JSON.stringify([user ?? null, backendId ?? null]);
}

/**
 * What the feed objects of the application are told. A feed of the server may have
 * several, its members; each has a state that it was last told of, and only the members
 * that are desired open are told of the server's messages.
 */
import type { Effect, FeedNotice, Member, ServerFeed } from "./effects.ts";
import {
  FeedmeError,
  type FeedmeErrorCode,
  type FeedmeErrorDetails,
} from "./errors.ts";
import type { JsonObject } from "../wire/protocol.ts";

/** The first member of a feed that is desired open. */
export function wanting<Owner>(
  feed: ServerFeed<Owner>,
): Member<Owner> | undefined {
  for (const member of feed.members) if (member.desired) return member;
  return undefined;
}

/** Tells members. Effects go to `emit`. */
export class Teller<Owner> {
  readonly #emit: (effect: Effect<Owner, never>) => void;

  constructor(emit: (effect: Effect<Owner, never>) => void) {
    this.#emit = emit;
  }

  /** All that are desired open are closed, unless they already know this reason. */
  allClosed(
    members: Iterable<Member<Owner>>,
    code: FeedmeErrorCode,
    text: string,
    details?: FeedmeErrorDetails,
  ): void {
    for (const member of members) {
      const { desired, told } = member;
      if (!desired) continue;
      if (told.state === "closed" && told.error?.code === code) continue;
      this.closed(member, new FeedmeError(code, text, details));
    }
  }

  closed(member: Member<Owner>, error: FeedmeError | undefined): void {
    member.told = { state: "closed", error };
    this.#tell(member, { event: "close", error });
  }

  opening(member: Member<Owner>): void {
    member.told = { state: "opening" };
    this.#tell(member, { event: "opening" });
  }

  /** `resumed`: the server will send the actions since the feed was last open. */
  open(member: Member<Owner>, data: JsonObject, resumed = false): void {
    const { past } = member;
    const gap = past === "left" || (past === "following" && !resumed);
    member.told = { state: "open" };
    member.past = "following";
    this.#tell(member, { event: "open", data, gap });
  }

  action(
    members: Iterable<Member<Owner>>,
    notice: FeedNotice & { event: "action" },
  ): void {
    for (const member of members) {
      if (member.desired) this.#tell(member, notice);
    }
  }

  #tell({ owner }: Member<Owner>, notice: FeedNotice): void {
    this.#emit({ do: "tellFeed", owner, notice });
  }
}

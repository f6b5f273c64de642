/** A reason to give up, and whether it is what a promise rejects with. */
import { ok, rejects, same } from "../../check.ts";
import type { Test } from "../../suite.ts";

export const reason = new Error("enough");

/** Fails unless the promise rejects with the reason itself. */
export async function ends(
  promise: Promise<unknown>,
  what = "it",
): Promise<void> {
  const error = await rejects(promise);
  ok(error === reason, `${what} ends with the reason, not with ${error}`);
}

/**
 * The same of what waits for `fetch`: workerd rejects with a copy of the reason,
 * https://github.com/cloudflare/workerd/blob/main/src/workerd/api/basics.c%2B%2B
 */
export async function fetchEnds(
  { runtime }: Test,
  promise: Promise<unknown>,
): Promise<void> {
  if (runtime !== "workerd") return await ends(promise, "a request");
  same(String(await rejects(promise)), String(reason));
}

/** A reason to give up, and whether it is what a promise rejects with. */
import { ok, rejects } from "../../check.ts";

export const reason = new Error("enough");

/** Fails unless the promise rejects with the reason itself. */
export async function ends(
  promise: Promise<unknown>,
  what = "it",
): Promise<void> {
  const error = await rejects(promise);
  ok(error === reason, `${what} ends with the reason, not with ${error}`);
}

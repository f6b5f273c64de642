/** A reason to give up, and whether it is what a promise rejects with. */
import { assert, assertRejects } from "../../../kit/assert.ts";

export const reason = new Error("enough");

/** Fails unless the promise rejects with the reason itself. */
export async function ends(
  promise: Promise<unknown>,
  what = "it",
): Promise<void> {
  const error = await assertRejects(() => promise);
  assert(error === reason, `${what} ends with the reason, not with ${error}`);
}

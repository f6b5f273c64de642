/** What several hooks need. */
import { useInsertionEffect, useRef } from "./react.ts";

/** Does nothing, twice: a `subscribe` for what does not change. */
export const noSubscription = (): () => void => () => {};

/**
 * The newest value of each committed render, for callbacks that outlive a render. So an
 * inline function causes no new subscription, and none sees old props.
 */
export function useLatest<T>(value: T): { readonly current: T } {
  const latest = useRef(value);
  // Before every other effect, and without the warning that layout effects cause on a
  // server.
  useInsertionEffect(() => {
    latest.current = value;
  });
  return latest;
}

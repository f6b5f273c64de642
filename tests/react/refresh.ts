/** Fast Refresh, as Vite's plugin sets it up: before React is loaded. */
import runtime from "react-refresh/runtime";

runtime.injectIntoGlobalHook(globalThis);
export { runtime };

/**
 * The dev platform: stands in for the hosted platform on one's own machine, with
 * no container engine. Each session backend is a process of its own.
 *
 * As a command:
 *
 * ```sh
 * deno run -A jsr:@feedline/feedline/dev ./backend.ts --watch
 * ```
 *
 * The backend listens on the port in its environment variable `PORT`. While the
 * platform runs, `new Jamsocket({ dev: true })` spawns and finds backends, and
 * the page at {@link http://localhost:8080} shows them.
 *
 * As a module, e.g. in tests:
 *
 * ```ts ignore
 * import { startDevPlatform } from "@feedline/feedline/dev";
 *
 * await using platform = await startDevPlatform({
 *   module: "./backend.ts",
 *   port: 0,
 *   proxyPort: 0,
 * });
 * console.log(platform.apiUrl);
 * ```
 *
 * Of what a connect request says about a spawn, `tag`, the two time limits and
 * `executable.env` count here; `cluster`, `mount` and `resource_limits` are
 * taken and ignored. Any token, account and service name will do.
 *
 * It needs Deno. Requests of foreign web pages are refused, and it listens on
 * the loopback interface only, unless told otherwise. When it ends, so do the
 * backends: asked to on Ctrl-C, killed when it is killed itself (not on
 * Windows).
 *
 * @module
 */
import { main } from "./cli.ts";

export {
  type DevBackend,
  type DevEvent,
  type DevPlatform,
  type DevPlatformOptions,
  startDevPlatform,
} from "./platform.ts";
export { DevPlatformError } from "./listen.ts";
export type {
  BackendState,
  TerminationKind,
  TerminationReason,
} from "../../types.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));

/**
 * Runs session backends on one machine, in two ways.
 *
 * **The dev platform** ({@linkcode startDevPlatform}) runs them on your own machine instead
 * of on the hosted platform. Each backend is a process of its own; no containers are
 * needed. With `--image`, each is a container.
 *
 * **The platform for production** ({@linkcode servePlatform}, the command `serve`) runs them
 * as containers of one server, and loses none when it is restarted or killed. See
 * `docs/production.md`.
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
 * The platform applies the spawn options `tag`, `executable.env` and the two time limits
 * of a connect request. With an image, it also applies `mount` and `resource_limits`; for
 * processes it accepts but ignores both, and `cluster`. Any token, account and service name works.
 *
 * The platform needs Deno. It refuses requests from pages of other origins, and listens
 * only on the loopback interface unless you choose another address. When it ends, its
 * backends end too: Ctrl-C gives them time to save their work, and if the platform itself
 * is killed, they are killed (except on Windows).
 *
 * @module
 */
import { main } from "./cli.ts";

export {
  type CommonOptions,
  type DevBackend,
  type DevEvent,
  type DevPlatform,
  type DevPlatformOptions,
  type DevRequest,
  startDevPlatform,
} from "./platform.ts";
export {
  type ServeOptions,
  servePlatform,
  type ServingPlatform,
} from "./serve.ts";
export { DevPlatformError } from "./listen.ts";
export type {
  BackendState,
  TerminationKind,
  TerminationReason,
} from "../../types.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));

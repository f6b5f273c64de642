/**
 * The page's scripts: modules for browsers, each a string, because this package runs from
 * a registry, where there are no files next to a module to read. They contain no backtick
 * and no dollar sign before a brace. Text from backends enters the document only as text
 * nodes.
 */
import { ANSI_SCRIPT } from "./ansi.ts";
import { BACKEND_SCRIPT } from "./backend.ts";
import { DOM_SCRIPT } from "./dom.ts";
import { MAIN_SCRIPT } from "./main.ts";
import { MESSAGES_SCRIPT } from "./messages.ts";
import { MODEL_SCRIPT } from "./model.ts";
import { NAV_SCRIPT } from "./nav.ts";
import { OUTPUT_SCRIPT } from "./output.ts";
import { REQUESTS_SCRIPT } from "./requests.ts";
import { SPAWN_SCRIPT } from "./spawn.ts";
import { TABS_SCRIPT } from "./tabs.ts";
import { USAGE_SCRIPT } from "./usage.ts";

/** By the path at which each is served. */
export const SCRIPTS: ReadonlyMap<string, string> = new Map([
  ["/page.js", MAIN_SCRIPT],
  ["/page/ansi.js", ANSI_SCRIPT],
  ["/page/backend.js", BACKEND_SCRIPT],
  ["/page/dom.js", DOM_SCRIPT],
  ["/page/messages.js", MESSAGES_SCRIPT],
  ["/page/model.js", MODEL_SCRIPT],
  ["/page/nav.js", NAV_SCRIPT],
  ["/page/output.js", OUTPUT_SCRIPT],
  ["/page/requests.js", REQUESTS_SCRIPT],
  ["/page/spawn.js", SPAWN_SCRIPT],
  ["/page/tabs.js", TABS_SCRIPT],
  ["/page/usage.js", USAGE_SCRIPT],
]);

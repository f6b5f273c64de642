/**
 * Finds unknown fields of a connect request. They are allowed, because a newer client may
 * send more, so a typo has no effect and causes no error: `connect({ keys })` spawns a new
 * backend each time. The platform prints a remark about it.
 */
import type { ConnectRequest, SpawnOptions } from "../../types.ts";
import { nearest } from "./nearest.ts";

/** All fields, with the nested fields of those that are objects. */
interface Fields {
  [name: string]: Fields | true;
}

type Executable = NonNullable<SpawnOptions["executable"]>;
type Limits = NonNullable<Executable["resource_limits"]>;

const LIMITS = {
  cpu_period: true,
  cpu_period_percent: true,
  cpu_time_limit: true,
  memory_limit_bytes: true,
  disk_limit_bytes: true,
} satisfies Record<keyof Limits, true>;

const EXECUTABLE = {
  mount: true,
  env: true,
  resource_limits: LIMITS,
} satisfies Record<keyof Executable, Fields | true>;

const SPAWN = {
  tag: true,
  cluster: true,
  lifetime_limit_seconds: true,
  max_idle_seconds: true,
  executable: EXECUTABLE,
} satisfies Record<keyof SpawnOptions, Fields | true>;

const CONNECT = {
  key: true,
  spawn: SPAWN,
  tag: true,
  user: true,
  auth: true,
} satisfies Record<keyof ConnectRequest, Fields | true>;

/** One remark for each unknown field, without its value. */
export function unknownFields(request: object): string[] {
  return [...remarks(request, CONNECT, "")];
}

function* remarks(
  value: object,
  fields: Fields,
  above: string,
): Generator<string, void, void> {
  for (const [name, inner] of Object.entries(value)) {
    const known = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (known === undefined) {
      const meant = nearest(name, Object.keys(fields));
      yield `connect ignores the unknown field ${
        JSON.stringify(above + name.slice(0, 64))
      }${meant === undefined ? "" : `; did you mean "${above}${meant}"?`}`;
    } else if (
      known !== true && typeof inner === "object" && inner !== null
    ) {
      yield* remarks(inner, known, `${above}${name}.`);
    }
  }
}

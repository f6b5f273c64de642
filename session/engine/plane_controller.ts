/** What Plane's controller tells of itself and its cluster. No I/O. */
import { isObject } from "../../net/shape.ts";

/** A controller that works. */
export interface PlaneControllerStatus {
  /** `ok`. */
  status: string;
  /** The version of Plane, e.g. `0.5.5`. */
  version: string;
  /** The Git commit that it was built from; empty if it was built elsewhere. */
  hash: string;
}

/** A drone or proxy of a cluster. */
export interface PlaneNode {
  /** Its name, e.g. `dr-9039fwpzrelmga`. */
  name: string;
  /** Its version of Plane. */
  plane_version: string;
  /** The Git commit of that version. */
  plane_hash: string;
  /** The controller that it is connected to. */
  controller: string;
  /** Seconds since that controller's last heartbeat. */
  controller_heartbeat_age: number;
}

/** A drone of a cluster. */
export interface PlaneDrone extends PlaneNode {
  /** Whether it can run backends. */
  ready: boolean;
  /** Whether it gets no new backends; see {@linkcode Plane.drain}. */
  draining: boolean;
  /** Seconds since its last heartbeat. Plane gives it no backends above 45. */
  last_heartbeat_age: number;
  /** How many backends it has that have not terminated. */
  backend_count: number;
}

/** The drones and proxies of a cluster that are connected. */
export interface PlaneClusterState {
  /** Those that run backends. */
  drones: PlaneDrone[];
  /** Those that pass requests on to them. */
  proxies: PlaneNode[];
}

/** Converts `{ node: { name: { Drone: "dr-1" } } }` to `{ name: "dr-1" }`. */
function node(value: unknown): Record<string, unknown> | undefined {
  if (!isObject(value)) return undefined;
  const { node: inner, ...outer } = value;
  const fields: Record<string, unknown> = {
    ...outer,
    ...(isObject(inner) ? inner : {}),
  };
  const { name } = fields;
  if (isObject(name)) [fields.name] = Object.values(name);
  return typeof fields.name === "string" ? fields : undefined;
}

/**
 * Reads the state of a cluster.
 * @throws {TypeError} if it is not one
 */
export function readClusterState(
  value: unknown,
  action: string,
): PlaneClusterState {
  const { drones, proxies } = Object(value) as Record<string, unknown>;
  const read = (list: unknown) =>
    Array.isArray(list) ? list.map(node) : [undefined];
  const state = { drones: read(drones), proxies: read(proxies) };
  if ([...state.drones, ...state.proxies].includes(undefined)) {
    throw new TypeError(`${action} failed: the response is not its state`);
  }
  return state as unknown as PlaneClusterState;
}

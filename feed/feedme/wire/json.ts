/**
 * Defines what counts as data, for everything that crosses the wire: initial feed data,
 * updates, values of deltas, action data, results and error data.
 *
 * Data consists of strings, finite numbers, booleans, `null`, arrays without holes, and
 * plain objects, nested to a limited depth and without cycles. These are exactly the
 * values that `JSON.parse(JSON.stringify(value))` returns unchanged, so server and
 * clients always have the same data. A `Date`, a `Map`, `undefined`, `NaN` or anything
 * with a `toJSON` method is rejected, with an error that gives the path.
 */
import { FeedlineError } from "../../../net/errors.ts";
import { isObject } from "../../../net/shape.ts";

/** A JSON value. Feed data is never changed in place, hence `readonly`. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | JsonObject;

/** A JSON object. */
export interface JsonObject {
  /** Any name is allowed and ordinary, even `__proto__`. */
  readonly [name: string]: Json;
}

/** The property names and indexes that lead to a part of a JSON value. */
export type JsonPath = readonly (string | number)[];

/** Whether `value` is an object or an array. */
export function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** The default for how many levels of arrays and objects data may have. */
export const DEFAULT_MAX_DEPTH = 200;

/**
 * The highest limit that an option may set. `JSON.stringify` recurses, and every engine
 * has enough stack for this many levels.
 */
export const GREATEST_MAX_DEPTH = 1_000;

/**
 * In characters. Some engines cannot hold a string several times this length. The limit
 * also stops the traversal of objects that refer to the same objects so often that their
 * text would be astronomically long.
 */
const LONGEST_TEXT = 2 ** 27;

/** Why a value cannot be sent. */
export type DataFault = "NOT_JSON" | "TOO_DEEP" | "TOO_LARGE";

/**
 * A value cannot be sent. The message gives the path and the kind of the value, but not
 * its content.
 */
export class DataError extends FeedlineError<"INVALID_DATA"> {
  /** The name of the class. */
  override readonly name = "DataError";
  /** The kind of problem. */
  readonly fault: DataFault;
  /** The property names and indexes that lead to the problem. */
  readonly path: JsonPath;

  /** Created by {@linkcode checkJson}. */
  constructor(message: string, fault: DataFault, path: JsonPath) {
    super("INVALID_DATA", message);
    this.fault = fault;
    this.path = path;
  }
}

/** Options of {@linkcode checkJson}. */
export interface JsonRule {
  /** The most levels of arrays and objects. @default {200} */
  maxDepth?: number | undefined;
  /** The path of the value itself, for the error. @default {[]} */
  path?: JsonPath | undefined;
}

/** Results of {@linkcode sizeOf} that are not sizes. */
const FAULTS = {
  [-1]: "NOT_JSON",
  [-2]: "TOO_DEEP",
  [-3]: "TOO_LARGE",
} as const satisfies Record<number, DataFault>;
const NOT_JSON = -1;
const TOO_DEEP = -2;
const TOO_LARGE = -3;

/**
 * Checks that `value` is data. Returns its approximate length as JSON in characters.
 * Terminates on any object graph, including cycles.
 *
 * @param what The value's name in the error, e.g. `Action data`
 * @throws {DataError} with the path of the first part that is not data
 */
export function checkJson(
  value: unknown,
  what: string,
  { maxDepth = DEFAULT_MAX_DEPTH, path = [] }: JsonRule = {},
): number {
  const reversed: (string | number)[] = [];
  const size = sizeOf(value, maxDepth, LONGEST_TEXT, reversed);
  if (size >= 0) return size;
  const fault = FAULTS[size as keyof typeof FAULTS];
  throw dataError(value, what, fault, reversed.reverse(), path);
}

/**
 * Checks that `value` is data and an object, which the protocol requires of feed data,
 * action data, results and error data.
 *
 * @throws {DataError} as {@linkcode checkJson}, or if `value` is not an object
 */
export function checkJsonObject(
  value: unknown,
  what: string,
  rule?: JsonRule,
): JsonObject {
  if (!isObject(value)) {
    throw new DataError(
      `${what} must be a JSON object; got ${describe(value)}`,
      "NOT_JSON",
      rule?.path ?? [],
    );
  }
  checkJson(value, what, rule);
  return value as JsonObject;
}

/**
 * The approximate length of `value` as JSON in characters, or a negative fault; then
 * `path` contains the path to the problem, last step first. `levels` limits the
 * recursion, and `room` the whole traversal.
 */
function sizeOf(
  value: unknown,
  levels: number,
  room: number,
  path: (string | number)[],
): number {
  switch (typeof value) {
    case "string":
      return value.length + 2 <= room ? value.length + 2 : TOO_LARGE;
    case "number":
      return Number.isFinite(value) ? `${value}`.length : NOT_JSON;
    case "boolean":
      return 5;
    case "object":
      break;
    default:
      return NOT_JSON;
  }
  if (value === null) return 4;
  if (!isPlain(value)) return NOT_JSON;
  if (levels <= 0) return TOO_DEEP;
  if (Array.isArray(value)) {
    let size = value.length + 1;
    if (size > room) return TOO_LARGE;
    for (let index = 0; index < value.length; index++) {
      const inner = sizeOf(value[index], levels - 1, room - size, path);
      if (inner < 0) {
        path.push(index);
        return inner;
      }
      size += inner;
    }
    return size;
  }
  let size = 2;
  for (const name of Object.keys(value)) {
    size += name.length + 4;
    if (size > room) return TOO_LARGE;
    const child = (value as Record<string, unknown>)[name];
    const inner = sizeOf(child, levels - 1, room - size, path);
    if (inner < 0) {
      path.push(name);
      return inner;
    }
    size += inner;
  }
  return size;
}

/** The most steps of a path that an error quotes. */
const MOST_NAMES = 12;

/** The error for a fault at the path `inner` in `value`, which itself is at `outer`. */
function dataError(
  value: unknown,
  what: string,
  fault: DataFault,
  inner: JsonPath,
  outer: JsonPath,
): DataError {
  // A cycle looks like endless depth until the same object occurs again.
  const around = new Set<unknown>();
  let node = value;
  let cycle = false;
  let steps = 0;
  for (; steps < inner.length; steps++) {
    around.add(node);
    node = (node as Record<string | number, unknown>)[inner[steps]!];
    cycle = around.has(node);
    if (cycle) break;
  }
  const path = [...outer, ...inner.slice(0, cycle ? steps + 1 : steps)];
  const at = path.length === 0
    ? ""
    : ` at ${JSON.stringify(path.slice(0, MOST_NAMES)).slice(0, -1)}${
      path.length > MOST_NAMES ? ",…" : ""
    }]`;
  if (cycle) {
    return new DataError(
      `${what} must be JSON; it contains a circular reference${at}`,
      "NOT_JSON",
      path,
    );
  }
  switch (fault) {
    case "NOT_JSON":
      return new DataError(
        `${what} must be JSON; it contains ${describe(node)}${at}`,
        fault,
        path,
      );
    case "TOO_DEEP":
      return new DataError(
        `${what} is nested too deeply${at}; raise the option maxDepth to accept it`,
        fault,
        path,
      );
    case "TOO_LARGE":
      return new DataError(
        `${what} would be longer than ${LONGEST_TEXT} characters as JSON${at}`,
        fault,
        path,
      );
  }
}

/** Describes `value` by its kind, without its content. */
function describe(value: unknown): string {
  switch (typeof value) {
    case "undefined":
      return "undefined";
    case "number":
      return Number.isFinite(value) ? "a number" : `${value}`;
    case "object": {
      if (value === null) return "null";
      if (Array.isArray(value) && isPlain(value)) return "an array";
      const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
      return typeof name === "string" && name !== ""
        ? `an instance of ${name}`
        : "an object that is not plain";
    }
    default:
      return `a ${typeof value}`;
  }
}

/**
 * Whether `value` is an ordinary array or a plain object, of any realm, rather than an
 * instance of another class.
 */
export function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  // `Array.prototype` is an array in every realm; that of a subclass is not.
  if (Array.isArray(value)) return Array.isArray(prototype);
  return prototype === Object.prototype || prototype === null ||
    (Object.getPrototypeOf(prototype) === null &&
      Object.hasOwn(prototype, "hasOwnProperty"));
}

/**
 * Whether `value`, which came from `JSON.parse`, has more than `levels` levels of arrays
 * and objects. Checked for every incoming message, because `JSON.parse` accepts any
 * depth, but `JSON.stringify`, which may have to serialize the value again, does not.
 * About twenty times as fast as scanning the text.
 */
export function isNestedDeeper(value: unknown, levels: number): boolean {
  if (!isContainer(value)) return false;
  if (levels <= 0) return true;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const child: unknown = value[index];
      if (typeof child === "object" && isNestedDeeper(child, levels - 1)) {
        return true;
      }
    }
    return false;
  }
  // `for…in` is by far the fastest loop over such objects.
  for (const name in value) {
    const child = (value as Record<string, unknown>)[name];
    if (typeof child === "object" && isNestedDeeper(child, levels - 1)) {
      return true;
    }
  }
  return false;
}

/**
 * Freezes `value` and everything in it, except containers with more than `most` entries:
 * engines copy a large array to freeze it, and are slow with it afterwards. Skips
 * containers that are already frozen. The data must have passed {@linkcode checkJson}.
 */
export function deepFreeze(value: unknown, most: number): void {
  if (!isContainer(value) || Object.isFrozen(value)) return;
  const children: readonly unknown[] = Array.isArray(value)
    ? value
    : Object.values(value);
  if (children.length <= most) Object.freeze(value);
  for (const child of children) {
    if (typeof child === "object") deepFreeze(child, most);
  }
}

/** Freezes `value` itself, if it has at most `most` entries. */
export function freeze(value: object, most: number): void {
  const { length } = Array.isArray(value) ? value : Object.keys(value);
  if (length <= most) Object.freeze(value);
}

/** Whether `value` is data as defined by this module. */
export function isJson(value: unknown, maxDepth?: number): value is Json {
  return sizeOf(value, maxDepth ?? DEFAULT_MAX_DEPTH, LONGEST_TEXT, []) >= 0;
}

/** Random feed data and deltas from fixed seeds. */
import type {
  Delta,
  Json,
  JsonObject,
} from "../../feed/feedme/wire/protocol.ts";
import { mulberry32 } from "../kit/random.ts";

/** A whole number in `[0, below)`. */
export type Random = (below: number) => number;

export function rng(seed: number): Random {
  const next = mulberry32(seed);
  return (below) => Math.floor(next() / 2 ** 32 * below);
}

export function pick<T>(random: Random, list: readonly T[]): T {
  return list[random(list.length)]!;
}

const NAMES = [
  "a",
  "b",
  "é",
  "10",
  "9",
  "",
  "__proto__",
  "constructor",
  "length",
  "😀",
];
const SCALARS: Json[] = [
  null,
  true,
  false,
  0,
  -0,
  1,
  -2.5,
  1e21,
  "",
  "x",
  "é😀\u2028",
  '"\\\n',
  "\ud800",
];

export function randomValue(random: Random, size: number): Json {
  if (size < 2 || random(3) === 0) return pick(random, SCALARS);
  return random(2) === 0
    ? Array.from(
      { length: random(size) },
      () => randomValue(random, size >> 2),
    )
    : randomObject(random, size);
}

export function randomObject(random: Random, size: number): JsonObject {
  // From text, as `__proto__` is a name like any other in JSON.
  const entries = Array.from({ length: 1 + random(size) }, () => {
    const name = random(2) ? pick(random, NAMES) : `n${random(size * 2)}`;
    return [name, randomValue(random, size >> 2)] as const;
  });
  return JSON.parse(
    `{${
      entries.map(([name, value]) =>
        `${JSON.stringify(name)}:${JSON.stringify(value)}`
      ).join(",")
    }}`,
  );
}

/** A path into `data` that is right most of the time. */
export function randomPath(random: Random, data: Json): (string | number)[] {
  const path: (string | number)[] = [];
  let node = data;
  while (typeof node === "object" && node !== null && random(5) > 0) {
    if (Array.isArray(node)) {
      const index = random(node.length + 1);
      path.push(index);
      if (index >= node.length) break;
      node = node[index]!;
    } else {
      const names = Object.keys(node);
      const name = random(8) === 0 || names.length === 0
        ? pick(random, NAMES)
        : pick(random, names);
      path.push(name);
      if (!Object.hasOwn(node, name)) break;
      node = (node as JsonObject)[name]!;
    }
  }
  if (random(20) === 0) path.push(random(2) ? "x" : random(3));
  return path;
}

/** A delta that fits `data` quite often. */
export function randomDelta(random: Random, data: JsonObject): Delta {
  const path = randomPath(random, data);
  let node: unknown = data;
  for (const key of path) {
    node = typeof node === "object" && node !== null &&
        Object.hasOwn(node, key)
      ? (node as Record<string | number, unknown>)[key]
      : undefined;
  }
  const fitting = Array.isArray(node)
    ? ["InsertFirst", "InsertLast", "DeleteFirst", "DeleteLast", "DeleteValue"]
    : typeof node === "string"
    ? ["Prepend", "Append"]
    : typeof node === "number"
    ? ["Increment", "Decrement"]
    : typeof node === "boolean"
    ? ["Toggle"]
    : ["DeleteValue"];
  const any = ["Set", "Delete", "InsertBefore", "InsertAfter"];
  const operation = pick(
    random,
    random(10) === 0
      ? [...any, "Toggle", "Append", "Increment", "InsertFirst"]
      : random(2)
      ? any
      : fitting,
  );
  switch (operation) {
    case "Delete":
    case "Toggle":
    case "DeleteFirst":
    case "DeleteLast":
      return { Operation: operation, Path: path };
    case "Prepend":
    case "Append":
      return { Operation: operation, Path: path, Value: pick(random, NAMES) };
    case "Increment":
    case "Decrement":
      return { Operation: operation, Path: path, Value: random(5) / 2 };
    default:
      return {
        Operation: operation as "Set",
        Path: path,
        Value: randomValue(random, 12),
      };
  }
}

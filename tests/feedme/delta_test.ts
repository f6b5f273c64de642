import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { applyDeltas, deepEqual } from "../../feed/feedme/wire/delta.ts";
import { canonicalJson, feedMd5 } from "../../feed/feedme/wire/digest.ts";
import {
  checkDelta,
  type Delta,
  type JsonObject,
} from "../../feed/feedme/wire/protocol.ts";
import { readData } from "../kit/data.ts";

interface DeltaVector {
  name: string;
  deltas: unknown[];
  before: JsonObject;
  after?: JsonObject;
  afterText?: string;
  deltasText?: string;
  beforeText?: string;
  md5?: string;
  error?: { kind: string; index: number; reason: string | null };
  quirk?: string;
}
interface Md5Vector {
  name: string;
  text: string;
  canonical: string;
  md5?: string;
  error?: string;
}

const vectors = readData<{ delta: DeltaVector[]; md5: Md5Vector[] }>(
  "feedme/delta-vectors.json",
);

/** Where the peers' own behaviour is a defect: what has to come instead. */
const SANE = new Map<string, { after?: string; reason?: string }>([
  [
    "DeleteValue on object with numeric 'length' property removes nothing (quirk: lodash array-like)",
    { after: '{"t":{"length":2}}' },
  ],
  [
    "DeleteValue on object with length 0 property (quirk)",
    { after: '{"t":{"length":0}}' },
  ],
  [
    "DeleteValue on object with index keys and length (quirk)",
    { after: '{"t":{"length":2}}' },
  ],
  ...[
    "quirk Append to inherited 'constructor'",
    "quirk Set path through 'constructor'",
    "quirk Delete ['__proto__'] when absent is accepted",
    "quirk InsertLast through inherited",
  ].map((name) =>
    [name, { reason: "Path references a non-existent object property." }] as [
      string,
      { reason: string },
    ]
  ),
]);

/** Operations that no table of ours may find among inherited names. */
const UNKNOWN_OPERATION = "Operation > Missing or invalid.";

for (const vector of vectors.delta) {
  Deno.test(`delta vector: ${vector.name}`, () => {
    const before: JsonObject = JSON.parse(
      vector.beforeText ?? JSON.stringify(vector.before),
    );
    const untouched = JSON.stringify(before);
    const deltas: unknown[] = JSON.parse(
      vector.deltasText ?? JSON.stringify(vector.deltas),
    );
    const { error } = vector;
    const sane = SANE.get(vector.name);
    assertEquals(sane !== undefined, vector.quirk !== undefined);

    const violations = deltas.map(checkDelta);
    const violation = violations.find((reason) => reason !== undefined);
    const operation = (deltas[0] as Delta | undefined)?.Operation as
      | string
      | undefined;
    if (["hasOwnProperty", "__proto__", "toString"].includes(operation ?? "")) {
      assertEquals(violation, UNKNOWN_OPERATION);
    } else if (error?.kind === "schema") {
      assertEquals(violations.indexOf(violation), error.index);
      assertEquals(violation, error.reason);
    } else {
      assertEquals(violation, undefined);
      const result = applyDeltas(before, deltas as Delta[]);
      const reason = sane ? sane.reason : error?.reason ?? undefined;
      if (reason !== undefined) {
        assertEquals(result, { index: error?.index ?? 0, reason });
      } else {
        assert(result.data);
        const text = sane?.after ?? vector.afterText!;
        assertEquals(JSON.stringify(result.data), text);
        if (!sane) assertEquals(feedMd5(result.data), vector.md5);
      }
    }
    assertEquals(JSON.stringify(before), untouched);
  });
}

for (const vector of vectors.md5) {
  Deno.test(`digest vector: ${vector.name}`, () => {
    const data = JSON.parse(vector.text);
    assertEquals(canonicalJson(data), vector.canonical);
    // The peers refuse a root that is no object; here the schema does.
    if (vector.md5) assertEquals(feedMd5(data), vector.md5);
  });
}

Deno.test("delta and digest vectors - all are there", () => {
  assertEquals([vectors.delta.length, vectors.md5.length], [298, 39]);
});

Deno.test("values that a delta does not touch keep their identity", () => {
  const before = { a: { x: [1, 2] }, b: { y: {} }, c: [{ n: 1 }, { n: 2 }] };
  const { data } = applyDeltas(before, [
    { Operation: "Increment", Path: ["c", 1, "n"], Value: 1 },
    { Operation: "InsertLast", Path: ["c"], Value: { n: 3 } },
    { Operation: "Set", Path: ["c", 2, "n"], Value: 4 },
  ]);
  assertEquals(data as unknown, {
    ...before,
    c: [{ n: 1 }, { n: 3 }, { n: 4 }],
  });
  assertEquals(before.c, [{ n: 1 }, { n: 2 }]);
  assertStrictEquals(data!.a as unknown, before.a);
  assertStrictEquals((data!.c as unknown[])[0], before.c[0]);
});

Deno.test("a delta that changes nothing keeps the data itself", () => {
  const before = { a: [{ b: 1 }] };
  const { data } = applyDeltas(before, [
    { Operation: "DeleteValue", Path: ["a"], Value: 7 },
    { Operation: "Increment", Path: ["a", 0, "b"], Value: 0 },
  ]);
  assertStrictEquals(data as unknown, before);
});

Deno.test("a value that a delta brings is not changed by the next one", () => {
  const deltas: Delta[] = [
    { Operation: "Set", Path: ["a"], Value: { n: [1] } },
    { Operation: "InsertLast", Path: ["a", "n"], Value: 2 },
    { Operation: "Set", Path: ["a", "m"], Value: 1 },
  ];
  const text = JSON.stringify(deltas);
  const { data } = applyDeltas({}, deltas);
  assertEquals(data as unknown, { a: { n: [1, 2], m: 1 } });
  assertEquals(JSON.stringify(deltas), text);
});

Deno.test("all deltas of a message or none", () => {
  const before = { n: 1 };
  const result = applyDeltas(before, [
    { Operation: "Set", Path: ["n"], Value: 2 },
    { Operation: "Toggle", Path: ["n"] },
  ]);
  assertEquals(result, { index: 1, reason: "Path must reference a boolean." });
  assertEquals(before, { n: 1 });
});

Deno.test("__proto__ and its kin are ordinary names", () => {
  for (const name of ["__proto__", "constructor", "toString", "length"]) {
    const { data } = applyDeltas({}, [
      { Operation: "Set", Path: [name], Value: { polluted: 1 } },
      { Operation: "Set", Path: [name, "__proto__"], Value: [1] },
      { Operation: "InsertLast", Path: [name, "__proto__"], Value: 2 },
    ]);
    assert(data && Object.hasOwn(data, name));
    assertEquals(
      JSON.stringify(data),
      `{"${name}":{"polluted":1,"__proto__":[1,2]}}`,
    );
    const { data: without } = applyDeltas(data, [
      { Operation: "Delete", Path: [name, "__proto__"] },
      { Operation: "DeleteValue", Path: [name], Value: 5 },
    ]);
    assertEquals(JSON.stringify(without), `{"${name}":{"polluted":1}}`);
  }
  assertEquals(({} as Record<string, unknown>).polluted, undefined);
});

Deno.test("equality of values that are nested 100,000 deep", () => {
  const nest = (leaf: number) => {
    let value: unknown = leaf;
    for (let level = 0; level < 100_000; level++) value = [value];
    return value;
  };
  assert(deepEqual(nest(1), nest(1)));
  assert(!deepEqual(nest(1), nest(2)));
  assert(!deepEqual({ a: undefined }, { b: undefined }));
});

/** What schemas say, in the form that a server needs it. */
import type { Schema, SchemaIssue } from "./define.ts";
import type { JsonObject } from "../wire/protocol.ts";

/** A checked value, or why it is none. */
export type Parsed<T> =
  | { success: true; data: T }
  | { success: false; error: { readonly issues: readonly SchemaIssue[] } };

/** No more of them reach a client. */
const MOST_ISSUES = 10;

/** What stands where an application left a schema out. */
const NOTHING: Schema<Record<string, never>> = {
  safeParse: (value) =>
    Object.keys(value as object).length === 0
      ? { success: true, data: {} }
      : { success: false, error: { issues: [{ path: [], message: "None" }] } },
};

/** Checks `value`; without a schema it has to be `{}`. */
export function parse<T>(
  schema: Schema<T> | undefined,
  value: unknown,
): Parsed<T> {
  return (schema ?? NOTHING as Schema<T>).safeParse(value);
}

/** What a client may know about arguments that do not fit. */
export function issuesOf(
  { issues }: { readonly issues: readonly SchemaIssue[] },
): JsonObject {
  return {
    issues: issues.slice(0, MOST_ISSUES).map(({ path, message }) => ({
      path: path.map((key) => typeof key === "number" ? key : String(key)),
      message,
    })),
  };
}

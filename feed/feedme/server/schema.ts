/** Applies schemas, and converts their results to the form that the server needs. */
import type { Schema, SchemaIssue } from "./define.ts";
import type { JsonObject } from "../wire/protocol.ts";

/** A parsed value, or the issues. */
export type Parsed<T> =
  | { success: true; data: T }
  | { success: false; error: { readonly issues: readonly SchemaIssue[] } };

/** The most issues that are sent to a client. */
const MOST_ISSUES = 10;

/** The schema used where the application omitted one: accepts only `{}`. */
const NOTHING: Schema<Record<string, never>> = {
  safeParse: (value) =>
    Object.keys(value as object).length === 0
      ? { success: true, data: {} }
      : { success: false, error: { issues: [{ path: [], message: "None" }] } },
};

/** Checks `value`; without a schema it must be `{}`. */
export function parse<T>(
  schema: Schema<T> | undefined,
  value: unknown,
): Parsed<T> {
  return (schema ?? NOTHING as Schema<T>).safeParse(value);
}

/** The issues of invalid arguments, in the form sent to a client. */
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

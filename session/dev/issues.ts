/** Describes what is wrong with a request, in one line that names the field. */

/** The part of a schema's issue that a message uses. */
interface Issue {
  path: PropertyKey[];
  message: string;
  expected?: string;
  origin?: string;
  minimum?: number | bigint;
  maximum?: number | bigint;
  /** The issues for each form that the field may have. */
  errors?: Issue[][];
}

/** The first issue, e.g. `spawn.tag must be a string`. */
export function explain(error: { issues: Issue[] }): string {
  const { path, issue } = innermost(error.issues[0]!, []);
  const field = path.map(String).join(".");
  const name = field || "the body";
  const must = requirement(issue);
  return must ? `${name} ${must}` : `${name}: ${issue.message}`;
}

/** The most specific issue: from the form that matched best. */
function innermost(
  issue: Issue,
  above: PropertyKey[],
): { path: PropertyKey[]; issue: Issue } {
  const path = [...above, ...issue.path];
  const inner = issue.errors?.flat().find((issue) => issue.path.length > 0);
  return inner ? innermost(inner, path) : { path, issue };
}

/** What a field must be, unless the schema has a message of its own. */
function requirement(issue: Issue): string | undefined {
  if (issue.errors) {
    const forms = issue.errors.flat().map(({ expected }) => expected)
      .filter((expected) => expected !== undefined);
    return `must be ${forms.map(withArticle).join(" or ")}`;
  }
  const text = issue.origin === "string";
  if (issue.minimum !== undefined) {
    return text
      ? `must have at least ${characters(issue.minimum)}`
      : `must be a number above ${issue.minimum}`;
  }
  if (issue.maximum !== undefined) {
    return text
      ? `must have at most ${characters(issue.maximum)}`
      : `must be at most ${issue.maximum}`;
  }
  if (issue.expected !== undefined) {
    return `must be ${withArticle(issue.expected)}`;
  }
  return undefined;
}

function characters(count: number | bigint): string {
  return `${count} character${Number(count) === 1 ? "" : "s"}`;
}

function withArticle(type: string): string {
  const name = type === "record" ? "object" : type === "int" ? "integer" : type;
  return /^[aeiou]/.test(name) ? `an ${name}` : `a ${name}`;
}

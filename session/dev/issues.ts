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

/** The first issue, e.g. `spawn.tag: expected a string`. */
export function explain(error: { issues: Issue[] }): string {
  const { path, issue } = innermost(error.issues[0]!, []);
  const field = path.map(String).join(".");
  return `${field || "the body"}: ${complaint(issue)}`;
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

function complaint(issue: Issue): string {
  if (issue.errors) {
    const forms = issue.errors.flat().map(({ expected }) => expected)
      .filter((expected) => expected !== undefined);
    return `expected ${forms.map(withArticle).join(" or ")}`;
  }
  const unit = issue.origin === "string" ? " characters" : "";
  if (issue.minimum !== undefined) {
    return unit
      ? `expected at least ${issue.minimum}${unit}`
      : `expected a number above ${issue.minimum}`;
  }
  if (issue.maximum !== undefined) {
    return `expected at most ${issue.maximum}${unit}`;
  }
  if (issue.expected !== undefined) {
    return `expected ${withArticle(issue.expected)}`;
  }
  return issue.message;
}

function withArticle(type: string): string {
  const name = type === "record" ? "object" : type === "int" ? "integer" : type;
  return /^[aeiou]/.test(name) ? `an ${name}` : `a ${name}`;
}

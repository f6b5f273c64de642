/** Checks the API token of a request, in constant time. No I/O. */

/** Returns whether a request carries the token. */
export type BearerTest = (headers: Headers) => Promise<boolean>;

/**
 * Compares with `token`. Programs send it as `Authorization: Bearer …`. A browser that
 * opens the page asks for a user name and a password: any name, and the token.
 */
export function bearerTest(token: string): BearerTest {
  const expected = digest(token);
  return async (headers) => {
    const [scheme, value = ""] = (headers.get("authorization") ?? "").split(
      /\s+/,
      2,
    );
    const given = scheme?.toLowerCase() === "basic" ? password(value) : value;
    // Equally long, and told apart without an early end.
    const [one, other] = await Promise.all([digest(given), expected]);
    let difference = 0;
    one.forEach((byte, index) => difference |= byte ^ other[index]!);
    return difference === 0;
  };
}

function password(credentials: string): string {
  try {
    const text = atob(credentials);
    return text.slice(text.indexOf(":") + 1);
  } catch {
    return "";
  }
}

async function digest(text: string): Promise<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

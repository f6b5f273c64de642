/** The platform's errors for timeouts, aborts and invalid arguments. */

/**
 * A `DOMException`, or on a platform without that class, such as React Native, an `Error`
 * with the same name.
 */
export function domException(message: string, name: string): Error {
  const { DOMException } = globalThis as Partial<typeof globalThis>;
  return DOMException
    ? new DOMException(message, name)
    : Object.assign(new Error(message), { name });
}

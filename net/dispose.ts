/**
 * The name of the method that `await using` calls.
 *
 * Safari, and every browser older than 2025, have no `Symbol.asyncDispose`, so a
 * method of that name would be called "undefined" there. The code that esbuild,
 * Babel and SWC make of `await using` looks for a symbol from the registry in
 * that case, and so does this module. It adds nothing to `Symbol` itself.
 */

/**
 * `Symbol.asyncDispose`, also where the platform has none: there it is
 * `Symbol.for("Symbol.asyncDispose")`, which code that a bundler made of
 * `await using` looks for.
 */
// The literal type is for compilers whose `lib` has no `esnext.disposable`.
export const asyncDispose: SymbolConstructor extends
  { readonly asyncDispose: infer Name extends symbol } ? Name
  : "Symbol.asyncDispose" = ((Symbol as { asyncDispose?: symbol })
    .asyncDispose ??
    Symbol.for("Symbol.asyncDispose")) as typeof asyncDispose;

/**
 * The name of the method that `await using` calls.
 *
 * Safari and all browsers before 2025 lack `Symbol.asyncDispose`, so a method with that
 * key would be named "undefined" there. In that case, the code that esbuild, Babel and
 * SWC generate for `await using` looks for a registered symbol, and so does this module.
 * It does not modify `Symbol` itself.
 */

/**
 * `Symbol.asyncDispose`, or, on platforms that lack it,
 * `Symbol.for("Symbol.asyncDispose")`, which bundlers' code for `await using` looks for.
 */
// The literal type is for compilers whose `lib` lacks `esnext.disposable`.
export const asyncDispose: SymbolConstructor extends
  { readonly asyncDispose: infer Name extends symbol } ? Name
  : "Symbol.asyncDispose" = ((Symbol as { asyncDispose?: symbol })
    .asyncDispose ??
    Symbol.for("Symbol.asyncDispose")) as typeof asyncDispose;

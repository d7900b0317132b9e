/**
 * The one place where types are let go: a function that an app wrote for its own types, seen by the erased core.
 *
 * Parameters of methods are compared both ways (TypeScript's rule for arrays and event handlers), so a typed function fits
 * here without a cast. It is sound because `aggregate` and `projection` give it just what its overload promised.
 */
export type Erased<Arguments extends readonly unknown[], Result> = { call(...given: Arguments): Result }["call"];

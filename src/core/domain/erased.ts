/**
 * The one place where types are erased: the type of an app's function as the rest of core calls it.
 *
 * TypeScript compares the parameters of methods in both directions. Therefore a typed function fits here without a
 * cast. It is sound, because `aggregate` and `projection` call the function with the values that its overload promises.
 */

/** A function of an app, with its types erased. */
export type Erased<Arguments extends readonly unknown[], Result> = { call(...given: Arguments): Result }["call"];

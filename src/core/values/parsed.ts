/** The result of a check: the checked value, or a problem with its path and its reason. */

/** A place inside a value: the keys and the indexes that lead to it. It is empty for the value itself. */
export type Path = readonly (string | number)[];

/** The place and the reason of a problem in a value. The reason is a predicate, such as `is not a string`. */
export type Problem = { readonly path: Path; readonly reason: string };

/** The checked value, or the first problem in it. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: Problem };

/** The result of a check that found a problem. */
export function refuseValue(path: Path, reason: string): Parsed<never> {
  return { ok: false, problem: { path, reason } };
}

/**
 * A problem as a text for people.
 *
 * @example
 * describeProblem({ path: ["tags", 0], reason: "is not a string" }) // "tags.0 is not a string"
 * describeProblem({ path: [], reason: "is not a string" })          // "is not a string"
 */
export function describeProblem({ path, reason }: Problem): string {
  return path.length > 0 ? `${path.join(".")} ${reason}` : reason;
}

/**
 * A path as a text that follows a noun. It is empty for the value itself.
 *
 * @example
 * `The input${describePlace(["tags", 0])} is not valid` // "The input at tags.0 is not valid"
 */
export function describePlace(path: Path): string {
  return path.length > 0 ? ` at ${path.join(".")}` : "";
}

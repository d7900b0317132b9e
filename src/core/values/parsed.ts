/** The result of a check: a value, or the place and the reason of the problem. */

/** What a check gives: the value, or where and why it was refused. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: Problem };

/** Where in an input something is wrong, and what. */
export type Problem = { readonly path: readonly (string | number)[]; readonly reason: string };

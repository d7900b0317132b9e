/** Matchers for a part of an expected value. They return `unknown`, because the `any` of `expect` hides mistakes. */
import { expect } from "vitest";

/** Matches a text that contains `part`. */
export function containing(part: string): unknown {
  return expect.stringContaining(part);
}

/** Matches a text that has a match of `pattern`. */
export function matching(pattern: RegExp): unknown {
  return expect.stringMatching(pattern);
}

/** Matches every text. */
export function anyText(): unknown {
  return expect.any(String);
}

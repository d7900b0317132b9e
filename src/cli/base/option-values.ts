/** The values of options, from their texts. Each function throws for a wrong text. */
import { DefinitionError } from "../../core/values/errors.ts";

/** The most rows or commands of a page. */
export const LIMIT_MAX = 5_000;

/** The option `--duty`. */
export function dutyOf(duty: string | undefined): { readonly duty?: number } {
  if (duty === undefined) return {};
  const share = Number(duty);
  if (share > 0 && share <= 1) return { duty: share };
  throw new DefinitionError({
    message: `--duty is ${duty}, which is not a share of the time`,
    fix: "Pass a number above 0 and at most 1, such as 0.2.",
  });
}

/** Collects the values of an option that may be repeated. */
export function everyValue(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** The option `--limit`. */
export function limitOf({ limit }: { readonly limit?: string | undefined }): { readonly limit?: number } {
  if (limit === undefined) return {};
  const number = /^[0-9]{1,4}$/.test(limit) ? Number(limit) : 0;
  if (number >= 1 && number <= LIMIT_MAX) return { limit: number };
  throw new DefinitionError({ message: `--limit is ${limit}`, fix: `Pass a number from 1 to ${LIMIT_MAX}.` });
}

/** A position, a version or a number of things. */
export function wholeNumber(option: string, text: string): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new DefinitionError({ message: `${option} is ${text}, which is not a whole number`, fix: "Pass 0 or more." });
}

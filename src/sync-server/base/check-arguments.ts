/** Checks of the arguments of the server's own code, because programs without types may pass anything. */
import { LOG_NAME, LOG_NAME_RULE } from "../../core/history/limits.ts";
import { ValidationError } from "../../core/values/errors.ts";
import { type OptionNames, requireKnownOptions } from "../../core/values/known-options.ts";

/** The error of an argument. `what` is the call that did nothing. */
export function invalid(what: string, reason: string, fix = "Fix the argument."): ValidationError {
  return new ValidationError({ message: `${what}: ${reason}`, fix, details: { reason } });
}

/** Returns the name of a log. Throws if it is not valid. */
export function requireLogName(log: string): string {
  if (typeof log === "string" && LOG_NAME.test(log)) return log;
  throw invalid("The log cannot be used", `its name ${shown(log)} is not ${LOG_NAME_RULE}`);
}

/** Returns the options. Throws if they are not an object. */
export function requireObject<Options extends object>(what: string, options: Options): Options {
  const untyped: unknown = options;
  if (typeof untyped === "object" && untyped !== null && !Array.isArray(untyped)) return options;
  throw invalid(what, `the options are ${shown(untyped)}, which is not an object`);
}

/** Returns the options of a call. Throws if they are not an object, or if the call does not know one of them. */
export function requireCallOptions<Options extends object>(
  what: string,
  call: string,
  options: Options,
  known: OptionNames<Options>,
): Options {
  requireKnownOptions(`\`${call}\``, requireObject(what, options), known);
  return options;
}

/** Throws if the option is there and is not a list of texts. */
export function requireTexts(what: string, name: string, texts: readonly string[] | undefined): void {
  const untyped: unknown = texts;
  if (untyped === undefined) return;
  if (!Array.isArray(untyped) || untyped.some((text) => typeof text !== "string"))
    throw invalid(what, `\`${name}\` is ${shown(untyped)}, which is not a list of texts`);
}

/** Throws if the argument is not a text. */
export function requireText(what: string, name: string, text: string): void {
  if (typeof text !== "string") throw invalid(what, `\`${name}\` is ${shown(text)}, which is not a text`);
}

/** Throws if the option is there and is not a function. */
export function requireFunction(what: string, name: string, given: unknown): void {
  if (given !== undefined && typeof given !== "function")
    throw invalid(what, `\`${name}\` is ${shown(given)}, which is not a function`);
}

/** True for the number of a version or a position. */
export function isCount(given: unknown): given is number {
  return typeof given === "number" && Number.isSafeInteger(given) && given >= 0;
}

/** Returns the name of a handle such as a model, or the name that the caller passed. */
export function handleName(kind: string, handle: string | { readonly name: string }): string {
  const untyped: unknown = handle;
  if (typeof untyped === "string") return untyped;
  const hasName = typeof untyped === "object" && untyped !== null && "name" in untyped;
  if (hasName && typeof untyped.name === "string") return untyped.name;
  throw new ValidationError({
    message: `${shown(untyped)} is not ${kind}`,
    fix: "Pass the handle. If an import is undefined here, two files may import each other.",
  });
}

/** A value in a message, however wrong it is. */
export function shown(value: unknown): string {
  if (typeof value === "string") return short(JSON.stringify(value));
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "function" ? "a function" : short(String(value));
}

function short(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

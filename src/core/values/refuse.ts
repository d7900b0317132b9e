/** Refuses a definition when the program starts: what is wrong with it, and what to write instead. */
import { DefinitionError, type ErrorFacts } from "./errors.ts";

export function refuseDefinition(
  message: string,
  fix: string,
  details: NonNullable<ErrorFacts["details"]> = {},
): never {
  throw new DefinitionError({ message, fix, details });
}

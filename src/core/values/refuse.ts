/** The refusal of a wrong definition, when the program starts. */
import { DefinitionError, type ErrorFacts } from "./errors.ts";

/** Throws a DefinitionError. The message names the noun, its state and the value. The fix shows the right code. */
export function refuseDefinition(
  message: string,
  fix: string,
  details: NonNullable<ErrorFacts["details"]> = {},
): never {
  throw new DefinitionError({ message, fix, details });
}

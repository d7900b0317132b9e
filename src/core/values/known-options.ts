/** The check of the names of options. Without it, a server with `permitt` would let everyone read every log. */
import { refuseDefinition } from "./refuse.ts";

/** The names of options. It is an object, because the compiler then finds a name that is missing. */
export type OptionNames<Options> = {
  readonly [Name in Options extends unknown ? keyof Options : never]: true;
};

/** Refuses an option that is not known, and lists the known ones. `owner` begins the message, such as "`serve`". */
export function requireKnownOptions(owner: string, given: object, known: object): void {
  for (const [option, value] of Object.entries(given))
    if (!Object.hasOwn(known, option) && value !== undefined)
      refuseDefinition(`${owner} has no option ${option}`, `Its options are ${Object.keys(known).join(", ")}.`, {
        option,
      });
}

/** The refusal of a commit by a handler of a projection. */
import { RejectedError } from "../values/errors.ts";

/**
 * Refuses the commit of an event, inside a projection that the server keeps as `strong(projection)`. The server rejects
 * the commit with this code. A device parks the event of its pending commit, until the server decides.
 *
 * @example
 * const names = projection("names", {
 *   version: 1,
 *   from: [user],
 *   initial: null as { user: string } | null,
 *   key: (_, { before, after }) => [before?.name, after?.name],
 *   on: {
 *     UserNamed: (row, { key, stream, after }) => {
 *       if (key !== after?.name) return null;
 *       return row && row.user !== stream ? veto("name-taken", "This name is taken") : { user: stream };
 *     },
 *   },
 * });
 *
 * @param code the app's own code, of at most 128 characters. @default "rejected"
 * @param message the reason, for people. @default the code
 *
 * @throws RejectedError (`rejected`) always. `details.code` is `code`.
 */
export function veto(code = "rejected", message = code): never {
  throw new RejectedError({ message, fix: "Change the commit so that the read model accepts it.", details: { code } });
}

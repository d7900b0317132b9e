/**
 * The types of ids. All of them are texts, and the compiler refuses one id where another is expected.
 *
 * A plain text is accepted everywhere, because ids come in as plain texts at the public border. A text that already has
 * one of these types keeps it.
 */
declare const role: unique symbol;
type Id<Role extends string> = string & { readonly [role]?: Role };

/** A log's name, such as `team-7`. */
export type LogName = Id<"log">;
/** A stream's name, such as `task/t1`. */
export type StreamName = Id<"stream">;
/** A commit's random UUID. */
export type CommitId = Id<"commit">;
/** The random id of one device's database for a log and a user. */
export type ClientId = Id<"client">;
/** The name of a person or a service, as the server verified it. */
export type Actor = Id<"actor">;

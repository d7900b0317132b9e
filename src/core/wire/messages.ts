/**
 * The wire, version 1: the types of the messages between client and sync server.
 *
 * Place: the only border between the two sides. `docs/protocol.md` describes the same messages in prose.
 */
import type { DomainEvent } from "../domain/event.ts";
import type { Limits } from "../history/limits.ts";
import { type CommitRecord, type Cursor, encodeCursor } from "../history/record.ts";
import type { Json } from "../values/json.ts";
import type { Retry } from "../values/error-codes.ts";

/** The version of the protocol that this code reads and writes. */
export const PROTOCOL_VERSION = 1;

/** A push with commits that are not checked yet, because the server reads each one on its own. */
export type PushEnvelope = {
  readonly after: Cursor | null;
  readonly domain: number;
  readonly commits: readonly unknown[];
};

export type Outcome =
  | { readonly id: string; readonly outcome: "recorded"; readonly at: Cursor }
  | { readonly id: string; readonly outcome: "empty" }
  | RejectedOutcome;

export type RejectedOutcome = {
  readonly id: string;
  readonly outcome: "rejected";
  /** Index of the command that was refused. */
  readonly command: number;
  readonly code: string;
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly theirs?: readonly DomainEvent[];
};

/** A run of records: those after `after`, up to `cursor`. */
export type Page = {
  readonly after: Cursor | null;
  readonly records: readonly CommitRecord[];
  /** Where the reader stands once it has taken the records. */
  readonly cursor: Cursor | null;
  /** Position of the log's last event. */
  readonly head: number;
  /** True where there is more to pull behind `cursor`. */
  readonly more: boolean;
};

export type PushAnswer = Page & {
  readonly outcomes: readonly Outcome[];
  /** Why the rest of the batch was not looked at. */
  readonly stopped?: { readonly id: string; readonly code: string };
};

export type LogInfo = {
  readonly protocol: number;
  readonly cursor: Cursor | null;
  readonly head: number;
  readonly domain: number;
  readonly limits: Limits;
};
/** Someone who has the log open. Not stored. The actor is verified; the client is what they call their device, and others may call theirs the same. */
export type Presence = {
  readonly client: string;
  readonly actor: string;
  readonly data: Json;
};

export type ServerFrame =
  | (Page & { readonly type: "records" })
  | { readonly type: "head"; readonly head: number }
  /** `gone` is taken before `set`: under a client that is gone, another actor may still be here. */
  | { readonly type: "presence"; readonly set: readonly Presence[]; readonly gone: readonly string[] }
  | { readonly type: "pong" }
  | { readonly type: "bye"; readonly code: string; readonly retryAfterMs?: number };

export type ClientFrame =
  { readonly type: "presence"; readonly client: string; readonly data: Json } | { readonly type: "ping" };

/** An error as the wire tells it. */
export type WireError = {
  readonly code: string;
  readonly message: string;
  readonly retry: Retry;
  readonly retryAfterMs?: number;
};

/** A cursor in JSON: its text, or null for the beginning. */
export function wireCursor(at: Cursor | null): string | null {
  return at === null ? null : encodeCursor(at);
}

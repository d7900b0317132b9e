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

/** The header of every answer about a log: the id of the server. */
export const SERVER_HEADER = "dacapo-server";
/** The form of a server's id. */
export const SERVER_ID = /^[\w-]{1,64}$/;

/** A push with commits that are not checked yet, because the server reads each one on its own. */
export type PushEnvelope = {
  readonly after: Cursor | null;
  readonly domain: number;
  /** The bytes of records that the client wants in the answer. 0: none. Absent: the server's own limit. */
  readonly bytes?: number;
  readonly commits: readonly unknown[];
};

/** The server's answer to one commit of a push. */
export type Outcome =
  | {
      readonly id: string;
      readonly outcome: "recorded";
      readonly at: Cursor;
      /** The keys of the inputs that the older schema of the server dropped. */
      readonly dropped?: readonly string[];
    }
  | { readonly id: string; readonly outcome: "empty" }
  | RejectedOutcome;

/** A rejection of the whole commit. */
export type RejectedOutcome = {
  readonly id: string;
  readonly outcome: "rejected";
  /** The index of the command that was rejected. */
  readonly command: number;
  /** The domain's own code, or one of the server's codes. */
  readonly code: string;
  readonly message: string;
  /** The place of the problem in the command's input. */
  readonly path?: readonly (string | number)[];
  /** The other authors' events that came first. */
  readonly theirs?: readonly DomainEvent[];
};

/** The header of a base. A base has the folded tables of a log at one cursor, in pages of buckets. */
export type BaseHeader = {
  /** The end of the last record that the base contains. */
  readonly cursor: Cursor;
  /** The name of each table with the versions that its rows depend on, also of a table without rows. */
  readonly tables: readonly string[];
  /** For each page in order: its bytes in UTF-8, and its hash, which shows damage. */
  readonly pages: readonly { readonly bytes: number; readonly hash: string }[];
};

/** A bucket of a page of a base. On the wire it is `[table, bucket, text]`. */
export type BaseBucket = { readonly table: string; readonly bucket: number; readonly text: string };

/** A run of records: all records after `after`, up to `cursor`. */
export type Page = {
  readonly after: Cursor | null;
  readonly records: readonly CommitRecord[];
  /** The reader's cursor after these records. */
  readonly cursor: Cursor | null;
  /** The position of the log's last event. */
  readonly head: number;
  /** True if the log has more records after `cursor`. */
  readonly more: boolean;
  /** The version of the server's domain, in an answer to a push or a pull. */
  readonly domain?: number;
};

/** The answer to a push: an outcome for each settled commit, and the records after the client's cursor. */
export type PushAnswer = Page & {
  readonly outcomes: readonly Outcome[];
  /**
   * The first commit that the server did not process, and the reason. The server did not process the commits after it
   * either.
   */
  readonly stopped?: { readonly id: string; readonly code: string };
};

/** The answer to `GET /logs/:log`. */
export type LogInfo = {
  readonly protocol: number;
  readonly cursor: Cursor | null;
  readonly head: number;
  /** The version of the server's domain. */
  readonly domain: number;
  readonly limits: Limits;
  /** The content encodings in which the server accepts a push. Absent: none. */
  readonly encodings?: readonly string[];
};

/**
 * A device that has the log open. No store keeps it.
 *
 * The server verifies the actor. It does not verify the client, so two people may send the same client id.
 */
export type Presence = {
  readonly client: string;
  readonly actor: string;
  readonly data: Json;
};

/** A message of the server on a socket. */
export type ServerFrame =
  | (Page & { readonly type: "records" })
  | { readonly type: "head"; readonly head: number }
  /** A reader applies `gone` before `set`, because another actor may use a client id that is gone. */
  | { readonly type: "presence"; readonly set: readonly Presence[]; readonly gone: readonly string[] }
  | { readonly type: "pong" }
  /** The socket has the identity of the token that its client sent. Null: this identity does not end. */
  | { readonly type: "renewed"; readonly expiresInMs: number | null }
  | { readonly type: "bye"; readonly code: string; readonly retryAfterMs?: number };

/** A message of a client on a socket. */
export type ClientFrame =
  | { readonly type: "presence"; readonly client: string; readonly data: Json }
  /** A new token of the same actor, before the token that opened the socket ends. */
  | { readonly type: "token"; readonly token: string }
  | { readonly type: "ping" };

/** The body of an HTTP refusal. */
export type WireError = {
  readonly code: string;
  readonly message: string;
  readonly retry: Retry;
  /** The pause that the server requests, in milliseconds. */
  readonly retryAfterMs?: number;
};

/** Returns a cursor as the wire's JSON has it: its text, or null for the beginning. */
export function wireCursor(at: Cursor | null): string | null {
  return at === null ? null : encodeCursor(at);
}

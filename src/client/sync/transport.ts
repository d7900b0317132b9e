/**
 * The port to a sync server: the calls and the socket of the sync loop.
 *
 * Place: between the sync loop and the network. `http-transport` is the adapter, and the simulator has its own.
 * Rules
 * - T1  A call MUST resolve with a checked answer or reject with a DacapoError once nothing arrived for a time limit of
 *   the adapter. It MUST NOT reject while an answer arrives.
 * - T2  `diverged` and `gone` MUST be answers and not errors, because the loop continues from them.
 * - T3  A socket MUST report checked frames in the order in which the server sent them. It MUST call `closed` once, and
 *   last.
 */
import type { Commit } from "../../core/history/commit.ts";
import type { Json } from "../../core/values/json.ts";
import type { BaseHeader, LogInfo, Page, Presence, PushAnswer } from "../../core/wire/messages.ts";
import type { Cursor } from "../../core/history/record.ts";
import type { ClientId } from "../../core/values/ids.ts";

/** A checked answer and the text that it was read from, because the text is stored. */
export type Fetched<T> =
  | { readonly kind: "answer"; readonly answer: T; readonly text: string }
  | { readonly kind: "diverged" }
  | { readonly kind: "gone" };

export type SocketEvents = {
  readonly opened: () => void;
  readonly records: (page: Page, text: string) => void;
  readonly head: (position: number) => void;
  readonly presence: (set: readonly Presence[], gone: readonly string[]) => void;
  /** `code` is the code of the server's `bye`, or one of `lost`, `unreadable` and `closed`. */
  readonly closed: (code: string, retryAfterMs: number | null) => void;
};

export interface ClientSocket {
  setPresence(client: ClientId, data: Json): void;
  close(): void;
}

/** The size of a call. Without it, the answer has the server's own size. */
export type CallOptions = {
  /** Bytes of records in the answer. 0: a push wants none. */
  readonly pageBytes: number;
  /** Bytes that leave within the time limit, as far as known. A larger body gets more time. */
  readonly bodyBytes: number;
  /** The server accepts a push in gzip. */
  readonly gzip: boolean;
  /** Called with the bytes of each part of the answer that arrives. */
  readonly received: (bytes: number) => void;
};

export interface Transport {
  push(
    after: Cursor | null,
    domain: number,
    commits: readonly Commit[],
    call?: CallOptions,
  ): Promise<Fetched<PushAnswer>>;
  pull(after: Cursor | null, limit: number | null, call?: CallOptions): Promise<Fetched<Page>>;
  info(): Promise<Fetched<LogInfo>>;
  /** The header of the newest base. Null: the server has none. A transport without it has no bases. */
  base?(): Promise<Fetched<BaseHeader> | null>;
  /** The text of a page of a base. Null: the base is gone. */
  basePage?(base: Cursor, n: number): Promise<string | null>;
  live(after: Cursor | null, events: SocketEvents): ClientSocket;
}

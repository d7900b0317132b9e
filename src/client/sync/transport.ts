/**
 * The port to a sync server: what the sync loop asks of the network.
 *
 * Rules
 * - T1  A call resolves with a checked answer or rejects with a DacapoError; it always ends (the adapter has time limits).
 * - T2  `diverged` and `gone` are answers, not errors: the loop has a way on from them.
 * - T3  A socket's frames come in the order in which they were sent, checked; `closed` is called once, and last.
 */
import type { Commit } from "../../core/history/commit.ts";
import type { Json } from "../../core/values/json.ts";
import type { Page, Presence, PushAnswer } from "../../core/wire/messages.ts";
import type { Cursor } from "../../core/history/record.ts";

/** A checked page and the text that it was read from, which is what gets stored. */
export type Fetched<T> =
  | { readonly kind: "answer"; readonly answer: T; readonly text: string }
  | { readonly kind: "diverged" }
  | { readonly kind: "gone" };

export type SocketEvents = {
  readonly opened: () => void;
  readonly records: (page: Page, text: string) => void;
  readonly head: (position: number) => void;
  readonly presence: (set: readonly Presence[], gone: readonly string[]) => void;
  /** `code` is the server's `bye`, or `lost`. */
  readonly closed: (code: string, retryAfterMs: number | null) => void;
};

export interface ClientSocket {
  setPresence(client: string, data: Json): void;
  close(): void;
}

export interface Transport {
  push(after: Cursor | null, domain: number, commits: readonly Commit[]): Promise<Fetched<PushAnswer>>;
  pull(after: Cursor | null, limit: number | null): Promise<Fetched<Page>>;
  live(after: Cursor | null, events: SocketEvents): ClientSocket;
}

/**
 * What people saw, as plain data: the witness that the history checker hears.
 *
 * Place: written by the simulated tabs while they run, and by the audit at the end. It holds texts and numbers alone, so that the
 * checker needs nothing of the product to read it.
 */
import type { CommandRequest, DomainDefinition } from "../../core/domain/definition.ts";
import type { Json } from "../../core/values/json.ts";

export type JournalEntry =
  /** Someone called `execute`. `ask` is unique and travels in the commit's meta. */
  | {
      readonly kind: "asked";
      readonly ask: number;
      readonly device: string;
      readonly log: string;
      readonly actor: string;
      readonly client: string;
      readonly requests: readonly CommandRequest[];
    }
  /** The same for `undo` and `redo`, whose commits have no meta. */
  | {
      readonly kind: "askedBack";
      readonly ask: number;
      readonly device: string;
      readonly log: string;
      readonly actor: string;
      readonly client: string;
      readonly how: "undo" | "redo";
    }
  | { readonly kind: "acknowledged"; readonly ask: number; readonly commit: string }
  | { readonly kind: "refused"; readonly ask: number; readonly code: string }
  /** A tab was told that commits are durable, and its page did not show their rows of a projection. */
  | { readonly kind: "unshown"; readonly tab: string; readonly projection: string; readonly commits: readonly string[] }
  | {
      readonly kind: "settled";
      readonly commit: string;
      readonly device: string;
      readonly outcome: string;
      readonly code: string | null;
    }
  /** Someone asked for a rejection to end: by `discard`, or by `retry` as another commit. */
  | { readonly kind: "discarded"; readonly commit: string; readonly device: string }
  /** Someone took a commit out of the queue. */
  | { readonly kind: "withdrawn"; readonly commit: string; readonly device: string }
  /** The browser deleted what a device stored: what only stood there is waived. */
  | { readonly kind: "evicted"; readonly device: string }
  /** A device died, and may have forgotten what it was told last. */
  | { readonly kind: "lostPower"; readonly device: string }
  /** What a device stored stands on another as well, as it was when so many entries stood here: what is told to one of them since, the other may not know. */
  | { readonly kind: "copied"; readonly device: string; readonly to: string; readonly since: number }
  /** The server's history was replaced by an older one. */
  | { readonly kind: "restored" };

/** A log on the server, or a replica of it on a device, when all is over. */
export type FinalLog = { readonly log: string; readonly gone: boolean; readonly records: readonly string[] };

export type FinalDevice = {
  readonly name: string;
  readonly log: string;
  readonly actor: string;
  readonly client: string;
  readonly isCopy: boolean;
  readonly evicted: boolean;
  readonly records: readonly string[];
  readonly pending: readonly string[];
  readonly rejections: readonly string[];
  /** Commits without events that it confirmed itself while it had no server. */
  readonly leftBehind: ReadonlySet<string>;
  /** `domain`: the release that the tab runs. */
  readonly tabs: readonly {
    readonly name: string;
    readonly domain: DomainDefinition;
    readonly rows: readonly {
      readonly projection: string;
      readonly key: string;
      readonly row: Json;
      readonly pending: boolean;
    }[];
  }[];
};

/** What the server says of a commit at the end: it has its record, or the outcome that it kept. */
export type FinalOutcome = {
  readonly commit: string;
  readonly log: string;
  readonly actor: string;
  readonly text: string | null;
};

/** A commit as it was pushed: what it had seen, for the policies that ask. */
export type PushedCommit = { readonly log: string; readonly actor: string; readonly text: string };

export type History = {
  readonly journal: readonly JournalEntry[];
  readonly logs: readonly FinalLog[];
  readonly devices: readonly FinalDevice[];
  readonly outcomes: readonly FinalOutcome[];
  /** Commits as they were pushed, oldest first; more than once where they had seen less when histories parted. */
  readonly pushed: readonly PushedCommit[];
  /** JSON of the asks of each push, in its order, behind the device that sent it. */
  readonly pushedAsks: readonly string[];
  /** Commits of which the server once said that they give no events: log, actor and id. */
  readonly empty: ReadonlySet<string>;
  /** Actors that keep to the protocol. */
  readonly honest: readonly string[];
  readonly hostile: string;
  /** True where requests may have arrived twice, the second time much later. */
  readonly doubles: boolean;
  /** False where some server ran another release for a while: what it decided may differ. */
  readonly oneRelease: boolean;
};

export type Journal = { readonly entries: JournalEntry[]; nextAsk: number };

export function newJournal(): Journal {
  return { entries: [], nextAsk: 1 };
}

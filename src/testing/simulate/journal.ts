/**
 * The journal: everything that people saw, as plain data for the history checker.
 *
 * The simulated tabs write it while they run, and the audit at the end. It holds only texts and numbers, so that the
 * checker needs nothing of the product to read it.
 */
import type { CommandRequest, DomainDefinition } from "../../core/domain/definition.ts";
import type { Json } from "../../core/values/json.ts";

export type JournalEntry =
  /** A person called `execute`. `ask` is unique and travels in the commit's meta. */
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
  /** A person ended a rejection: by `discard`, or by `retry` as another commit. */
  | { readonly kind: "discarded"; readonly commit: string; readonly device: string }
  /** A person withdrew a commit from the queue. */
  | { readonly kind: "withdrawn"; readonly commit: string; readonly device: string }
  /** The browser deleted a device's data. Commits that were only there do not count. */
  | { readonly kind: "evicted"; readonly device: string }
  /** A device died, and may have forgotten its last answers. */
  | { readonly kind: "lostPower"; readonly device: string }
  /** A device's data is on another device too, as it was after so many entries. Each may miss later answers. */
  | { readonly kind: "copied"; readonly device: string; readonly to: string; readonly since: number }
  /** The server's history was replaced by an older one. */
  | { readonly kind: "restored" };

/** A log on the server, or a replica of it on a device, at the end. */
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

/** The server's state of a commit at the end: its record, or the kept outcome. */
export type FinalOutcome = {
  readonly commit: string;
  readonly log: string;
  readonly actor: string;
  readonly text: string | null;
};

/** A commit as it was pushed, with its `seen`, for policies that read it. */
export type PushedCommit = { readonly log: string; readonly actor: string; readonly text: string };

export type History = {
  readonly journal: readonly JournalEntry[];
  readonly logs: readonly FinalLog[];
  readonly devices: readonly FinalDevice[];
  readonly outcomes: readonly FinalOutcome[];
  /** Commits as they were pushed, oldest first. A commit is here again if its `seen` fell after histories diverged. */
  readonly pushed: readonly PushedCommit[];
  /** JSON of the `ask` numbers of each push, in its order, behind the device that sent it. */
  readonly pushedAsks: readonly string[];
  /** Commits that the server once answered as commits without events: log, actor and id. */
  readonly empty: ReadonlySet<string>;
  /** Actors that keep to the protocol. */
  readonly honest: readonly string[];
  readonly hostile: string;
  /** True if requests may have arrived twice, the second time much later. */
  readonly doubles: boolean;
  /** False if a server ran another release for a while, because its decisions may differ. */
  readonly oneRelease: boolean;
};

export type Journal = { readonly entries: JournalEntry[]; nextAsk: number };

export function newJournal(): Journal {
  return { entries: [], nextAsk: 1 };
}

/**
 * The journal: everything that people saw, as plain data for the history checker.
 *
 * The simulated tabs write it while they run, and the audit completes it. It contains only texts and numbers, so that
 * the checker needs no code of the product.
 */
import type { CommandRequest, DomainDefinition } from "../../core/domain/definition.ts";
import type { Json } from "../../core/values/json.ts";
import type { CommitCounts } from "./options.ts";

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
  /** `isRejected`: by the domain, on the device. */
  | { readonly kind: "refused"; readonly ask: number; readonly code: string; readonly isRejected?: boolean }
  /** A tab heard that commits are durable before its page had their rows of a projection. */
  | { readonly kind: "unshown"; readonly tab: string; readonly projection: string; readonly commits: readonly string[] }
  | {
      readonly kind: "settled";
      readonly commit: string;
      readonly device: string;
      readonly outcome: string;
      readonly code: string | null;
    }
  /** A person removed a rejection, with `discard`, or with `retry` as another commit. */
  | { readonly kind: "discarded"; readonly commit: string; readonly device: string }
  /** A person withdrew a pending commit. */
  | { readonly kind: "withdrawn"; readonly commit: string; readonly device: string }
  /** The browser deleted a device's storage, so commits that were only there may be lost. */
  | { readonly kind: "evicted"; readonly device: string }
  /** A device lost its power, and may have lost its last relaxed writes. */
  | { readonly kind: "lostPower"; readonly device: string }
  /**
   * Another device has a copy of the device's storage, of the time when the journal had `since` entries. Later reports
   * to one of them may be unknown to the other.
   */
  | { readonly kind: "copied"; readonly device: string; readonly to: string; readonly since: number }
  /** The server's history was replaced by an older one. */
  | { readonly kind: "restored" };

/** A log on the server at the end of a run. */
export type FinalLog = { readonly log: string; readonly gone: boolean; readonly records: readonly string[] };

export type FinalDevice = {
  readonly name: string;
  readonly log: string;
  readonly actor: string;
  readonly client: string;
  readonly isCopy: boolean;
  /** Its commits may overtake a stuck commit on other streams. */
  readonly skipsStuck: boolean;
  readonly evicted: boolean;
  /** The position of the base at which its log begins. 0: it has the whole log. */
  readonly base: number;
  /** The records behind the base. */
  readonly records: readonly string[];
  readonly pending: readonly string[];
  readonly rejections: readonly string[];
  /** Commits without events that the device confirmed itself while it had no server. */
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

/** The server's state of a commit at the end: its record (`text` is null), or the kept outcome. */
export type FinalOutcome = {
  readonly commit: string;
  readonly log: string;
  readonly actor: string;
  readonly text: string | null;
};

/** A commit as it was pushed, with its `seen` at that time. */
export type PushedCommit = { readonly log: string; readonly actor: string; readonly text: string };

export type History = {
  readonly journal: readonly JournalEntry[];
  readonly logs: readonly FinalLog[];
  readonly devices: readonly FinalDevice[];
  readonly outcomes: readonly FinalOutcome[];
  /**
   * Commits as they were pushed, oldest first. A commit occurs again if its `seen` was lowered after histories
   * diverged.
   */
  readonly pushed: readonly PushedCommit[];
  /** For each push the JSON of its client id, followed by its `ask` numbers in order. */
  readonly pushedAsks: readonly string[];
  /** Commits that the server once reported as empty: log, actor and id. */
  readonly empty: ReadonlySet<string>;
  /** Actors that follow the protocol. */
  readonly honest: readonly string[];
  readonly hostile: string;
  /** True if requests may have arrived twice, the second time much later. */
  readonly doubles: boolean;
  /** False if a server ran another release for a while, because it may have decided differently. */
  readonly oneRelease: boolean;
};

export type Journal = { readonly entries: JournalEntry[]; nextAsk: number };

export function newJournal(): Journal {
  return { entries: [], nextAsk: 1 };
}

/** Counts how the commits of `commands` ended. One that nobody heard of again counts as made only. */
export function countCommits(entries: readonly JournalEntry[]): CommitCounts {
  const asks = new Set<number>();
  const commits = new Set<string>();
  const outcomes = new Map<string, string>();
  let rejected = 0;
  for (const entry of entries) {
    if (entry.kind === "asked") asks.add(entry.ask);
    // Undo and redo have no `asked` entry, because they are no commits of `commands`.
    if (entry.kind === "acknowledged" && asks.has(entry.ask)) commits.add(entry.commit);
    if (entry.kind === "refused" && entry.isRejected === true) rejected++;
    if (entry.kind === "settled" && commits.has(entry.commit)) outcomes.set(entry.commit, entry.outcome);
  }
  const later = [...outcomes.values()].filter((outcome) => outcome === "rejected").length;
  return { made: asks.size, accepted: outcomes.size - later, rejected: rejected + later };
}

/**
 * Pending commits of a device, reconciled and folded in their order over the confirmed rows.
 *
 * Guarantees:
 * - After `rebase`, forecasts and rows equal those of reconciling every pending commit again
 *   (test/unit/core/replica/replica.test.ts).
 * - Only commits that may come out differently are reconciled again: commits on a stream that changed, commits that
 *   share a stream with one of them, and commits that need the receiver's time
 *   (test/unit/core/replica/replica.cost.test.ts).
 * - A record that settles the first commit on its stream as expected costs no decision (same test).
 */
import { isSameAuthor } from "../history/author.ts";
import { type Commit, lowestSeen } from "../history/commit.ts";
import { commitNeeds } from "../decide/commit-needs.ts";
import type { Defect, PreparedCommand } from "../decide/decide-command.ts";
import type { DomainDefinition } from "../domain/definition.ts";
import type { DomainEvent } from "../domain/event.ts";
import { foldRows, type FoldStep } from "../fold/fold.ts";
import { sameJson } from "../values/json.ts";
import { type Decided, reconcileCommit, type StreamWindow } from "../decide/reconcile-commit.ts";
import type { CommitRecord, RecordEvent } from "../history/record.ts";
import type { ConfirmedRows, OverlayRows } from "../fold/rows.ts";
import type { StreamName } from "../values/ids.ts";

/** The outcome that the device expects for a pending commit: its events, or the defect that would reject it. */
export type Forecast =
  { readonly events: readonly RecordEvent[] } | { readonly commandIndex: number; readonly defect: Defect };

export type PendingCommit = { readonly commit: Commit; readonly forecast: Forecast };

/** A pending commit, with the facts that decide whether it must be reconciled again. */
type Slot = {
  readonly commit: Commit;
  /** All streams that it writes, reads or names. They follow from its commands and never change. */
  readonly streams: ReadonlySet<string>;
  /** The lowest version that it has seen of each stream that it names. */
  readonly seen: ReadonlyMap<string, number>;
  /** Decided with the receiver's clock. */
  readonly isTimed: boolean;
  /** The public part of the slot. */
  pending: PendingCommit;
  /** Its events, folded into their streams. */
  steps: readonly FoldStep[];
};

export class PendingCommits {
  readonly #domain: DomainDefinition;
  readonly #confirmed: ConfirmedRows;
  readonly #overlay: OverlayRows;
  readonly #since: (stream: StreamName) => readonly DomainEvent[];
  /** By commit id, in the order in which they were made. */
  readonly #slots = new Map<string, Slot>();
  readonly #ofStream = new Map<string, Set<Slot>>();
  /** Streams whose state has changed since commits were reconciled on them. */
  readonly #changed = new Set<string>();
  #hasOtherRows = false;
  #list: PendingCommit[] = [];
  #doubtful: PendingCommit[] = [];

  constructor(
    domain: DomainDefinition,
    confirmed: ConfirmedRows,
    overlay: OverlayRows,
    since: (stream: StreamName) => readonly DomainEvent[],
  ) {
    this.#domain = domain;
    this.#confirmed = confirmed;
    this.#overlay = overlay;
    this.#since = since;
  }

  /** All pending commits, in the order in which they were made. */
  get list(): readonly PendingCommit[] {
    return this.#list;
  }

  /** The pending commits that would be rejected. Kept as a list, because searching a long queue for them is slow. */
  get doubtful(): readonly PendingCommit[] {
    return this.#doubtful;
  }

  /** The lowest version of a stream that a pending commit has seen. Null if no pending commit names the stream. */
  lowestSeen(stream: StreamName): number | null {
    let lowest: number | null = null;
    for (const { seen } of this.#ofStream.get(stream) ?? []) {
      const at = seen.get(stream);
      if (at !== undefined) lowest = Math.min(at, lowest ?? at);
    }
    return lowest;
  }

  /** @param decided the commit's outcome on the current overlay, if it is known. Otherwise it is decided here. */
  add(commit: Commit, now: number, decided: Decided | null = null): PendingCommit {
    // A commit that was proposed here names all streams that its commands read. The receiver's time does not matter.
    const needs = decided ? null : commitNeeds(this.#domain, commit);
    const seen = needs?.seen ?? lowestSeen(commit);
    const slot: Slot = {
      commit,
      streams: needs?.streams ?? new Set(seen.keys()),
      seen,
      isTimed: needs?.isTimed ?? false,
      pending: { commit, forecast: { events: [] } },
      steps: [],
    };
    this.#slots.set(commit.id, slot);
    for (const stream of slot.streams) this.#ofStream.set(stream, (this.#ofStream.get(stream) ?? new Set()).add(slot));
    if (decided) this.#expect(slot, decided);
    else this.#reconcile(slot, now, needs?.prepared);
    for (const step of slot.steps) foldRows(this.#domain, this.#overlay, step);
    this.#list.push(slot.pending);
    if ("defect" in slot.pending.forecast) this.#doubtful.push(slot.pending);
    return slot.pending;
  }

  /** Must be called before a confirmed row is written. */
  confirmedRowChanges(projection: string, key: string): void {
    if (this.#overlay.hasRead(projection, key)) this.#hasOtherRows = true;
  }

  /** Notes a record that was just folded into the confirmed rows. Returns the pending commit that it settles. */
  confirmRecord(record: CommitRecord): Commit | null {
    if (this.#slots.size === 0) return null;
    const slot = this.#slots.get(record.commit);
    const settled = slot && endsCommit(record, slot.commit) ? slot : null;
    const written = new Set(record.events.map(({ stream }) => stream));
    for (const { event } of settled?.steps ?? []) written.add(event.stream);
    for (const stream of written)
      if (this.#ofStream.has(stream) && !(settled && this.#isAsExpected(settled, record, stream)))
        this.#changed.add(stream);
    if (settled) this.#drop(settled);
    return settled?.commit ?? null;
  }

  /** Removes commits that have no record or were withdrawn. Returns the removed commits that were pending. */
  remove(ids: ReadonlySet<string>): readonly Commit[] {
    const removed = [...ids].flatMap((id) => this.#slots.get(id) ?? []);
    for (const slot of removed) {
      for (const { event } of slot.steps) this.#changed.add(event.stream);
      this.#drop(slot);
    }
    return removed.map(({ commit }) => commit);
  }

  /** Reconciles and folds again everything that may have changed since the last call. */
  rebase(now: number): void {
    const { again, streams } = this.#affected();
    for (const stream of streams) this.#overlay.dropStream(stream);
    if (again.size > 0) {
      for (const slot of this.#slots.values()) {
        if (!again.has(slot)) continue;
        const before = slot.steps.length;
        this.#reconcile(slot, now);
        if (before > 0 || slot.steps.length > 0) this.#hasOtherRows = true;
      }
    }
    if (this.#hasOtherRows) {
      this.#overlay.dropRows();
      for (const slot of this.#slots.values())
        for (const step of slot.steps) foldRows(this.#domain, this.#overlay, step);
    }
    this.#changed.clear();
    this.#hasOtherRows = false;
    if (again.size === 0 && this.#list.length === this.#slots.size) return;
    this.#list = Array.from(this.#slots.values(), ({ pending }) => pending);
    this.#doubtful = this.#list.filter(({ forecast }) => "defect" in forecast);
  }

  /** The commits that may come out differently, and all their streams. */
  #affected(): { readonly again: ReadonlySet<Slot>; readonly streams: ReadonlySet<string> } {
    const streams = new Set(this.#changed);
    const again = new Set<Slot>();
    const include = (slot: Slot) => {
      again.add(slot);
      // The loop below also visits streams that are added while it runs.
      for (const stream of slot.streams) streams.add(stream);
    };
    for (const slot of this.#slots.values()) if (slot.isTimed) include(slot);
    for (const stream of streams)
      for (const slot of this.#ofStream.get(stream) ?? []) if (!again.has(slot)) include(slot);
    return { again, streams };
  }

  /** True if the confirmed stream equals the state that the settled commit was expected to leave for later commits. */
  #isAsExpected(settled: Slot, record: CommitRecord, stream: StreamName): boolean {
    const slots = this.#ofStream.get(stream) ?? new Set();
    const [first] = slots;
    const last = settled.steps.findLast(({ event }) => event.stream === stream);
    if (first !== settled || !last) return false;
    const { version, state, unreadable } = this.#confirmed.stream(stream);
    if (unreadable || version !== last.event.version || !sameJson(state, last.after)) return false;
    // For a commit of another author the record is a foreign event, so it must be reconciled again.
    for (const { commit } of slots) if (!isSameAuthor(commit, record)) return false;
    return true;
  }

  #drop(slot: Slot): void {
    this.#slots.delete(slot.commit.id);
    if (slot.steps.length > 0) this.#hasOtherRows = true;
    for (const stream of slot.streams) {
      const slots = this.#ofStream.get(stream);
      slots?.delete(slot);
      if (slots?.size !== 0) continue;
      // No pending commit needs the stream any more, so its confirmed state is its optimistic state.
      this.#ofStream.delete(stream);
      this.#overlay.dropStream(stream);
    }
  }

  #reconcile(slot: Slot, now: number, prepared?: readonly PreparedCommand[]): void {
    const window = (stream: StreamName): StreamWindow => ({
      current: this.#overlay.stream(stream),
      from: 0,
      since: this.#since(stream),
      authored: null,
    });
    const outcome = reconcileCommit(this.#domain, slot.commit, {
      mode: "device",
      now,
      window,
      ...(prepared && { prepared }),
    });
    if (outcome.kind === "rejected") {
      slot.pending = { commit: slot.commit, forecast: { commandIndex: outcome.commandIndex, defect: outcome.defect } };
      slot.steps = [];
      return;
    }
    this.#expect(slot, outcome);
  }

  #expect(slot: Slot, { events, steps }: Decided): void {
    slot.pending = { commit: slot.commit, forecast: { events } };
    slot.steps = steps;
    for (const { event, after } of steps)
      this.#overlay.setStream(event.stream, { version: event.version, state: after, unreadable: null });
  }
}

/** True if a record settles a commit. It must be of the same actor, because another actor may send the same id. */
export function endsCommit(record: CommitRecord, commit: Commit): boolean {
  return record.commit === commit.id && record.actor === commit.actor;
}

/**
 * Pending commits, reconciled and folded in their order over what is confirmed.
 *
 * Place: the replica folds records into the confirmed rows and tells of them here; a reader sees the overlay.
 * Holds: after `rebase`, forecasts and rows are those that reconciling every commit again would give. What is reconciled
 * again is only what may come out otherwise: commits on a stream that changed below them, those that share a stream
 * with such, and those that ask for the time. A record that ends the first commit on its stream just as expected, or
 * that touches what nobody waits on, costs no decision.
 */
import { type Commit, lowestSeen } from "../history/commit.ts";
import { type Defect, prepareCommand } from "../decide/decide-command.ts";
import type { DomainDefinition } from "../domain/definition.ts";
import type { DomainEvent } from "../domain/event.ts";
import { foldRows, type FoldStep } from "../fold/fold.ts";
import { sameJson } from "../values/json.ts";
import { type Decided, reconcileCommit, type StreamWindow } from "../decide/reconcile-commit.ts";
import type { CommitRecord, RecordEvent } from "../history/record.ts";
import type { ConfirmedRows, OverlayRows } from "../fold/rows.ts";

/** What the device expects of a pending commit: events, or what would reject it. */
export type Forecast =
  { readonly events: readonly RecordEvent[] } | { readonly command: number; readonly defect: Defect };

export type PendingCommit = { readonly commit: Commit; readonly forecast: Forecast };

/** A pending commit, and what must be known to tell whether it comes out otherwise. */
type Slot = {
  readonly commit: Commit;
  /** All streams that it writes, reads or names. Fixed, as they follow from its commands. */
  readonly streams: ReadonlySet<string>;
  /** The lowest version that it has seen of each stream that it names. */
  readonly seen: ReadonlyMap<string, number>;
  /** Decided with the receiver's clock. */
  readonly isTimed: boolean;
  /** What a reader sees of it. */
  pending: PendingCommit;
  /** Its events, folded into their streams. */
  steps: readonly FoldStep[];
};

export class PendingCommits {
  readonly #domain: DomainDefinition;
  readonly #confirmed: ConfirmedRows;
  readonly #overlay: OverlayRows;
  readonly #since: (stream: string) => readonly DomainEvent[];
  /** By commit id, in the order in which they were made. */
  readonly #slots = new Map<string, Slot>();
  readonly #ofStream = new Map<string, Set<Slot>>();
  /** Streams that stand otherwise now than they did when commits were reconciled on them. */
  readonly #changed = new Set<string>();
  #hasOtherRows = false;
  #list: PendingCommit[] = [];
  #doubtful: PendingCommit[] = [];

  constructor(
    domain: DomainDefinition,
    confirmed: ConfirmedRows,
    overlay: OverlayRows,
    since: (stream: string) => readonly DomainEvent[],
  ) {
    this.#domain = domain;
    this.#confirmed = confirmed;
    this.#overlay = overlay;
    this.#since = since;
  }

  /** All that is pending, in the order in which it was made. */
  get list(): readonly PendingCommit[] {
    return this.#list;
  }

  /** Those of them that would be rejected; kept, so that nobody looks through a long queue for them. */
  get doubtful(): readonly PendingCommit[] {
    return this.#doubtful;
  }

  /** The lowest version of a stream that those who name it have seen; null where nobody does. */
  lowestSeen(stream: string): number | null {
    let lowest: number | null = null;
    for (const { seen } of this.#ofStream.get(stream) ?? []) {
      const at = seen.get(stream);
      if (at !== undefined) lowest = Math.min(at, lowest ?? at);
    }
    return lowest;
  }

  /** @param decided what came of it on this very view, where that is known */
  add(commit: Commit, now: number, decided: Decided | null = null): PendingCommit {
    const slot: Slot = {
      commit,
      ...(decided ? namedBy(commit) : this.#needsOf(commit)),
      pending: { commit, forecast: { events: [] } },
      steps: [],
    };
    this.#slots.set(commit.id, slot);
    for (const stream of slot.streams) this.#ofStream.set(stream, (this.#ofStream.get(stream) ?? new Set()).add(slot));
    if (decided) this.#take(slot, decided);
    else this.#reconcile(slot, now);
    for (const step of slot.steps) foldRows(this.#domain, this.#overlay, step);
    this.#list.push(slot.pending);
    if ("defect" in slot.pending.forecast) this.#doubtful.push(slot.pending);
    return slot.pending;
  }

  /** To be told before a confirmed row is written. */
  confirmedRowChanges(projection: string, key: string): void {
    if (this.#overlay.hasRead(projection, key)) this.#hasOtherRows = true;
  }

  /** Takes a record that was just folded into the confirmed rows; gives the commit that it ends. */
  take(record: CommitRecord): Commit | null {
    if (this.#slots.size === 0) return null;
    const slot = this.#slots.get(record.commit);
    const ended = slot && endsCommit(record, slot.commit) ? slot : null;
    const written = new Set(record.events.map(({ stream }) => stream));
    for (const { event } of ended?.steps ?? []) written.add(event.stream);
    for (const stream of written)
      if (this.#ofStream.has(stream) && !(ended && this.#goesOn(ended, record, stream))) this.#changed.add(stream);
    if (ended) this.#drop(ended);
    return ended?.commit ?? null;
  }

  /** Ends commits that gave no record, or that a person withdrew; gives those that were there. */
  remove(ids: ReadonlySet<string>): readonly Commit[] {
    const ended = [...ids].flatMap((id) => this.#slots.get(id) ?? []);
    for (const slot of ended) {
      for (const { event } of slot.steps) this.#changed.add(event.stream);
      this.#drop(slot);
    }
    return ended.map(({ commit }) => commit);
  }

  /** Makes forecasts and rows right again. */
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

  /** Commits that may come out otherwise, and all streams that they have to do with. */
  #affected(): { readonly again: ReadonlySet<Slot>; readonly streams: ReadonlySet<string> } {
    const streams = new Set(this.#changed);
    const again = new Set<Slot>();
    const include = (slot: Slot) => {
      again.add(slot);
      // A set that grows while it is walked through is walked through to its end.
      for (const stream of slot.streams) streams.add(stream);
    };
    for (const slot of this.#slots.values()) if (slot.isTimed) include(slot);
    for (const stream of streams)
      for (const slot of this.#ofStream.get(stream) ?? []) if (!again.has(slot)) include(slot);
    return { again, streams };
  }

  /** True where a stream now stands, confirmed, just as the ended commit was expected to leave it for those after it. */
  #goesOn(ended: Slot, record: CommitRecord, stream: string): boolean {
    const slots = this.#ofStream.get(stream) ?? new Set();
    const [first] = slots;
    const last = ended.steps.findLast(({ event }) => event.stream === stream);
    if (first !== ended || !last) return false;
    const { version, state, unreadable } = this.#confirmed.stream(stream);
    if (unreadable || version !== last.event.version || !sameJson(state, last.after)) return false;
    // To someone else's commit the record is what came first.
    for (const { commit } of slots) if (commit.client !== record.client || commit.actor !== record.actor) return false;
    return true;
  }

  #drop(slot: Slot): void {
    this.#slots.delete(slot.commit.id);
    if (slot.steps.length > 0) this.#hasOtherRows = true;
    for (const stream of slot.streams) {
      const slots = this.#ofStream.get(stream);
      slots?.delete(slot);
      if (slots?.size !== 0) continue;
      // Nobody waits on it any more: it stands as it is confirmed.
      this.#ofStream.delete(stream);
      this.#overlay.dropStream(stream);
    }
  }

  #reconcile(slot: Slot, now: number): void {
    const window = (stream: string): StreamWindow => ({
      current: this.#overlay.stream(stream),
      from: 0,
      since: this.#since(stream),
      authored: null,
    });
    const outcome = reconcileCommit(this.#domain, slot.commit, { mode: "device", now, window });
    if (outcome.kind === "rejected") {
      slot.pending = { commit: slot.commit, forecast: { command: outcome.command, defect: outcome.defect } };
      slot.steps = [];
      return;
    }
    this.#take(slot, outcome);
  }

  #take(slot: Slot, { events, steps }: Decided): void {
    slot.pending = { commit: slot.commit, forecast: { events } };
    slot.steps = steps;
    for (const { event, after } of steps)
      this.#overlay.setStream(event.stream, { version: event.version, state: after, unreadable: null });
  }

  #needsOf(commit: Commit): Pick<Slot, "streams" | "seen" | "isTimed"> {
    const seen = lowestSeen(commit);
    const streams = new Set(seen.keys());
    let isTimed = false;
    for (const command of commit.commands) {
      const prepared = prepareCommand(this.#domain, command);
      if ("defect" in prepared) continue;
      isTimed ||= prepared.ready.definition.time === "server";
      for (const stream of Object.values(prepared.ready.reads)) streams.add(stream);
    }
    return { streams, seen, isTimed };
  }
}

/** What a commit needs that was proposed here: then it names all that its commands read, and the receiver's clock has no say. */
function namedBy(commit: Commit): Pick<Slot, "streams" | "seen" | "isTimed"> {
  const seen = lowestSeen(commit);
  return { streams: new Set(seen.keys()), seen, isTimed: false };
}

/** A record ends only a commit of its own actor: ids are unique in a log, whoever sends them. */
export function endsCommit(record: CommitRecord, commit: Commit): boolean {
  return record.commit === commit.id && record.actor === commit.actor;
}

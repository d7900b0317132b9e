/**
 * The journal of all that the server acknowledged, kept by the writers and compared with the log at the end.
 *
 * Guarantees:
 * - Lost: something acknowledged that the log does not contain, or does not contain any more.
 * - Doubled: something that the log contains twice, or that no writer was answered.
 */
import type { WireOutcome, WireRecord } from "../support/http-writer.ts";

export class Journal {
  readonly #outcomes = new Map<string, WireOutcome>();
  /** The mark at each record's first position, as an answer showed it. */
  readonly #shown = new Map<number, string>();
  readonly #lost: string[] = [];

  get acknowledged(): number {
    return this.#outcomes.size;
  }

  /** Notes the outcome of a commit. A second outcome must be the same. */
  take(outcome: WireOutcome): void {
    const before = this.#outcomes.get(outcome.id);
    if (!before) this.#outcomes.set(outcome.id, outcome);
    else if (JSON.stringify(before) !== JSON.stringify(outcome))
      this.miss(`was answered ${JSON.stringify(before)}, then ${JSON.stringify(outcome)}`);
  }

  /** Notes the records of an answer, because a record that was shown may not vanish. */
  show(records: readonly WireRecord[]): void {
    for (const { position, mark } of records) {
      const before = this.#shown.get(position);
      if (before === undefined) this.#shown.set(position, mark);
      else if (before !== mark) this.miss(`position ${position} was shown under mark ${before}, then ${mark}`);
    }
  }

  /** Notes something acknowledged that is missing at once, such as a cursor that the server returned. */
  miss(what: string): void {
    this.#lost.push(what);
  }

  compare(log: readonly WireRecord[]): { readonly lost: readonly string[]; readonly doubled: readonly string[] } {
    const lost = [...this.#lost];
    const doubled: string[] = [];
    const ofCommit = new Map<string, WireRecord>();
    const atPosition = new Map<number, WireRecord>();
    const streams = new Map<string, number>();
    let next = 1;
    for (const record of log) {
      const { commit, position, events } = record;
      if (position !== next) lost.push(`position ${next}: the log goes on at ${position}`);
      next = position + events.length;
      if (ofCommit.has(commit)) doubled.push(`commit ${commit} stands in the log twice`);
      if (!this.#outcomes.has(commit))
        doubled.push(`commit ${commit} stands in the log, and its author knows nothing of it`);
      ofCommit.set(commit, record);
      atPosition.set(position, record);
      for (const { stream, version } of events) {
        if (version !== (streams.get(stream) ?? 0) + 1)
          doubled.push(`${stream} has version ${version} after ${streams.get(stream) ?? 0}`);
        streams.set(stream, version);
      }
    }
    for (const [id, { outcome, at }] of this.#outcomes) {
      const record = ofCommit.get(id);
      const end = record && `${record.position + record.events.length - 1}-${record.mark}`;
      if (outcome === "recorded" && end !== at)
        lost.push(`commit ${id} was acknowledged at ${at}, the log has it at ${end ?? "no position"}`);
      if (outcome !== "recorded" && record)
        doubled.push(`commit ${id} was answered "${outcome}", and stands in the log`);
    }
    for (const [position, mark] of this.#shown) {
      if (atPosition.get(position)?.mark !== mark)
        lost.push(`position ${position} was shown under mark ${mark}, and is not there`);
    }
    return { lost, doubled };
  }
}

/** A server that records what devices expect, for tests of the engine without network and timers. */
import type { CommitRecord } from "../../../src/core/history/record.ts";
import { cursorOf, lastPosition, positionOf, sameCursor } from "../../../src/core/history/record.ts";
import type { Outcome } from "../../../src/core/wire/messages.ts";
import type { Engine } from "../../../src/client/engine/engine.ts";
import type { CommitId } from "../../../src/core/values/ids.ts";
import type { ServerAnswer } from "../../../src/client/engine/plan-confirmation.ts";

export class RecordingServer {
  records: CommitRecord[] = [];
  /** When it receives a commit, in milliseconds since the epoch. */
  now = 1_000_000;

  /**
   * Brings a device up to date, decides what waits there, and returns the answer that settles it.
   *
   * @param sent the commits that it receives. @default all
   */
  async decide(engine: Engine, sent: (commitId: CommitId) => boolean = () => true): Promise<ServerAnswer> {
    await this.pull(engine);
    const received = engine.pending.filter(({ commit }) => sent(commit.id));
    const outcomes = received.map(({ commit }): Outcome => {
      const forecast = engine.replica.pending.find((one) => one.commit.id === commit.id)?.forecast;
      if (forecast && "defect" in forecast) {
        const { code, message } = forecast.defect;
        return { id: commit.id, outcome: "rejected", command: forecast.commandIndex, code, message };
      }
      const events = forecast?.events ?? [];
      if (events.length === 0) return { id: commit.id, outcome: "empty" };
      const { id, client, actor, time, meta } = commit;
      const last = this.records.at(-1);
      const position = (last ? lastPosition(last) : 0) + 1;
      this.now += 10;
      const record = { commit: id, client, actor, time, received: this.now, meta, events };
      this.records.push({ position, mark: `m${position}_${id.slice(-6)}`, ...record });
      return { id, outcome: "recorded", at: { position, mark: `m${position}` } };
    });
    return this.page(engine, outcomes);
  }

  /** Settles all that waits on a device. */
  async sync(engine: Engine): Promise<void> {
    await engine.confirm(await this.decide(engine), engine.head.generation);
  }

  async pull(engine: Engine): Promise<void> {
    await engine.confirm(this.page(engine, []), engine.head.generation);
  }

  /** All records behind the device's cursor, with outcomes. */
  page({ replica }: Engine, outcomes: readonly Outcome[]): ServerAnswer {
    const after = replica.cursor;
    const records = this.records.filter((record) => record.position > positionOf(after));
    const last = this.records.at(-1);
    const page = { after, records, cursor: last ? cursorOf(last) : null, head: last ? lastPosition(last) : 0 };
    return { page: { ...page, more: false }, text: JSON.stringify({ records }), outcomes };
  }

  has({ replica }: Engine): boolean {
    return replica.cursor === null || this.records.some((record) => sameCursor(cursorOf(record), replica.cursor));
  }
}

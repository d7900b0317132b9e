/** The plain model of the shop's process manager: what its rows and its answers must be, from the events alone. */
import type { DomainEvent } from "../../src/index.ts";
import type { EventStore } from "../../src/sync-server/stores/event-store.ts";
import { eventsOf as readEvents } from "../../src/core/history/record.ts";
import type { CommitRecord } from "../../src/core/history/record.ts";
import { shop } from "./orders-domain.ts";

/** An event of the log, with the time at which the server received it. */
export type Received = DomainEvent & { readonly received: number };

type Row = { readonly status: string; readonly notes: number } | null;

const OWN = "~fulfilment";

/** All events of a log, in order. */
export async function receivedEvents(store: EventStore, log: string): Promise<readonly Received[]> {
  const events: Received[] = [];
  for (let after = null; ;) {
    const page = await store.read(log, after, { events: 10_000, bytes: 64 * 1024 * 1024 });
    if (page.kind !== "page" || page.records.length === 0) return events;
    for (const { text, cursor } of page.records) {
      const record = JSON.parse(text) as CommitRecord;
      for (const n of record.events.keys())
        for (const event of readEvents(shop.definition, record, n))
          events.push({ ...event, received: record.received });
      after = cursor;
    }
  }
}

/** The rows and the answers that the events alone lead to. */
function modelOf(events: readonly Received[]): { rows: Map<string, Row>; answers: Map<string, string[]> } {
  const rows = new Map<string, Row>();
  const answers = new Map<string, string[]>();
  for (const { type, stream, data, actor } of events) {
    const key = `order/${stream.split("/")[1] ?? ""}`;
    const row = rows.get(key) ?? null;
    if (type === "OrderPlaced") rows.set(key, { status: "waiting", notes: 0 });
    if (type === "PaymentTaken" && row) rows.set(key, { ...row, status: "paid" });
    if (type === "OrderCancelled") rows.set(key, null);
    if (type !== "OrderNoted" || !row) continue;
    rows.set(key, { ...row, notes: row.notes + 1 });
    if (actor !== OWN) answers.set(key, [...(answers.get(key) ?? []), `answer to ${textOf(data)}`]);
  }
  return { rows, answers };
}

/** The problems of a log whose process manager has nothing left to do, and of its stored rows. */
export function problemsOf(
  events: readonly Received[],
  stored: ReadonlyMap<string, unknown>,
  { lateMs, isDropSure }: { readonly lateMs: number; readonly isDropSure: boolean },
): readonly string[] {
  const { rows, answers } = modelOf(events);
  const problems: string[] = [];
  const require = (isRight: boolean, problem: string): void => void (isRight || problems.push(problem));
  const keys = new Set([...rows.keys(), ...stored.keys()]);
  for (const key of keys) {
    const [expected, found] = [JSON.stringify(rows.get(key) ?? null), JSON.stringify(stored.get(key) ?? null)];
    require(expected === found, `the row of ${key} is ${found} and not ${expected}`);
  }
  const byStream = Map.groupBy(events, ({ stream }) => stream);
  for (const [stream, ofOrder] of byStream) {
    const placed = ofOrder.find(({ type }) => type === "OrderPlaced");
    if (!placed) continue;
    const own = ofOrder.filter(({ actor }) => actor === OWN);
    const given = own.flatMap(({ type, data }) => (type === "OrderNoted" ? [textOf(data)] : []));
    const expected = answers.get(stream) ?? [];
    require(given.join() === expected.join(), `${stream} has the answers ${given.join()} and not ${expected.join()}`);
    const ofPayment = byStream.get(`payment/${stream.split("/")[1] ?? ""}`) ?? [];
    const paid = ofOrder.filter(({ type }) => type === "OrderPaid");
    const cancelled = ofOrder.filter(({ type }) => type === "OrderCancelled");
    require(paid.length + cancelled.length === 1, `${stream} has ${paid.length + cancelled.length} ends`);
    const isRefused = (placed.data as { amount: number }).amount === 13;
    const requests = ofPayment.filter(({ type }) => type === "PaymentRequested").length;
    require(requests === (isRefused ? 0 : 1), `${stream} has ${requests} requests of its payment`);
    const reason = cancelled[0] && (cancelled[0].data as { reason: string }).reason;
    const late = (cancelled[0]?.received ?? Infinity) - placed.received;
    require(reason !== "payment-late" || late >= lateMs, `the timer of ${stream} came after ${late} ms`);
    const taken = ofPayment.find(({ type }) => type === "PaymentTaken");
    const isInTime = taken !== undefined && taken.received < placed.received + lateMs && reason !== "by hand";
    require(!isDropSure || !isInTime || paid.length === 1, `${stream} was paid in time and cancelled (${reason})`);
  }
  return problems;
}

function textOf(data: unknown): string {
  return (data as { text: string }).text;
}

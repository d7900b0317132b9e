/** Cursors and the events of records. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Cursor,
  eventsOf,
  readableEvents,
  sameCursor,
  decodeCursor,
} from "../../../../src/core/history/record.ts";
import { task, taskDomain } from "../../../support/task-domain.ts";
import { commitOn, logOf, viewOf } from "../../../support/core/scene.ts";

const cursors = fc.option(fc.record({ position: fc.integer({ min: 1, max: 3 }), mark: fc.constantFrom("a", "b") }));

test("sameCursor: is true exactly for the same position and the same mark", () => {
  const text = (cursor: Cursor | null) => JSON.stringify(cursor);
  fc.assert(
    fc.property(cursors, cursors, (left, right) => {
      expect(sameCursor(left, right)).toBe(text(left) === text(right));
    }),
  );
});

test("decodeCursor: refuses a position that a number cannot hold exactly", () => {
  expect(decodeCursor("9007199254740991-m")).toEqual({ position: Number.MAX_SAFE_INTEGER, mark: "m" });
  expect(decodeCursor("9007199254740993-m")).toBe(null);
});

test("eventsOf: each event has the position after the one before it, or none in a pending commit", () => {
  const server = logOf();
  const requests = [task.command.complete("t1"), task.command.note("t1", { text: "a" })];
  const commit = commitOn(server.domain, viewOf(server), "ann", requests);
  const events = commit.commands.flatMap(({ events: own, stream }) =>
    own.map((event, n) => ({ ...event, stream, version: n + 1 })),
  );
  const { id, client, actor, time, meta } = commit;
  const pending = { commit: id, client, actor, time, meta, events, position: null };
  const confirmed = { ...pending, position: 7, mark: "m", received: 1 };
  const positions = (record: typeof pending | typeof confirmed) =>
    [0, 1, 2].map((n) => eventsOf(taskDomain.definition, record, n)[0]?.position);
  expect(positions(confirmed)).toEqual([7, 8, undefined]);
  expect(positions(pending)).toEqual([null, null, undefined]);
});

test("eventsOf: an event has the cause of its record, and no field for it without one", () => {
  const events = [{ type: "TaskCompleted", v: 1, stream: "task/t1", version: 1, data: {} }];
  const record = { commit: "c", client: "l", actor: "ann", time: 1, meta: null, events, position: null };
  const eventOf = (cause: object) => eventsOf(taskDomain.definition, { ...record, ...cause }, 0)[0];
  expect(eventOf({})).not.toHaveProperty("causedBy");
  expect(eventOf({ causedBy: "b:0", correlation: "a" })).toMatchObject({ causedBy: "b:0", correlation: "a" });
});

test("readableEvents: returns the stored data if the app's upcast throws", () => {
  const domain = taskDomain.definition;
  const events = [{ type: "TaskAdded", v: 1, stream: "task/t1", version: 1, data: { title: "Milk" } }];
  const record = { commit: "c", client: "l", actor: "ann", time: 1, meta: null, events, position: null };
  expect(readableEvents(domain, record, 0)[0]?.data).toEqual({ title: "Milk", column: "todo" });
  const unreadable = { ...record, events: [{ ...events[0]!, data: null, v: 0 }] };
  expect(() => eventsOf(domain, unreadable, 0)).toThrow(Error);
  expect(readableEvents(domain, unreadable, 0)).toMatchObject([{ data: null, aggregate: "task" }]);
});

test("eventsOf: an event of an aggregate that the domain lacks has its name and its stored data", () => {
  const events = [{ type: "NoteAdded", v: 1, stream: "note/n1", version: 1, data: { text: "a" } }];
  const record = { commit: "c", client: "l", actor: "ann", time: 1, meta: null, events, position: null };
  expect(eventsOf(taskDomain.definition, record, 0)).toMatchObject([{ aggregate: "note", data: { text: "a" } }]);
});

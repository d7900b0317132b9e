/** A replica refuses wrong calls, and reports the events that cannot be folded. */
import { expect, test } from "vitest";
import { PARKED_MAX } from "../../../../src/core/fold/rows.ts";
import { Replica } from "../../../../src/core/replica/replica.ts";
import { BREAKS_HANDLER, task, taskDomain } from "../../../support/task-domain.ts";
import { add, commitOn, logOf, NOW, viewOf } from "../../../support/core/scene.ts";

const domain = taskDomain.definition;
const rename = (title: string) => task.command.rename("t1", { title });

test("restore: refuses a replica that already has records or pending commits", () => {
  const server = logOf();
  const pending = new Replica(domain);
  pending.add(commitOn(domain, viewOf(server), "ann", [rename("Tea")]), NOW);
  for (const replica of [viewOf(server), pending])
    expect(() => replica.restore(null, () => expect.unreachable())).toThrow("A replica with records");
});

test("restore: starts from the stored rows and their cursor", () => {
  const cursor = { position: 7, mark: "m7" };
  const replica = new Replica(domain);
  replica.restore(cursor, (confirmed) => confirmed.setRow("totals", "all", { added: 3, columns: 0 }));
  expect([replica.cursor, replica.entry("totals", "all")?.row]).toEqual([cursor, { added: 3, columns: 0 }]);
});

test("apply: refuses a page with a gap whole, and shows none of its records", () => {
  const { records } = logOf();
  const [one, two, three] = records;
  if (!one || !two || !three) throw new Error("The log is too short");
  const replica = new Replica(domain);
  for (const page of [[two], [one, three], [one, one]]) {
    expect(() => replica.apply(page, NOW)).toThrow("A record does not follow the replica's cursor");
    expect([replica.cursor, replica.entries("totals")]).toEqual([null, []]);
  }
  replica.apply([one], NOW);
  expect(() => replica.apply([one], NOW)).toThrow("A record does not follow the replica's cursor");
  expect(replica.cursor?.position).toBe(1);
});

test("parked: counts confirmed and pending events that no projection could handle", () => {
  const server = logOf();
  add(server, "bob", rename(`one ${BREAKS_HANDLER}`));
  const device = viewOf(server);
  const commit = commitOn(domain, device, "ann", [rename(`two ${BREAKS_HANDLER}`)]);
  device.add(commit, NOW);
  expect(device.parked.count).toBe(2);
  expect(device.parked.events).toHaveLength(2);
  device.remove(new Set([commit.id]), NOW);
  expect(device.parked.count).toBe(1);
});

test("parked: lists a limited number of events, and counts all of them", () => {
  const server = logOf();
  const device = viewOf(server);
  for (let n = 0; n < PARKED_MAX; n++) add(server, "bob", rename(`${BREAKS_HANDLER} ${n}`));
  device.apply(server.records.slice(4), NOW);
  device.add(commitOn(domain, device, "ann", [rename(`mine ${BREAKS_HANDLER}`)]), NOW);
  expect(device.parked.count).toBe(PARKED_MAX + 1);
  expect(device.parked.events).toHaveLength(PARKED_MAX);
});

// The routes of a base: its form, who may read it, and what a device gets where there is none.
import { expect, test } from "vitest";
import { encodeCursor } from "../../../../src/core/history/record.ts";
import { textHash } from "../../../../src/core/fold/packed-tables.ts";
import { task } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { readBase } from "../../../support/read-base.ts";
import { person, testServer } from "../../../support/sync-requests.ts";

const add = (id: string) => task.command.add(id, { title: id, column: "todo" });

test("GET base: the header names the cursor, the tables and the pages, whose hashes are right", async () => {
  const server = testServer({ base: { everyEvents: 3 } });
  const ada = person(server, "ada");
  expect(await readBase(ada)).toBeNull();
  await ada.push(["t1", "t2", "t3"].map((id) => ada.commit(add(id))));
  await until(async () => (await readBase(ada)) !== null, "a base");
  const base = await readBase(ada);
  const { cursor } = await ada.pull();
  expect(base?.header.cursor).toEqual(cursor);
  expect(base?.header.tables).toEqual(["$streams<column@1,task@1", "board@1<task@1", "column-counts@1<task@1"]);
  for (const [n, { bytes, hash }] of (base?.header.pages ?? []).entries()) {
    const response = await ada.request(`base/${cursor ? encodeCursor(cursor) : ""}/${n}`);
    const text = await response.text();
    expect([new TextEncoder().encode(text).byteLength, textHash(text)]).toEqual([bytes, hash]);
    expect(response.headers.get("cache-control")).toBe("private, max-age=600, immutable");
  }
  await server.close();
});

test("GET base: a cursor or a page that is gone is a 404, which no cache keeps", async () => {
  const server = testServer({ base: { everyEvents: 1 } });
  const ada = person(server, "ada");
  await ada.push([ada.commit(add("t1"))]);
  await until(async () => (await readBase(ada)) !== null, "a base");
  const { cursor } = await ada.pull();
  for (const path of ["base/9-gone/0", `base/${cursor ? encodeCursor(cursor) : ""}/99`]) {
    const response = await ada.request(path);
    expect([response.status, response.headers.get("cache-control")]).toEqual([404, "no-store"]);
  }
  expect((await ada.request("base/word/0")).status).toBe(400);
  await server.close();
});

test("P31 GET base: without the right to read, both routes are refused", async () => {
  const permit = ({ actor }: { readonly actor: string }) => actor === "ada";
  const server = testServer({ base: { everyEvents: 1 }, permit });
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  await ada.push([ada.commit(add("t1"))]);
  await until(async () => (await readBase(ada)) !== null, "a base");
  const { cursor } = await ada.pull();
  expect((await bob.request("base")).status).toBe(403);
  expect((await bob.request(`base/${cursor ? encodeCursor(cursor) : ""}/0`)).status).toBe(403);
  await server.close();
});

test("GET base: a server without the option answers 404", async () => {
  const server = testServer();
  const ada = person(server, "ada");
  await ada.push([ada.commit(add("t1"))]);
  expect((await ada.request("base")).status).toBe(404);
  await server.close();
});

test("GET base: a dropped log is gone", async () => {
  const server = testServer({ base: { everyEvents: 1 } });
  const ada = person(server, "ada");
  await ada.push([ada.commit(add("t1"))]);
  await until(async () => (await readBase(ada)) !== null, "a base");
  await server.drop("board");
  expect((await ada.request("base")).status).toBe(410);
  await server.close();
});

test("base: an option that is no whole number above 0 is refused before the server starts", () => {
  expect(() => testServer({ base: { everyEvents: 0 } })).toThrow(/base\.everyEvents/);
  expect(() => testServer({ base: { bytesMax: 1.5 } })).toThrow(/base\.bytesMax/);
});

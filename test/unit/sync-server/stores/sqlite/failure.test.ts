// Errors of SQLite in Node and in a Durable Object become the same few DacapoErrors.
import { expect, test } from "vitest";
import { StorageFullError } from "../../../../../src/core/values/errors.ts";
import { classifySqlError } from "../../../../../src/sync-server/stores/sqlite/failure.ts";

const inNode = (message: string, errcode: number) =>
  Object.assign(new Error(message), { code: "ERR_SQLITE_ERROR", errcode });

test.each([
  ["Node: a full disk", inNode("database or disk is full", 13), "storage-full", true],
  ["Node: a write that failed, by its extended code", inNode("disk I/O error", 778), "storage-lost", true],
  ["Node: a damaged file", inNode("database disk image is malformed", 11), "storage-lost", true],
  ["Node: a long lock", inNode("database is locked", 5), "storage-lost", false],
  ["Node: a broken rule of the tables", inNode("UNIQUE constraint failed: dacapo_records.log", 2067), "bug", false],
  ["Durable Object: full storage", new Error("database or disk is full: SQLITE_FULL"), "storage-full", true],
  [
    "Durable Object: storage that fails",
    new Error("disk I/O error: SQLITE_IOERR (extended: SQLITE_IOERR_WRITE)"),
    "storage-lost",
    true,
  ],
  [
    "Durable Object: a broken rule",
    new Error("UNIQUE constraint failed: a.id: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_PRIMARYKEY)"),
    "bug",
    false,
  ],
  ["a thrown value that is not an error", "out of luck", "bug", false],
])("S2 classifySqlError: %s", (_, thrown, code, final) => {
  const failure = classifySqlError(thrown, "append");
  expect(failure).toMatchObject({ final, error: { code } });
  expect(failure.error.cause).toBe(code === "bug" ? undefined : thrown);
  expect(failure.error.message).toContain("append");
  expect(failure.error.fix).not.toBe("");
});

test("S2 classifySqlError: a DacapoError stays as it is", () => {
  const error = new StorageFullError({ message: "full", fix: "make room" });
  expect(classifySqlError(error, "append")).toEqual({ error, final: false });
});

test.each([
  ["a full disk", 13],
  ["too little memory", 7],
  ["a disk that fails", 10],
])("classifySqlError: the fix for %s fits a server and a command such as `dacapo move`", (_, errcode) => {
  const { error } = classifySqlError(inNode("the disk", errcode), "append");
  expect(error.fix).toContain("Then start the server again, or run the command again.");
});

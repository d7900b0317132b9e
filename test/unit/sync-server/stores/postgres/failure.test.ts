// The errors of Postgres as an operator reads them.
import { expect, test } from "vitest";
import { classifyPostgresError } from "../../../../../src/sync-server/stores/postgres/failure.ts";
import { containing } from "../../../../support/matchers.ts";

const classified = (code: string) =>
  classifyPostgresError(Object.assign(new Error("out of it"), { code }), "append").error;

test.each([
  ["53100", "storage-full", "Free some space"],
  ["53200", "storage-lost", "max_locks_per_transaction"],
  ["54000", "storage-full", "Free some space"],
  ["25006", "storage-lost", "the primary server"],
])("postgres: the code %s is %s, and its fix names what helps", (code, name, fix) => {
  expect(classified(code)).toMatchObject({ code: name, fix: containing(fix) });
});

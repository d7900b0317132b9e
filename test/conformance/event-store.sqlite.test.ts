// The SQLite store follows the rules of its port: as it is, reopened before each call, and over two connections in
// turn.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { sqlite } from "dacapo/sqlite";
import { eventStoreConformance, inTurn, modelStoreConformance, reopenedEachCall } from "dacapo/testing";
import { afterAll, describe, it } from "vitest";

const folder = mkdtempSync(`${tmpdir()}/dacapo-`);
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const at = (open: (file: string) => ReturnType<typeof sqlite>) => () => open(`${folder}/${++files}.db`);
for (const conformance of [eventStoreConformance, modelStoreConformance]) {
  conformance("sqlite()", at(sqlite), { describe, it });
  conformance(
    "sqlite() opened before each call",
    at((file) => reopenedEachCall(() => sqlite(file))),
    { describe, it },
  );
  conformance(
    "sqlite() over two connections",
    at((file) => inTurn([sqlite(file), sqlite(file)])),
    { describe, it },
  );
}

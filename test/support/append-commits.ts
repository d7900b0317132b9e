// A process that appends to a SQLite store and prints each acknowledged commit on one line.
// Arguments: the file, the number of the first commit, the number of appends, and the records in each append.
// It opens the file, prints "open", and begins when its input ends.
import { once } from "node:events";
import { sqlite } from "../../src/sync-server/stores/sqlite.ts";
import { batch, commitId, recordsAfter } from "../../src/testing/event-store/samples.ts";

const [path = "", ...numbers] = process.argv.slice(2);
const [first = 0, appends = 0, recordsEach = 1] = numbers.map(Number);
const store = sqlite(path);
// Processes that begin together have all read this head, so only one of their first appends can succeed.
let head = await store.head("log");
console.log("open");
await once(process.stdin.resume(), "end");
for (let n = 0; n < appends; n++) await appendUntilWritten(first + n * recordsEach);
await store.close();

async function appendUntilWritten(commit: number): Promise<void> {
  const samples = Array.from({ length: recordsEach }, (_, k) => ({ commit: commit + k }));
  for (;;) {
    const expected = head.kind === "open" ? head.cursor : null;
    // Wait as if deciding, so that another process may append first.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 2));
    const { kind } = await store.append("log", batch(expected, { records: recordsAfter(expected, samples) }));
    head = await store.head("log");
    if (kind === "ok") break;
    console.log(kind);
  }
  for (const sample of samples) console.log(commitId(sample.commit));
}

// A process of its own that appends to a SQLite store and tells each acknowledged commit on a line of its own.
// Arguments: the file, the number of the first commit, how many appends, records in each. It opens the file, tells "open", and
// begins when its input ends.
import { once } from "node:events";
import { sqlite } from "../../src/sync-server/stores/sqlite.ts";
import { batch, commitId, recordsAfter } from "../../src/testing/event-store/samples.ts";

const [path = "", ...numbers] = process.argv.slice(2);
const [first = 0, appends = 0, recordsEach = 1] = numbers.map(Number);
const store = sqlite(path);
// Of processes that begin together only one can append to what they read here, however one of them is kept waiting.
let head = await store.head("log");
console.log("open");
await once(process.stdin.resume(), "end");
for (let n = 0; n < appends; n++) await appendUntilTaken(first + n * recordsEach);
await store.close();

async function appendUntilTaken(commit: number): Promise<void> {
  const samples = Array.from({ length: recordsEach }, (_, k) => ({ commit: commit + k }));
  for (;;) {
    const expected = head.kind === "open" ? head.cursor : null;
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 2)); // time to decide, in which another may be first
    const { kind } = await store.append("log", batch(expected, { records: recordsAfter(expected, samples) }));
    head = await store.head("log");
    if (kind === "ok") break;
    console.log(kind);
  }
  for (const sample of samples) console.log(commitId(sample.commit));
}

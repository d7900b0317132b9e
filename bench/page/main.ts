// The page's half of the workloads: what the programs in bench/ call from outside.
import { runCommit } from "./commit.ts";

const workloads = { runCommit };

declare global {
  var bench: typeof workloads;
}
globalThis.bench = workloads;

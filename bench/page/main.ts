// The page's half of the workloads: functions that the programs in bench/ call.
import { runCommit } from "./commit.ts";
import { decideOffline, runJoin } from "./join.ts";
import { runPull } from "./pull.ts";
import { runPullParts } from "./pull-parts.ts";

const workloads = { decideOffline, runCommit, runJoin, runPull, runPullParts };

declare global {
  var bench: typeof workloads;
}
globalThis.bench = workloads;

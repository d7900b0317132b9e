/** `dacapo verify [LOG…]`: checks the stored logs, and folds them with the domain. */
import { verifyLog } from "../../sync-server/archive/verify-log.ts";
import {
  command,
  logNames,
  type MakeCommand,
  requireLog,
  storeOption,
  type StoreOptions,
  withStore,
} from "../base/command.ts";
import { EXIT, Exit } from "../base/exit-codes.ts";
import { loadDomain } from "../base/load-module.ts";
import { count, printable } from "../base/output.ts";
import { Progress } from "../base/progress.ts";

type VerifyOptions = StoreOptions & { readonly domain?: string };

export const verify: MakeCommand = ({ signal }) =>
  command(
    "verify",
    "Check positions, marks, versions, commit ids and outcomes. With a domain, fold every event too.",
    "dacapo verify team-7 --store sqlite:logs.db --domain ./domain.ts",
  )
    .argument("[logs...]", "the logs (default: all logs)")
    .addOption(storeOption())
    .option("--domain <file>", "the module that exports the domain, in TypeScript or JavaScript")
    .action((names: readonly string[], options: VerifyOptions) =>
      withStore(options, async (store, output) => {
        const domain = options.domain === undefined ? null : await loadDomain(options.domain);
        for (const log of names) await requireLog(store, log);
        let isSound = true;
        for (const log of names.length > 0 ? names : await logNames(store)) {
          const progress = new Progress(output);
          const report = await verifyLog(store, log, domain, (position, head) => {
            signal.throwIfAborted();
            progress.report(`events of ${log}`, position, head, { log });
          });
          progress.clear();
          const { events, streams, outcomes, problems, problemCount, parked, parkedCount } = report;
          const isLogSound = problemCount === 0 && parkedCount === 0;
          const verdict = isLogSound ? "is sound" : `has ${count(problemCount + parkedCount, "problem")}`;
          const size = [count(events, "event"), count(streams, "stream"), count(outcomes, "kept outcome")].join(", ");
          await output.result(`${log} ${verdict}: ${size}${domain ? ", folded" : ""}.`, { ...report, ok: isLogSound });
          for (const problem of problems) output.remark(`  ${printable(problem)}.`);
          for (const { event, stream, projection, reason } of parked)
            output.remark(`  ${printable(`${projection ?? stream} cannot fold the event ${event}: ${reason}`)}.`);
          isSound &&= isLogSound;
        }
        if (!isSound) throw new Exit(EXIT.refused);
      }),
    );

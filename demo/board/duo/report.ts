/** Reports the state of a side and each of its commits to the page around it. */
import type { LogHandle, Receipt } from "dacapo/client";
import type { CommandRequest } from "dacapo";
import type { SideMessage } from "./duo.ts";

/** Returns the log as it is, and reports what happens to it. */
export function reported<Presence>(log: LogHandle<Presence>, duo: string, page: Window): LogHandle<Presence> {
  const side = log.user;
  const tell = (message: SideMessage) => page.postMessage(message, location.origin);
  const report = () => {
    const { pending, rejections: refused, connection, position } = log.status.get();
    tell({ duo, side, kind: "state", pending, refused, live: connection === "live", position });
  };
  log.status.subscribe(report);
  report();
  const follow = (receipt: Receipt, commands: readonly CommandRequest[]) => {
    const { commit } = receipt;
    tell({ duo, side, kind: "commit", commit, state: "pending", commands });
    void log.settled(receipt).then((settled) => {
      if (settled.outcome !== "rejected")
        return tell({ duo, side, kind: "commit", commit, state: "confirmed", commands });
      const { code, message } = settled;
      return tell({ duo, side, kind: "commit", commit, state: "refused", commands, reason: { code, message } });
    });
    return receipt;
  };
  return {
    ...log,
    execute: async (commands, options) => follow(await log.execute(commands, options), [commands].flat()),
  };
}

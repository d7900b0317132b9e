/** Planted faults of a client whose pushes are refused, by a filter or for want of a token. */
import { ForbiddenError } from "../../../src/core/values/errors.ts";
import type { Commit } from "../../../src/core/history/commit.ts";
import type { Transport } from "../../../src/client/sync/transport.ts";
import { UnreachableError } from "../../../src/client/sync/unreachable-error.ts";
import type { SimulationParts } from "../../../src/testing/simulate/parts.ts";
import type { Mutant } from "./mutant.ts";

type Push = Transport["push"];

function inPush(change: (push: Push) => Push): () => SimulationParts {
  return () => ({ transport: (transport) => ({ ...transport, push: change((...facts) => transport.push(...facts)) }) });
}

/** Pushes one commit less after each failure, so that later commits overtake the refused one. */
const overtaking =
  (push: Push): Push =>
  async (after, domain, commits, call) => {
    const send = (left: readonly Commit[]): ReturnType<Push> =>
      push(after, domain, left, call).catch((error: unknown) => {
        if (!(error instanceof UnreachableError) || left.length < 2) throw error;
        return send(left.slice(1));
      });
    return send(commits);
  };

/** Takes a firewall's 403 for the server's own. */
const forbidden =
  (push: Push): Push =>
  (after, domain, commits, call) =>
    push(after, domain, commits, call).catch((error: unknown) => {
      if (!(error instanceof UnreachableError) || error.details["status"] !== 403) throw error;
      throw new ForbiddenError({ message: "Forbidden", fix: "", details: { code: "forbidden" } });
    });

export const linkMutants: readonly Mutant[] = [
  {
    name: "later-commits-overtake-a-refused-one",
    what: "a push that a filter refused is sent again without its first commit",
    faults: ["filter"],
    parts: inPush(overtaking),
  },
  {
    name: "filter-takes-the-right",
    what: "a firewall's 403 counts as the end of the right to write",
    faults: ["filter"],
    parts: inPush(forbidden),
  },
  {
    name: "sign-in-stays-in-its-tab",
    what: "a tab in which a person signs in does not take the lead of a stopped tab",
    faults: ["signIn"],
    parts: () => ({
      env: (env) => ({ ...env, lock: (name, { signal }, run) => env.lock(name, { steal: false, signal }, run) }),
    }),
  },
];

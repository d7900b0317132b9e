/** Planted faults of simulated servers, each in a method of the product while a world runs. */
import { CollectedOutbox } from "../../../src/sync-server/processes/verbs.ts";
import { Lanes, type OpenEvent } from "../../../src/sync-server/subscribers/lanes.ts";
import { type ModelRefusal, ModelRows } from "../../../src/sync-server/writer/model-rows.ts";
import { StrongBatch } from "../../../src/sync-server/writer/strong-batch.ts";
import { seededRandom } from "../../../src/testing/seeded-random.ts";
import { replaceDigest } from "../../support/simulation/servers/digest.ts";
import type { ServerMutant } from "./server-mutant.ts";

/** Replaces a method by one that is made from it. Returns the function that undoes it. */
function replaced<Target, Name extends keyof Target>(
  target: Target,
  name: Name,
  make: (before: Target[Name]) => Target[Name],
): () => void {
  const before = target[name];
  target[name] = make(before);
  return () => {
    target[name] = before;
  };
}

export const serverCodeMutants: readonly ServerMutant[] = [
  {
    name: "veto-drops-the-batch",
    what: "a veto also rejects the later commits of its batch",
    fault: {
      code: () => {
        const refusals = new WeakMap<StrongBatch, ModelRefusal>();
        return replaced(
          StrongBatch.prototype,
          "fold",
          (fold) =>
            async function (this: StrongBatch, ...commit) {
              const refusal = (await fold.apply(this, commit)) ?? refusals.get(this) ?? null;
              if (refusal) refusals.set(this, refusal);
              return refusal;
            },
        );
      },
    },
  },
  {
    name: "vetoed-overlay-kept",
    what: "the rows of one model keep a commit that the next model refuses",
    fault: {
      code: () =>
        replaced(
          ModelRows.prototype,
          "fold",
          (fold) =>
            function (this: ModelRows, ...commit) {
              const folded = fold.apply(this, commit);
              if (!("code" in folded)) this.apply(folded);
              return folded;
            },
        ),
    },
  },
  {
    name: "lane-order-lost-after-retry",
    what: "later events of a stream do not wait for an event that is tried again",
    fault: {
      code: () => {
        const admitted = new WeakMap<Lanes, OpenEvent[]>();
        const failed = new WeakMap<Lanes, OpenEvent[]>();
        const keep = (of: WeakMap<Lanes, OpenEvent[]>, lanes: Lanes, event: OpenEvent): void => {
          of.set(lanes, [...(of.get(lanes) ?? []), event]);
        };
        const undo = [
          replaced(
            Lanes.prototype,
            "admit",
            (admit) =>
              function (this: Lanes, event) {
                keep(admitted, this, event);
                admit.call(this, event);
              },
          ),
          replaced(
            Lanes.prototype,
            "fail",
            (fail) =>
              function (this: Lanes, event, error, retryAt) {
                keep(failed, this, event);
                return fail.call(this, event, error, retryAt);
              },
          ),
          replaced(
            Lanes.prototype,
            "next",
            (next) =>
              function (this: Lanes, now) {
                const first = next.call(this, now);
                if (first) return first;
                const overtaken = failed.get(this)?.pop();
                const isLater = ({ stream, version }: OpenEvent): boolean =>
                  stream === overtaken?.stream && version > overtaken.version;
                return admitted.get(this)?.find(isLater) ?? null;
              },
          ),
        ];
        return () => undo.forEach((one) => one());
      },
    },
  },
  {
    name: "timer-due-too-early",
    what: "a timer of a process is due 100 milliseconds before its time",
    fault: {
      code: () =>
        replaced(
          CollectedOutbox.prototype,
          "verbs",
          (verbs) =>
            function (this: CollectedOutbox, source) {
              const plain = verbs.call(this, source);
              return {
                ...plain,
                later: (name, after, command) =>
                  plain.later(name, typeof after === "number" ? after - 100 : after, command),
              };
            },
        ),
    },
  },
  {
    name: "random-id-for-derived",
    what: "each attempt has another commit id and another effect id",
    fault: {
      code: () => {
        const random = seededRandom(1);
        return replaceDigest(async () => Uint8Array.from({ length: 32 }, () => random.below(256)).buffer);
      },
    },
  },
];

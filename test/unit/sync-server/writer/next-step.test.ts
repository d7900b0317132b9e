// The next step of a batch after each of its rounds.
import { expect, test } from "vitest";
import {
  afterRound,
  type BatchFacts,
  type BatchProgress,
  beginBatch,
  type LastStep,
  nextStep,
  ROUNDS_MAX,
  type RoundStep,
} from "../../../../src/sync-server/writer/next-step.ts";
import type { Round } from "../../../../src/sync-server/writer/run-round.ts";
import { seededRandom } from "../../../support/random.ts";

const cursor = { position: 7, mark: "m" };
const head = { kind: "open", cursor } as const;
const ends = {
  nothing: { kind: "nothing", results: [] },
  unsure: { kind: "unsure" },
  known: { kind: "known" },
  failed: { kind: "failed", error: new Error("the disk failed") },
  moved: { kind: "moved" },
  "model-moved": { kind: "model-moved" },
  vetoed: { kind: "vetoed", vetoed: { kind: "vetoed", follower: "f", event: "e", message: "m" }, head, cursor },
  gone: { kind: "gone" },
} as const satisfies Record<string, Round>;
const kinds = Object.keys(ends).filter((kind): kind is keyof typeof ends => kind in ends);

type Walk = {
  readonly rounds: readonly { readonly step: RoundStep; readonly end: keyof typeof ends }[];
  readonly last: LastStep;
  readonly progress: BatchProgress;
};

/** Walks through a batch whose rounds end as `endOf` says. */
function walk(endOf: (step: RoundStep) => keyof typeof ends, facts: Partial<BatchFacts> = {}, end = cursor): Walk {
  const rounds: Walk["rounds"][number][] = [];
  let progress = beginBatch(end);
  for (;;) {
    const step = nextStep(progress, { hasTurns: false, hasManyVetoes: false, ...facts });
    if (step.kind !== "round" && step.kind !== "turn") return { rounds, last: step, progress };
    const kind = endOf(step);
    rounds.push({ step, end: kind });
    progress = afterRound(progress, step, ends[kind]);
  }
}

/** Walks through a batch whose rounds end in this order, and then settle it. */
const walkOver = (order: readonly (keyof typeof ends)[], facts?: Partial<BatchFacts>): Walk => {
  const left = [...order];
  return walk(() => left.shift() ?? "nothing", facts);
};
/** The walks through 2,000 batches with random ends, most of which do not settle the batch. */
const randomWalks = (): readonly (Walk & { readonly hasTurns: boolean })[] => {
  const random = seededRandom(7);
  return Array.from({ length: 2_000 }, () => {
    const hasTurns = random.below(2) === 0;
    const likely = random.pick(kinds);
    return { hasTurns, ...walk(() => (random.below(3) > 0 ? likely : random.pick(kinds)), { hasTurns }) };
  });
};

test("nextStep: a node that knows the end of the log reads neither the head nor the known ids", () => {
  const first = { kind: "round", waitMs: 0, isBehind: false };
  expect(walkOver([]).rounds[0]?.step).toEqual({ ...first, head, readsIds: false });
  expect(nextStep(beginBatch(null), { hasTurns: true, hasManyVetoes: false })).toEqual({
    ...first,
    head: null,
    readsIds: true,
  });
});

test("nextStep: a batch is answered by the round that settles it, and refused on a dropped log", () => {
  expect(walkOver(["unsure", "nothing"]).last).toEqual({ kind: "answer", round: ends.nothing });
  expect(walkOver(["failed", "gone"]).last).toEqual({ kind: "refuse", code: "gone" });
});

test("nextStep: a second append that rejects fails the batch with its error", () => {
  const walked = walkOver(["failed", "unsure", "failed"]);
  expect(walked.last).toEqual({ kind: "fail", error: ends.failed.error });
  expect(walked.progress.errors).toHaveLength(2);
});

test("nextStep: many vetoes split a batch, and a batch that is settled or gone is not split", () => {
  const facts = { hasManyVetoes: true };
  const after = (end: keyof typeof ends) => {
    const begun = beginBatch(cursor);
    return nextStep(afterRound(begun, { kind: "turn", readsIds: false }, ends[end]), { hasTurns: true, ...facts }).kind;
  };
  expect(kinds.map((kind) => [kind, after(kind)])).toEqual([
    ["nothing", "answer"],
    ...["unsure", "known", "failed", "moved", "model-moved", "vetoed"].map((kind) => [kind, "split"]),
    ["gone", "refuse"],
  ]);
});

test("nextStep: a batch that loses each round waits longer each time, and is refused in the end", () => {
  const lost = walk(() => "moved");
  expect(lost.last).toEqual({ kind: "refuse", code: "unavailable" });
  const waits = lost.rounds.map(({ step }) => (step.kind === "round" ? step.waitMs : -1));
  expect(waits).toEqual(Array.from({ length: ROUNDS_MAX }, (_, n) => (n < 2 ? 0 : 4 * n)));
});

test("nextStep: a batch takes a turn after two lost rounds, and again after two more", () => {
  const order = ["moved", "moved", "moved", "moved", "moved"] as const;
  const kindsOf = ({ rounds }: Walk) => rounds.map(({ step }) => step.kind);
  expect(kindsOf(walkOver(order, { hasTurns: true }))).toEqual(["round", "round", "turn", "round", "round", "turn"]);
  // Only a lost turn is followed by rounds.
  expect(kindsOf(walkOver(["moved", "moved", "vetoed", "model-moved"], { hasTurns: true }))).toEqual([
    "round",
    "round",
    "turn",
    "turn",
    "turn",
  ]);
  expect(kindsOf(walkOver(order))).toEqual(Array(6).fill("round"));
});

test("nextStep: each batch ends, though any round may end in any way", () => {
  const lastOf = ({ rounds }: Walk): LastStep["kind"] => {
    if (rounds.at(-1)?.end === "nothing") return "answer";
    return rounds.filter(({ end }) => end === "failed").length >= 2 ? "fail" : "refuse";
  };
  const wrong = randomWalks().filter((walked) => {
    const counted = walked.rounds.filter(({ end }) => end !== "vetoed").length;
    return counted > ROUNDS_MAX || walked.last.kind !== lastOf(walked);
  });
  expect(wrong).toEqual([]);
});

test("nextStep: only the first round and one after a veto use a head, and a lost one catches up", () => {
  const wrong: unknown[] = [];
  for (const { rounds } of randomWalks())
    for (const [n, { step }] of rounds.entries()) {
      const before = rounds[n - 1]?.end;
      if (step.kind === "turn") continue;
      const usesHead = before === undefined || before === "vetoed";
      if ((step.head !== null) !== usesHead || step.isBehind !== (before === "moved")) wrong.push({ before, step });
    }
  expect(wrong).toEqual([]);
});

test("nextStep: after an unsure, known or rejected append, each later round reads the known ids", () => {
  const wrong: unknown[] = [];
  for (const { rounds } of randomWalks())
    for (const [n, { step }] of rounds.entries()) {
      const before = rounds.slice(0, n).map(({ end }) => end);
      const needsIds = before.some((end) => ["unsure", "known", "failed"].includes(end));
      if (step.readsIds !== needsIds) wrong.push({ before, step });
    }
  expect(wrong).toEqual([]);
});

test("nextStep: a batch reports that the log may have moved if another write may be the reason", () => {
  const wrong = randomWalks().filter(({ rounds, progress }) => {
    const moving = ["known", "failed", "moved", "model-moved"];
    return progress.mayHaveMoved !== rounds.some(({ end }) => moving.includes(end));
  });
  expect(wrong).toEqual([]);
});

test("nextStep: only a store with turns gets one, and only after two lost rounds", () => {
  const wrong: unknown[] = [];
  for (const { rounds, hasTurns } of randomWalks()) {
    let lost = 0;
    for (const { step, end } of rounds) {
      if ((step.kind === "turn") !== (hasTurns && lost >= 2)) wrong.push({ rounds, step });
      if (end === "moved") lost = step.kind === "turn" ? 0 : lost + 1;
    }
  }
  expect(wrong).toEqual([]);
});

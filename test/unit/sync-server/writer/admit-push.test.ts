// A push before it is decided: the server refuses it whole, or each of its commits gets an outcome of its own.
import { describe, expect, test } from "vitest";
import type { Commit } from "../../../../src/core/history/commit.ts";
import { SERVER_LIMITS } from "../../../../src/sync-server/base/limits.ts";
import { admitPush } from "../../../../src/sync-server/writer/admit-push.ts";

const ada = { actor: "ada" };
const after = { position: 3, mark: "00000000000000aa" };
const commit = (change: Partial<Commit> = {}): Commit => ({
  id: crypto.randomUUID(),
  client: crypto.randomUUID(),
  actor: "ada",
  time: 1,
  meta: null,
  commands: [{ stream: "task/a", seen: 0, reads: [], name: "do", v: 1, events: [] }],
  ...change,
});
/** `bytes` as if the push were larger than any commit may be. */
const admit = (commits: readonly unknown[], { bytes = 1e9, commitBytesMax = SERVER_LIMITS.commitBytesMax } = {}) =>
  admitPush({ after, domain: 4, commits }, ada, bytes, { ...SERVER_LIMITS, commitBytesMax });
const admitted = (...facts: Parameters<typeof admit>) => {
  const admission = admit(...facts);
  if (admission.kind === "refused") throw new Error(admission.message);
  return admission.push;
};

describe("admitPush: a whole push", () => {
  test("admitPush: takes the commits in their order, with the facts of the push", () => {
    const commits = [commit(), commit()];
    expect(admitted(commits, { bytes: 700 })).toEqual({
      principal: ada,
      after,
      domain: 4,
      bytes: 700,
      commits: commits.map((one) => ({ id: one.id, commit: one })),
    });
    expect(admitted([]).commits).toEqual([]);
  });

  test("P3 admitPush: refuses a push with a commit of another actor, whatever comes before it", () => {
    const foreign = { ...commit({ actor: "bob" }), time: "never" };
    for (const commits of [[foreign], [commit(), foreign], [{ id: "unreadable" }, foreign]])
      expect(admit(commits)).toEqual({
        kind: "refused",
        code: "actor-mismatch",
        message: `Commit ${commits.length - 1} is of the actor bob, and the token is of ada. Push each commit with its own actor's token.`,
      });
  });

  test("admitPush: refuses a push if a commit has no readable id, because it gets no outcome", () => {
    for (const broken of [null, 5, "commit", {}, { ...commit(), id: 5 }, { ...commit(), id: "no uuid" }]) {
      const admission = admit([commit(), broken]);
      expect(admission).toMatchObject({ kind: "refused", code: "bad-request" });
      expect("message" in admission && admission.message).toMatch(/^Commit 1 has no readable id: ./);
    }
  });
});

describe("admitPush: one commit", () => {
  test("P7 admitPush: an invalid commit gets a refusal with its path, and others are taken", () => {
    const [good, bad] = [commit(), { ...commit(), time: "never" }];
    const { commits } = admitted([bad, good]);
    expect(commits).toMatchObject([
      { id: bad.id, refusal: { code: "invalid-commit", path: ["time"] } },
      { id: good.id, commit: good },
    ]);
    const [first] = commits;
    expect(first && "refusal" in first && first.refusal.message).toMatch(/^The commit is invalid: time ./);
  });

  test("P30 admitPush: an id of the server's own code gets a refusal, and others are taken", () => {
    const [own, good] = [commit({ id: crypto.randomUUID().replace(/^(.{14})4/, "$18") }), commit()];
    expect(admitted([own, good]).commits).toMatchObject([
      { id: own.id, refusal: { code: "reserved-id" } },
      { id: good.id, commit: good },
    ]);
  });

  test("admitPush: a commit may have exactly the largest number of bytes", () => {
    const one = commit({ meta: "日本語" });
    const commitBytesMax = new TextEncoder().encode(JSON.stringify(one)).length;
    expect(admitted([one], { commitBytesMax }).commits).toMatchObject([{ commit: one }]);
    expect(admitted([one], { commitBytesMax: commitBytesMax - 1 }).commits).toMatchObject([
      { id: one.id, refusal: { code: "too-large" } },
    ]);
    // A push of fewer bytes cannot contain a commit of more.
    expect(admitted([one], { bytes: 9, commitBytesMax: 10 }).commits).toMatchObject([{ commit: one }]);
  });
});

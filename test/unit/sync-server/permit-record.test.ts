// A `permit` that fails when it is asked whether events may be recorded harms who it was asked for, and nobody else.
import { expect, test } from "vitest";
import type { Permit } from "../../../src/sync-server/app.ts";
import { runtimeEnv } from "../../../src/sync-server/env.ts";
import { task } from "../../support/board-domain.ts";
import { person, testServer } from "../../support/sync-requests.ts";

const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });

const failures: readonly { readonly how: string; readonly fail: () => Promise<boolean> }[] = [
  { how: "throws", fail: () => Promise.reject(new Error("no database")) },
  { how: "hangs", fail: () => new Promise(() => {}) },
];

for (const { how, fail } of failures) {
  test(`a permit that ${how} for one author's events does not keep another's from the log`, async () => {
    let failing = true;
    const permit: Permit = ({ actor }, { action }) => (failing && action === "record" && actor === "bob" ? fail() : true);
    const env = { ...runtimeEnv, setTimer: (run: () => void, ms: number) => runtimeEnv.setTimer(run, ms / 50) };
    const server = testServer({ permit, env, onError: () => {} });
    const [ada, bob] = [person(server, "ada"), person(server, "bob")];
    const [first, second] = [bob.commit(add("t1")), bob.commit(add("t2"))];

    const [refused, taken] = await Promise.all([bob.request("commits", { after: null, domain: 1, commits: [first, second] }), ada.outcomes(ada.commit(add("t3")))]);
    expect(refused.status).toBe(503);
    expect(taken).toMatchObject([{ outcome: "recorded" }]);

    failing = false;
    expect(await bob.outcomes(first, second)).toMatchObject([{ outcome: "recorded" }, { outcome: "recorded" }]);
  });
}

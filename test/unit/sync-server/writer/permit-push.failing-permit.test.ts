// A `permit` that fails for the action "record" fails the push that needs it, and no other push.
import { expect, test } from "vitest";
import type { Permit } from "../../../../src/sync-server/app.ts";
import { task } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { hangingApp } from "../../../support/hanging-app.ts";
import { person, testServer } from "../../../support/sync-requests.ts";

const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });

for (const how of ["throws", "hangs"] as const) {
  test(`permit: if it ${how} for one author, another author's commit is still recorded`, async () => {
    const { env, hang, isAsked, giveUp } = hangingApp();
    let failing = true;
    const fail = () => (how === "hangs" ? hang() : Promise.reject(new Error("no database")));
    const permit: Permit = ({ actor }, { action }) =>
      failing && action === "record" && actor === "bob" ? fail() : true;
    const server = testServer({ permit, env, onError: () => {} });
    const [ada, bob] = [person(server, "ada"), person(server, "bob")];
    const [first, second] = [bob.commit(add("t1")), bob.commit(add("t2"))];

    const pushes = Promise.all([
      bob.request("commits", { after: null, domain: 1, commits: [first, second] }),
      ada.outcomes(ada.commit(add("t3"))),
    ]);
    if (how === "hangs") await until(isAsked, "`permit` is called").then(giveUp);
    const [refused, recorded] = await pushes;
    expect(refused.status).toBe(503);
    expect(recorded).toMatchObject([{ outcome: "recorded" }]);

    failing = false;
    expect(await bob.outcomes(first, second)).toMatchObject([{ outcome: "recorded" }, { outcome: "recorded" }]);
  });

  test(`permit: one that ${how} is called once for a push, however often the batch decides`, async () => {
    const { env, hang, isAsked, giveUp } = hangingApp();
    const asked: string[] = [];
    const fail = () => (how === "hangs" ? hang() : Promise.reject(new Error("no database")));
    const permit: Permit = ({ actor }, { action }) => {
      if (action !== "record" || actor !== "bob") return true;
      asked.push(actor);
      return fail();
    };
    const server = testServer({ permit, env, onError: () => {} });
    const [ada, bob] = [person(server, "ada"), person(server, "bob")];
    // Now the server assumes the end of the log. If nothing is to write, it reads the real end and decides again.
    await ada.outcomes(ada.commit(add("t1")));
    const push = bob.request("commits", { after: null, domain: 1, commits: [bob.commit(add("t2"))] });
    if (how === "hangs") await until(isAsked, "`permit` is called").then(giveUp);
    expect([(await push).status, asked.length]).toEqual([503, 1]);
  });
}

// A bug of Dacapo on the server: the device keeps the commit, and works on with everything else.
import { afterEach, expect, test } from "vitest";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { board, domain, task } from "../../../support/board-domain.ts";
import { device, type Tab, until } from "../../../support/device.ts";
import { startServer } from "../../../support/server.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end().catch(() => {});
});

const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });
const execute = async (tab: Tab, ...commands: Parameters<Tab["execute"]>[0]) =>
  unwrap(await tab.execute(commands, null, null)).commit;

/** The server's domain, in which a part of Dacapo itself throws at `complete`. */
function brokenDomain() {
  const complete = task.definition.commands.get("complete");
  if (!complete) throw new Error("The board has no command complete");
  const broken = new Proxy(complete, {
    get(target, name) {
      if (name === "time") throw new TypeError("planted");
      return Reflect.get(target, name) as unknown;
    },
  });
  const commands = new Map([...task.definition.commands, ["complete", broken] as const]);
  const aggregates = new Map([...domain.definition.aggregates, ["task", { ...task.definition, commands }] as const]);
  return { definition: { ...domain.definition, aggregates } };
}

test("P8 push: an undecided commit waits, and its device still gets all other work", async () => {
  const reported: unknown[] = [];
  const server = await startServer({ domain: brokenDomain(), onError: (error) => reported.push(error) });
  ends.push(server.close);
  const ada = await device(domain, "team", "ada").open({ url: server.url });
  const bob = await device(domain, "team", "bob").open({ url: server.url });
  ends.push(ada.close, bob.close);
  await ada.api.settled(await execute(ada, add("t1")));

  // Three commits in one push: a good one, an undecidable one, a good one.
  ada.api.setPaused(true);
  const good = await execute(ada, add("t2"));
  const undecided = await execute(ada, task.command.complete("t1"));
  await execute(ada, add("t3"));
  ada.api.setPaused(false);

  await ada.api.settled(good);
  await execute(bob, add("b1"));
  await until(() => ada.rows(board.name).has("task/b1"), "Ada gets Bob's card");
  expect(ada.status()).toMatchObject({ pending: 2, connection: "live" });
  expect(ada.status().stuck).toMatchObject({ commit: undecided, command: "complete", status: 200, code: "undecided" });
  expect(reported).toMatchObject([{ code: "bug", cause: { message: "planted" } }]);
});

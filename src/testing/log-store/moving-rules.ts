/** L11 and L12: deleting a log that is still written, and remembering its server. */
import { ALL, confirmRecords, entriesOf, nameOf } from "./fixtures.ts";
import { requireEqual, requireThat } from "../require.ts";
import type { LogStoreRule } from "./rule.ts";

export const movingRules: readonly LogStoreRule[] = [
  {
    rule: "L11",
    name: "destroy: deletes nothing and returns false when the store moved",
    async check({ open }) {
      const [here, there] = [await open(), await open()];
      const empty = await here.head();
      await there.appendPending(0, entriesOf("a"), []);
      requireEqual(await here.destroy(empty), false, "after an append");
      const appended = await here.head();
      await confirmRecords(there, [1]);
      requireEqual(await here.destroy(appended), false, "after a confirmation");
      const confirmed = await here.head();
      requireThat((await there.cutBack(confirmed, null, entriesOf("a"))) !== null, "the cut");
      requireEqual(await here.destroy(confirmed), false, "after a cut");
      requireEqual((await here.refresh(ALL)).pending.map(nameOf), ["a"], "the pending commit");
      requireEqual((await there.refresh(ALL)).pending.map(nameOf), ["a"], "the pending commit in the other tab");
      const { client } = await here.head();
      requireEqual(await here.destroy(await here.head()), true, "at its head");
      requireThat((await (await open()).head()).client !== client, "the next handle makes a new database");
    },
  },
  {
    rule: "L12",
    name: "setServer: keeps the first id until a caller names it, also after a cut",
    async check({ open }) {
      const [here, there] = [await open(), await open()];
      requireEqual(await here.readServer(), null, "the id at first");
      requireEqual(await here.setServer(null, "first"), "first", "the first id");
      requireEqual(await there.setServer(null, "second"), "first", "a tab that did not know the first id");
      requireEqual(await there.readServer(), "first", "the id after that");
      await there.cutBack(await there.head(), null, []);
      requireEqual(await there.readServer(), "first", "the id after a cut");
      requireEqual(await there.setServer("first", "second"), "second", "a tab that names the stored id");
      requireEqual(await (await open()).readServer(), "second", "the id in the next handle");
    },
  },
];

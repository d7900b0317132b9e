// A handle refuses wrong arguments by typed errors, as a program without types needs them.
import { afterEach, expect, test } from "vitest";
import { deleteLog, type LogHandle, openLog, type OpenLogOptions } from "../../src/client/open-log.ts";
import { DacapoError } from "../../src/core/values/errors.ts";
import { containing } from "../support/matchers.ts";
import { board, task } from "../support/board-domain.ts";

const worker = () => new Worker(new URL("../support/browser/board.worker.ts", import.meta.url), { type: "module" });
const handles: LogHandle[] = [];
afterEach(async () => {
  for (const handle of handles.splice(0)) await handle.close();
});

const NOTHING = [null, 1, "text", true];
const add = task.command.add("t1", { title: "Milk", column: "todo" });
const calls: readonly (readonly [
  call: string,
  args: (wrong: unknown) => readonly unknown[],
  wrong: readonly unknown[],
])[] = [
  ["execute", (wrong) => [wrong], [undefined, {}, [null], () => 1, ...NOTHING]],
  ["execute", (wrong) => [add, wrong], NOTHING],
  ["execute", (wrong) => [add, { meta: wrong }], [() => 1, Number.NaN, new Date()]],
  ["undo", (wrong) => [wrong], NOTHING],
  ["redo", (wrong) => [wrong], NOTHING],
  ["withdraw", (wrong) => [wrong], [undefined, ...NOTHING]],
  ["settled", (wrong) => [wrong], [undefined, {}, ...NOTHING]],
  ["rows", (wrong) => [wrong], [undefined, ...NOTHING]],
  ["history", (wrong) => [wrong, "t1"], [undefined, {}, ...NOTHING]],
  ["history", (wrong) => [task, wrong], [undefined, null, 1, {}, ""]],
  ["stateAt", (wrong) => [wrong, "t1"], [undefined, {}, ...NOTHING]],
  ["stateAt", (wrong) => [task, "t1", wrong], [{}, { version: "1" }, { version: -1 }, ...NOTHING]],
  ["rowsAt", (wrong) => [wrong, { position: 0 }], [undefined, {}, ...NOTHING]],
  ["rowsAt", (wrong) => [board, wrong], [undefined, {}, { position: "1" }, { position: -1 }, ...NOTHING]],
  ["rebuild", (wrong) => [wrong], [undefined, {}, ...NOTHING]],
  ["rebuild", (wrong) => [board, wrong], NOTHING],
  ["import", (wrong) => [wrong], [undefined, ...NOTHING]],
  ["moveTo", (wrong) => [wrong], [undefined, null, 1, {}, ""]],
];

test("openLog: every call of a handle with a wrong argument is refused by a typed error", async () => {
  const log = await openLog(`log-${crypto.randomUUID()}`, { worker, user: "ada" });
  handles.push(log);
  const accepted: string[] = [];
  for (const [name, args, wrong] of calls)
    for (const value of wrong) {
      const text = `${name} with ${value === undefined ? "undefined" : JSON.stringify(value)}`;
      try {
        const call: unknown = Reflect.get(log, name);
        if (typeof call === "function") await Reflect.apply(call, log, args(value));
        accepted.push(text);
      } catch (error) {
        if (!(error instanceof DacapoError) || !["invalid", "rejected"].includes(error.code))
          accepted.push(`${text}: ${String(error)}`);
      }
    }
  expect(accepted).toEqual([]);
  // The log is as it was, and the next call works.
  await log.rows(board).ready;
  expect(log.rows(board).all()).toEqual([]);
  await log.settled(await log.execute(add));
  expect(log.rows(board).all()).toHaveLength(1);
});

/** Calls that take any further options, as programs without types do. */
const withOptions = {
  openLog: async (_: LogHandle, name: string, more: object) =>
    handles.push(await openLog(name, { ...opening, ...more })),
  sync: async (_: LogHandle, name: string, more: object) =>
    handles.push(await openLog(name, { ...opening, paused: true, sync: { url: "/sync", ...more } })),
  execute: (log: LogHandle, _: string, more: object) => log.execute(add, more),
  undo: (log: LogHandle, _: string, more: object) => log.undo(more),
  redo: (log: LogHandle, _: string, more: object) => log.redo(more),
  rebuild: (log: LogHandle, _: string, more: object) => log.rebuild(board, more),
  deleteLog: (_: LogHandle, name: string, more: object) => deleteLog(`${name}-old`, { user: "ada", ...more }),
};
const opening: OpenLogOptions = { worker, user: "ada" };

test.each([
  ["openLog", "namespce", "`openLog`", "worker, user, namespace, persist, paused, sync"],
  ["sync", "tokn", "The option `sync`", "url, token, credentials, headers, onOtherServer, whenStuck"],
  ["execute", "mta", "`execute`", "meta"],
  ["undo", "overwrit", "`undo`", "overwrite"],
  ["redo", "overwrit", "`redo`", "overwrite"],
  ["rebuild", "onProgres", "`rebuild`", "onProgress"],
  ["deleteLog", "losePendig", "`deleteLog`", "user, namespace, losePending"],
] as const)("%s: refuses the unknown option %s and lists the known ones", async (call, option, owner, known) => {
  const name = `log-${crypto.randomUUID()}`;
  const log = await openLog(name, opening);
  handles.push(log);
  await log.rows(board).ready;
  await expect(withOptions[call](log, name, { [option]: true })).rejects.toMatchObject({
    code: "definition",
    message: `${owner} has no option ${option}`,
    fix: containing(known),
    details: { option },
  });
  expect(log.rows(board).all()).toEqual([]);
  await withOptions[call](log, name, { [option]: undefined });
});

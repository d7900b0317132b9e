/** A page without a screen: tests drive the log through `window.board`, as an app's code would. */
import { type AppHeaders, type LogHandle, openLog } from "dacapo/client";
import { board, column, task } from "../../support/board-domain.ts";

const parameters = new URLSearchParams(location.search);
const user = parameters.get("user") ?? "ada";
const url = parameters.get("sync");
const tenant = parameters.get("tenant");

let agrees = false;

const log: LogHandle = await openLog(parameters.get("log") ?? "team", {
  worker: () => new Worker(new URL("./log.worker.ts", import.meta.url), { type: "module" }),
  user,
  ...(url !== null && {
    sync: { url, token: () => user, onOtherServer: () => agrees, ...(tenant !== null && throughGateway(tenant)) },
  }),
});
await log.rows(board).ready;

/** The options of a page whose gateway needs a cookie and a header. */
function throughGateway(name: string): { readonly credentials: "include"; readonly headers: () => AppHeaders } {
  return { credentials: "include", headers: () => ({ "x-tenant": name }) };
}

/** One of several commands on one of the cards, by number. */
function commandOf(n: number, cards: number, by: string) {
  const id = `t${n % cards}`;
  switch (n % 5) {
    case 0:
      return task.command.rename(id, { title: `${by} ${n}` });
    case 1:
      return task.command.note(id, { text: `${by} ${n}` });
    case 2:
      return task.command.move(id, { column: n % 2 ? "doing" : "done" });
    case 3:
      return task.command.claim(id, { title: `${by} claims ${n}` });
    default:
      return task.command.complete(id);
  }
}

const api = {
  log,
  task,
  rows: () => JSON.stringify(log.rows(board).all()),
  count: () => log.rows(board).all().length,
  status: () => log.status.get(),
  rejections: () => log.rejections.get().map(({ commit, code }) => ({ commit, code })),
  columns: async () =>
    void (await log.execute([
      column.command.add("doing", { name: "Doing" }),
      column.command.add("done", { name: "Done" }),
    ])),
  add: async (prefix: string, count: number) => {
    for (let n = 0; n < count; n++)
      await log.execute(task.command.add(`${prefix}${n}`, { title: `${prefix} ${n}`, column: "todo" }));
  },
  addAtOnce: async (prefix: string, count: number) =>
    void (await Promise.all(
      Array.from({ length: count }, (_, n) =>
        log.execute(task.command.add(`${prefix}${n}`, { title: `${prefix} ${n}`, column: "todo" })),
      ),
    )),
  /** Executes many commands on the same cards; returns the ids of the commits. */
  work: async (count: number, cards: number) => {
    const commits: string[] = [];
    for (let n = 0; n < count; n++) commits.push((await log.execute(commandOf(n, cards, user))).commit);
    return commits;
  },
  outcomes: (commits: readonly string[]) =>
    Promise.all(commits.map(async (commit) => (await log.settled({ commit })).outcome)),
  /** Lets the device join another server. */
  joinOtherServer: () => {
    agrees = true;
    log.resume();
  },
  /** Rebuilds the rows, and returns the reports of progress. */
  rebuild: async () => {
    const reports: { readonly done: number; readonly of: number }[] = [];
    await log.rebuild(board, { onProgress: (progress) => reports.push(progress) });
    return reports;
  },
  rowsAt: (position: number) => log.rowsAt(board, { position }),
  add1: (id: string) => log.execute(task.command.add(id, { title: id, column: "todo" })),
};

export type TestPage = typeof api;

/** Runs the functions of a test whose browser nothing drives: reads one after the other, and sends each result. */
async function obey(control: string): Promise<never> {
  for (;;) {
    const source = await (await fetch(control)).text();
    const address = `data:text/javascript,${encodeURIComponent(`export const run = () => ${source}`)}`;
    const module = (await import(/* @vite-ignore */ address)) as { readonly run: () => unknown };
    const answer = await Promise.resolve()
      .then(module.run)
      .then(
        (value) => ({ value }),
        (error: unknown) => ({ error: String(error) }),
      );
    await fetch(control, { method: "POST", body: JSON.stringify(answer) });
  }
}

declare global {
  interface Window {
    board: TestPage;
  }
}
window.board = api;
const control = parameters.get("control");
if (control !== null) void obey(control);

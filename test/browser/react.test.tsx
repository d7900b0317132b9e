import * as v from "valibot";
import { Component, type ReactNode, StrictMode, useEffect, useLayoutEffect } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { liveValue } from "../../src/client/page/live-value.ts";
import { type LogHandle, openLog, type TypedPresence } from "../../src/client/open-log.ts";
import {
  LogProvider,
  useExecute,
  useLog,
  usePresence,
  useRejections,
  useRow,
  useRows,
  useStatus,
} from "../../src/client/react.ts";
import { board, columnCounts, task } from "../support/board-domain.ts";
import { containing } from "../support/matchers.ts";

let log: LogHandle;
let root: Root;
let element: HTMLElement;

beforeEach(async () => {
  log = await openLog(`react-${crypto.randomUUID()}`, {
    user: "ada",
    worker: () => new Worker(new URL("../support/browser/board.worker.ts", import.meta.url), { type: "module" }),
  });
  element = document.body.appendChild(document.createElement("div"));
  root = createRoot(element);
});
afterEach(async () => {
  root.unmount();
  element.remove();
  await log.close();
});

const show = (children: ReactNode, handle: LogHandle<unknown> = log) =>
  root.render(<LogProvider log={handle}>{children}</LogProvider>);
const shows = async (text: string) => {
  await expect.poll(() => element.textContent).toBe(text);
};
const add = (id: string, title: string, column = "todo") => log.execute(task.command.add(id, { title, column }));
/** A text that differs between the pending and the confirmed state. */
const said = (text: string, pending: boolean) => (pending ? `${text}, pending` : text);
/** Waits long enough for a render that should not happen. */
const rest = () => new Promise((resolve) => setTimeout(resolve, 60));

describe("useRows", () => {
  test("shows the rows of `where` in the order of `orderBy`, and each change", async () => {
    const Open = () =>
      useRows(board, { where: (row) => !row.done, orderBy: (row) => row.title }).map(({ row, key }) => (
        <i key={key}>{row.title};</i>
      ));
    await add("t1", "Milk");
    await add("t2", "Bread");
    show(<Open />);
    await shows("Bread;Milk;");
    await log.execute(task.command.complete("t2"));
    await shows("Milk;");
    await log.execute(task.command.rename("t1", { title: "Oat milk" }));
    await shows("Oat milk;");
  });

  test("orders by several values, and the first counts most", async () => {
    const All = () =>
      useRows(columnCounts, { orderBy: (row, key) => [-row.tasks, key] }).map(({ key, row }) => `${key}${row.tasks} `);
    await add("t1", "a", "x");
    await add("t2", "b", "z");
    await add("t3", "c", "y");
    await add("t4", "d", "z");
    show(<All />);
    await shows("z2 x1 y1 ");
  });

  test("returns the same array while other rows change, also with inline functions", async () => {
    const given: unknown[] = [];
    const Done = () => {
      const rows = useRows(board, { where: (row) => row.done, orderBy: (row) => row.title });
      given.push(rows);
      return said(
        `${rows.length}`,
        rows.some(({ pending }) => pending),
      );
    };
    await add("t1", "Milk");
    await log.execute(task.command.complete("t1"));
    show(<Done />);
    await shows("1");
    const renders = given.length;
    await add("t2", "Bread");
    await add("t3", "Salt");
    await rest();
    expect(given.length).toBe(renders);
    // A parent that renders again passes new functions. The array stays the same.
    show(<Done />);
    await expect.poll(() => given.length).toBeGreaterThan(renders);
    expect(given.at(-1)).toBe(given[renders - 1]);
  });

  test("applies a new `where` at once", async () => {
    const Named = ({ title }: { readonly title: string }) =>
      useRows(board, { where: (row) => row.title === title }).length;
    await add("t1", "Milk");
    show(<Named title="Bread" />);
    await shows("0");
    show(<Named title="Milk" />);
    await shows("1");
  });

  test("two components of one render never show two moments", async () => {
    const pairs: string[] = [];
    const seen: { left: number; right: number } = { left: 0, right: 0 };
    const Left = () => {
      const { length } = useRows(board);
      useLayoutEffect(() => void (seen.left = length));
      return length;
    };
    const Right = () => {
      const { length } = useRows(board, { where: () => true });
      useLayoutEffect(() => void (seen.right = length));
      return length;
    };
    const Pair = () => {
      useRows(board);
      useLayoutEffect(() => void pairs.push(`${seen.left === seen.right}`));
      return [<Left key="l" />, ":", <Right key="r" />];
    };
    show(<Pair />);
    for (let n = 0; n < 20; n++) await add(`t${n}`, `Task ${n}`);
    await shows("20:20");
    expect(new Set(pairs)).toEqual(new Set(["true"]));
  });
});

describe("useRow", () => {
  test("shows one row as it appears, changes and is confirmed; other rows render nothing", async () => {
    let renders = 0;
    const One = () => {
      renders++;
      const one = useRow(board, "task/t1");
      return said(one?.row.title ?? "none", one?.pending ?? false);
    };
    show(<One />);
    await shows("none");
    await add("t1", "Milk");
    await shows("Milk");
    const before = renders;
    await add("t2", "Bread");
    await rest();
    expect(renders).toBe(before);
  });

  test("shows another key at once", async () => {
    const One = ({ id }: { readonly id: string }) => useRow(board, `task/${id}`)?.row.title ?? "none";
    await add("t1", "Milk");
    await add("t2", "Bread");
    show(<One id="t1" />);
    await shows("Milk");
    show(<One id="t2" />);
    await shows("Bread");
  });
});

describe("other hooks", () => {
  test("useStatus: with a part, renders only when that part changes", async () => {
    const status = liveValue(log.status.get());
    let renders = 0;
    const Pending = () => {
      renders++;
      return useStatus(({ pending }) => pending);
    };
    const Connection = () => useStatus().connection;
    show([<Pending key="p" />, <Connection key="c" />], { ...log, status });
    await shows(`0${status.get().connection}`);
    const before = renders;
    status.set({ ...status.get(), connection: "live" });
    await shows("0live");
    expect(renders).toBe(before);
    status.set({ ...status.get(), pending: 3 });
    await shows("3live");
  });

  test("useStatus: a part that is an object stays the same until its content changes", async () => {
    const status = liveValue({ ...log.status.get(), pending: 1 });
    const given: unknown[] = [];
    const Part = () => {
      given.push(useStatus(({ pending, position }) => ({ pending, at: [position] })));
      return `${useStatus(({ pending }) => pending)}`;
    };
    const handle = { ...log, status };
    show(<Part />, handle);
    await shows("1");
    const renders = given.length;
    show(<Part />, handle);
    await expect.poll(() => given.length).toBeGreaterThan(renders);
    status.set({ ...status.get(), head: 7 });
    await rest();
    expect(new Set(given).size).toBe(1);
    status.set({ ...status.get(), pending: 2 });
    await shows("2");
    expect(given.at(-1)).toEqual({ pending: 2, at: [status.get().position] });
  });

  test("useRejections: shows rejected commits, with retry and discard", async () => {
    const ended: string[] = [];
    const rejection = {
      commit: "c1",
      commands: [task.command.complete("t1")],
      code: "no-such-task",
      message: "There is no such task",
      command: 0,
      theirs: [],
      rejectedAt: 0,
      retry: () => Promise.resolve({ commit: "c2" }),
      discard: () => Promise.resolve(void ended.push("c1")),
    };
    const rejections = liveValue<ReturnType<LogHandle["rejections"]["get"]>>([]);
    const Refused = () =>
      useRejections().map((one) => (
        <button key={one.commit} type="button" onClick={() => void one.discard()}>
          {one.message}
        </button>
      ));
    show(<Refused />, { ...log, rejections });
    await shows("");
    rejections.set([rejection]);
    await shows("There is no such task");
    element.querySelector("button")?.click();
    expect(ended).toEqual(["c1"]);
  });

  test("useExecute: returns the same function in each render, and its result is shown", async () => {
    const given = new Set<unknown>();
    const Add = () => {
      const execute = useExecute();
      given.add(execute);
      const { length } = useRows(board);
      return (
        <button
          type="button"
          onClick={() => void execute(task.command.add(crypto.randomUUID(), { title: "Milk", column: "todo" }))}
        >
          {length}
        </button>
      );
    };
    show(<Add />);
    await shows("0");
    element.querySelector("button")?.click();
    await shows("1");
    expect(given.size).toBe(1);
  });

  test("usePresence: shows other devices without data that the schema refuses, and sets its own", async () => {
    const told: unknown[] = [];
    const live = liveValue<readonly TypedPresence<unknown>[]>([]);
    const schema = v.object({ card: v.string() });
    const Here = () => {
      const { present, set } = usePresence(schema);
      return (
        <button type="button" onClick={() => set({ card: "t1" })}>
          {present.map(({ actor, data }) => `${actor} at ${data.card};`)}
        </button>
      );
    };
    show(<Here />, { ...log, presence: { ...live, set: (data) => void told.push(data) } });
    live.set([
      { client: "1", actor: "ben", data: { card: "t2" } },
      { client: "2", actor: "eve", data: 7 },
    ]);
    await shows("ben at t2;");
    element.querySelector("button")?.click();
    expect(told).toEqual([{ card: "t1" }]);
  });

  test("usePresence: with an inline schema, `set` and the entries stay the same", async () => {
    const ben = () => ({ client: "1", actor: "ben", data: { card: "t2" } });
    const live = liveValue<readonly TypedPresence<unknown>[]>([ben()]);
    const sent: unknown[] = [];
    const handle = { ...log, presence: { ...live, set: (data: unknown) => void sent.push(data) } };
    const given: unknown[] = [];
    const entries: unknown[] = [];
    const Here = () => {
      const here = usePresence(v.nullable(v.object({ card: v.string() })));
      const { present, set } = here;
      given.push(here);
      entries.push(present[0]);
      useEffect(() => {
        set({ card: "t1" });
        return () => set(null);
      }, [set]);
      return present.map(({ actor }) => `${actor};`);
    };
    show(<Here />, handle);
    await shows("ben;");
    // A parent that renders again passes a new schema, and so does each presence that arrives.
    const renders = given.length;
    show(<Here />, handle);
    await expect.poll(() => given.length).toBeGreaterThan(renders);
    live.set([ben()]);
    await rest();
    expect(new Set(given).size).toBe(1);
    live.set([ben(), { client: "2", actor: "eve", data: null }]);
    await shows("ben;eve;");
    expect(new Set(entries).size).toBe(1);
    expect(sent).toEqual([{ card: "t1" }]);
  });

  test("useLog: outside of a provider, throws definition and names the provider", async () => {
    const errors: unknown[] = [];
    class Boundary extends Component<{ readonly children: ReactNode }> {
      override state = { failed: false };
      static getDerivedStateFromError() {
        return { failed: true };
      }
      override componentDidCatch(error: unknown) {
        errors.push(error);
      }
      override render() {
        return this.state.failed ? "failed" : this.props.children;
      }
    }
    const Lost = () => useLog().log;
    root.unmount();
    root = createRoot(element, { onCaughtError: () => {} });
    root.render(
      <Boundary>
        <Lost />
      </Boundary>,
    );
    await shows("failed");
    expect(errors).toMatchObject([{ code: "definition", fix: containing("LogProvider") }]);
  });

  test("hooks: unsubscribe when their components are removed, also under StrictMode", async () => {
    let listeners = 0;
    const counted: LogHandle<unknown> = {
      ...log,
      status: {
        get: () => log.status.get(),
        subscribe: (listener) => {
          listeners++;
          const end = log.status.subscribe(listener);
          return () => {
            listeners--;
            end();
          };
        },
      },
    };
    const Connection = () => useStatus().connection;
    show(
      <StrictMode>
        <Connection />
      </StrictMode>,
      counted,
    );
    await expect.poll(() => listeners).toBe(1);
    show(null, counted);
    await expect.poll(() => listeners).toBe(0);
  });
});

/** Rows in two layers, and the changes that a page gets. */
import { describe, expect, test } from "vitest";
import {
  type BeforeWrite,
  ConfirmedRows,
  OverlayRows,
  PARKED_MAX,
  RowChanges,
  STREAMS_TABLE,
} from "../../../../src/core/fold/rows.ts";
import { taskDomain } from "../../../support/task-domain.ts";

function twoLayers() {
  const written: string[] = [];
  const note: BeforeWrite = (table, key) => written.push(`${table} ${key}`);
  const confirmed = new ConfirmedRows(taskDomain.definition, note);
  return { confirmed, overlay: new OverlayRows(confirmed, note), written };
}

describe("OverlayRows: rows of pending commits", () => {
  test("OverlayRows: a touched row is pending and hides the confirmed row", () => {
    const { confirmed, overlay } = twoLayers();
    confirmed.setRow("board", "a", 1);
    expect(overlay.entry("board", "a")).toEqual({ key: "a", row: 1, pending: false });
    overlay.setRow("board", "a", 2);
    expect([overlay.entry("board", "a"), confirmed.row("board", "a")]).toEqual([
      { key: "a", row: 2, pending: true },
      1,
    ]);
  });

  test("OverlayRows: a removed row can be set again, and dropRows restores the confirmed row", () => {
    const { confirmed, overlay } = twoLayers();
    confirmed.setRow("board", "a", 1);
    overlay.setRow("board", "a", null);
    expect([overlay.entry("board", "a"), overlay.row("board", "a")]).toEqual([null, undefined]);
    overlay.setRow("board", "a", 3);
    expect(overlay.entry("board", "a")).toEqual({ key: "a", row: 3, pending: true });
    overlay.dropRows();
    expect(overlay.entry("board", "a")).toEqual({ key: "a", row: 1, pending: false });
  });

  test("OverlayRows: removing a row that does not exist leaves no row", () => {
    const { overlay } = twoLayers();
    overlay.setRow("board", "a", null);
    expect(overlay.entry("board", "a")).toBeNull();
  });

  test("OverlayRows: a row may be false, zero or an empty text, only null means no row", () => {
    const { confirmed, overlay } = twoLayers();
    for (const row of [false, 0, ""]) {
      confirmed.setRow("board", "a", true);
      overlay.setRow("board", "a", row);
      expect([overlay.row("board", "a"), overlay.entry("board", "a")?.row]).toEqual([row, row]);
    }
  });

  test("OverlayRows: hasRead knows rows that were read, also rows that do not exist", () => {
    const { overlay } = twoLayers();
    overlay.row("board", "a");
    expect([overlay.hasRead("board", "a"), overlay.hasRead("board", "b"), overlay.hasRead("notes", "a")]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe("OverlayRows: what it keeps", () => {
  test("OverlayRows: hasRead knows all rows that were read, until dropRows", () => {
    const { overlay } = twoLayers();
    for (const key of ["a", "b"]) overlay.row("board", key);
    expect(["a", "b"].map((key) => overlay.hasRead("board", key))).toEqual([true, true]);
    overlay.dropRows();
    expect(["a", "b"].map((key) => overlay.hasRead("board", key))).toEqual([false, false]);
  });

  test("OverlayRows, ConfirmedRows: keep a bounded number of parked events, and count all", () => {
    const { confirmed, overlay } = twoLayers();
    for (const rows of [confirmed, overlay]) {
      for (let n = 0; n < PARKED_MAX + 2; n++)
        rows.park({ projection: null, event: `e${n}`, stream: "task/t1", reason: "why" });
      expect([rows.parked.length, rows.parkedCount]).toEqual([PARKED_MAX, PARKED_MAX + 2]);
    }
  });
});

describe("OverlayRows: keys that every object has", () => {
  test("OverlayRows: __proto__ and constructor are ordinary keys", () => {
    const { confirmed, overlay } = twoLayers();
    for (const key of ["__proto__", "constructor", "toString"]) {
      expect(overlay.entry("board", key)).toBeNull();
      confirmed.setRow("board", key, { polluted: true });
      expect(overlay.entry("board", key)?.row).toEqual({ polluted: true });
    }
    expect({}).not.toHaveProperty("polluted");
  });
});

describe("ConfirmedRows: the store of rows", () => {
  test("ConfirmedRows: a removed row takes no place in its table", () => {
    const { confirmed } = twoLayers();
    for (const row of [1, null]) confirmed.setRow("board", "a", row);
    expect([...(confirmed.tables.get("board") ?? [])]).toEqual([]);
  });

  test("ConfirmedRows: beforeWrite is called for confirmed rows and states, not for pending rows", () => {
    const { confirmed, written } = twoLayers();
    confirmed.setRow("board", "a", 1);
    confirmed.setStream("task/t1", { version: 1, state: null, unreadable: null });
    expect(written).toEqual(["board a", `${STREAMS_TABLE} task/t1`]);
  });
});

describe("RowChanges: changes for a page", () => {
  const entry = (row: number, pending = false) => ({ key: "a", row, pending });

  test.each([
    ["a new row", null, entry(1), [{ projection: "board", set: [entry(1)], removed: [] }]],
    ["a changed row", entry(1), entry(2), [{ projection: "board", set: [entry(2)], removed: [] }]],
    [
      "that a row is no longer pending",
      entry(1, true),
      entry(1),
      [{ projection: "board", set: [entry(1)], removed: [] }],
    ],
    ["that a row has gone", entry(1), null, [{ projection: "board", set: [], removed: ["a"] }]],
    ["nothing of a row that is as it was", entry(1), entry(1), []],
    ["nothing of a row that came and went", null, null, []],
  ])("RowChanges: drain reports %s", (_, before, after, deltas) => {
    const changes = new RowChanges();
    changes.touch("board", "a", before);
    changes.touch("board", "a", entry(77));
    expect(changes.drain(() => after)).toEqual(deltas);
    expect(changes.drain(() => entry(99))).toEqual([]);
  });

  test("RowChanges: drain reports all touched rows on request, also those that did not change", () => {
    const changes = new RowChanges();
    const now = new Map([["a", entry(1)]]);
    for (const key of ["a", "b"]) changes.touch("board", key, now.get(key) ?? null);
    expect(changes.drain((_, key) => now.get(key) ?? null, "all touched")).toEqual([
      { projection: "board", set: [entry(1)], removed: ["b"] },
    ]);
  });

  test("RowChanges: drain skips an equal row, whatever the order of its fields", () => {
    const changes = new RowChanges();
    changes.touch("board", "a", { key: "a", row: { x: 1, y: 2 }, pending: false });
    expect(changes.drain(() => ({ key: "a", row: { y: 2, x: 1 }, pending: false }))).toEqual([]);
  });
});

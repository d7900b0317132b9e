/** A column of the board: its name and its place. A card contains its column's id; a column does not list its cards. */
import { aggregate } from "dacapo";
import * as v from "valibot";

export type Column = { name: string; order: string; removed: boolean } | null;

export const columnName = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(40));
export const orderKey = v.pipe(v.string(), v.regex(/^[0-9A-Za-z]{1,500}$/));

// The name is not "column", because a stream's name is clearer with the board in it.
export const column = aggregate("board-column", {
  version: 1,
  initial: null as Column,
  events: {
    ColumnAdded: v.object({ name: columnName, order: orderKey }),
    ColumnRenamed: v.object({ name: columnName }),
    ColumnMoved: v.object({ order: orderKey }),
    ColumnRemoved: v.object({}),
    ColumnRestored: v.object({}),
  },
  evolve: {
    ColumnAdded: (_, { data }) => ({ ...data, removed: false }),
    ColumnRenamed: (column, { data }) => column && { ...column, ...data },
    ColumnMoved: (column, { data }) => column && { ...column, ...data },
    ColumnRemoved: (column) => column && { ...column, removed: true },
    ColumnRestored: (column) => column && { ...column, removed: false },
  },
  commands: {
    // No rejection if the column exists, because two people who open a new board both add the same columns.
    add: {
      input: v.object({ name: columnName, order: orderKey }),
      decide: (column, input, { emit }) => (column ? [] : emit("ColumnAdded", input)),
    },
    rename: {
      input: v.object({ name: columnName }),
      decide: (column, { name }, { emit, reject }) => {
        if (!column || column.removed) return reject("no-such-column", "The column has been removed");
        return column.name === name ? [] : emit("ColumnRenamed", { name });
      },
      onConflict: ({ theirs, input, reject, rebase }) => {
        const first = theirs.findLast((event) => event.type === "ColumnRenamed");
        return first && first.data.name !== input.name
          ? reject("renamed-meanwhile", `${first.actor} renamed the column to “${first.data.name}” first`)
          : rebase();
      },
      undo: ({ before, command }) => before && command.rename({ name: before.name }),
    },
    move: {
      input: v.object({ order: orderKey }),
      decide: (column, { order }, { emit, reject }) => {
        if (!column || column.removed) return reject("no-such-column", "The column has been removed");
        return column.order === order ? [] : emit("ColumnMoved", { order });
      },
      undo: ({ before, command }) => before && command.move({ order: before.order }),
    },
    remove: {
      decide: (column, _, { emit }) => (column && !column.removed ? emit("ColumnRemoved") : []),
      // Reject, because another person still works with this column.
      onConflict: ({ theirs, reject, rebase }) => {
        const first = theirs.find((event) => event.type !== "ColumnRemoved");
        return first ? reject("changed-meanwhile", `${first.actor} changed the column first`) : rebase();
      },
      undo: ({ command }) => command.restore(),
    },
    restore: {
      decide: (column, _, { emit, reject }) => {
        if (!column) return reject("no-such-column", "The column does not exist");
        return column.removed ? emit("ColumnRestored") : [];
      },
      undo: ({ command }) => command.remove(),
    },
  },
});

/**
 * A card: its task, its column and its assignee.
 *
 * Each command has a policy for changes of other authors: a rename is merged, a move is decided again and checks that
 * its column still exists, a comment is kept, and archiving is rejected if someone commented meanwhile.
 */
import { aggregate } from "dacapo";
import * as v from "valibot";
import { column, orderKey } from "./column.ts";

export type Card = {
  title: string;
  description: string;
  column: string;
  order: string;
  done: boolean;
  assignee: string | null;
  comments: number;
  archived: boolean;
} | null;

export const cardTitle = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(200));
export const cardDescription = v.pipe(v.string(), v.maxLength(5_000));
export const commentText = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(2_000));
const person = v.pipe(v.string(), v.minLength(1), v.maxLength(64));
const place = v.object({ column: v.string(), order: orderKey });

const NO_CARD = "The card has been archived";
const NO_COLUMN = "The column has been removed";

export const card = aggregate("card", {
  version: 1,
  initial: null as Card,
  events: {
    CardAdded: v.object({ title: cardTitle, ...place.entries }),
    CardRenamed: v.object({ title: cardTitle }),
    CardDescribed: v.object({ description: cardDescription }),
    CardMoved: place,
    CardCompleted: v.object({}),
    CardReopened: v.object({}),
    CardAssigned: v.object({ to: v.nullable(person) }),
    CardCommented: v.object({ text: commentText }),
    CardArchived: v.object({}),
    CardRestored: v.object({}),
  },
  evolve: {
    CardAdded: (_, { data }) => ({
      ...data,
      description: "",
      done: false,
      assignee: null,
      comments: 0,
      archived: false,
    }),
    CardRenamed: (card, { data }) => card && { ...card, ...data },
    CardDescribed: (card, { data }) => card && { ...card, ...data },
    CardMoved: (card, { data }) => card && { ...card, ...data },
    CardCompleted: (card) => card && { ...card, done: true },
    CardReopened: (card) => card && { ...card, done: false },
    CardAssigned: (card, { data }) => card && { ...card, assignee: data.to },
    CardCommented: (card) => card && { ...card, comments: card.comments + 1 },
    CardArchived: (card) => card && { ...card, archived: true },
    CardRestored: (card) => card && { ...card, archived: false },
  },
  commands: {
    add: {
      input: v.object({ title: cardTitle, ...place.entries }),
      reads: { target: [column, (input) => input.column] },
      decide: (card, input, { emit, reject, target }) => {
        if (card) return reject("already-added", "A card with this id already exists");
        return target && !target.removed ? emit("CardAdded", input) : reject("no-such-column", NO_COLUMN);
      },
      undo: ({ command }) => command.archive(),
    },
    rename: {
      input: v.object({ title: cardTitle }),
      decide: (card, { title }, { emit, reject }) => {
        if (!isOpen(card)) return reject("no-such-card", NO_CARD);
        return card.title === title ? [] : emit("CardRenamed", { title });
      },
      onConflict: ({ theirs, input, reject, rebase }) => {
        const first = theirs.findLast((event) => event.type === "CardRenamed");
        return first && first.data.title !== input.title
          ? reject("renamed-meanwhile", `${first.actor} renamed it to “${first.data.title}” first`)
          : rebase();
      },
      undo: ({ before, command }) => before && command.rename({ title: before.title }),
    },
    describe: {
      input: v.object({ description: cardDescription }),
      decide: (card, { description }, { emit, reject }) => {
        if (!isOpen(card)) return reject("no-such-card", NO_CARD);
        return card.description === description ? [] : emit("CardDescribed", { description });
      },
      // Reject, because otherwise one person's text would silently replace the text of another.
      onConflict: ({ theirs, input, reject, rebase }) => {
        const first = theirs.findLast((event) => event.type === "CardDescribed");
        return first && first.data.description !== input.description
          ? reject("described-meanwhile", `${first.actor} changed the description first`)
          : rebase();
      },
      undo: ({ before, command }) => before && command.describe({ description: before.description }),
    },
    move: {
      input: place,
      reads: { target: [column, (input) => input.column] },
      decide: (card, input, { emit, reject, target }) => {
        if (!isOpen(card)) return reject("no-such-card", NO_CARD);
        if (!target || target.removed) return reject("no-such-column", NO_COLUMN);
        return card.column === input.column && card.order === input.order ? [] : emit("CardMoved", input);
      },
      undo: ({ before, command }) => before && command.move({ column: before.column, order: before.order }),
    },
    complete: {
      decide: (card, _, { emit, reject }) => {
        if (!isOpen(card)) return reject("no-such-card", NO_CARD);
        return card.done ? [] : emit("CardCompleted");
      },
      undo: ({ command }) => command.reopen(),
    },
    reopen: {
      decide: (card, _, { emit, reject }) => {
        if (!isOpen(card)) return reject("no-such-card", NO_CARD);
        return card.done ? emit("CardReopened") : [];
      },
      undo: ({ command }) => command.complete(),
    },
    assign: {
      input: v.object({ to: v.nullable(person) }),
      decide: (card, { to }, { emit, reject }) => {
        if (!isOpen(card)) return reject("no-such-card", NO_CARD);
        return card.assignee === to ? [] : emit("CardAssigned", { to });
      },
      undo: ({ before, command }) => before && command.assign({ to: before.assignee }),
    },
    comment: {
      input: v.object({ text: commentText }),
      decide: (card, input, { emit, reject }) =>
        isOpen(card) ? emit("CardCommented", input) : reject("no-such-card", NO_CARD),
      // Keep, because a comment is valid whatever happened to the card meanwhile.
      onConflict: "keep",
    },
    archive: {
      decide: (card, _, { emit }) => (isOpen(card) ? emit("CardArchived") : []),
      onConflict: ({ theirs, reject, rebase }) => {
        const first = theirs.findLast((event) => event.type === "CardCommented");
        return first ? reject("commented-meanwhile", `${first.actor} commented first: “${first.data.text}”`) : rebase();
      },
      undo: ({ command }) => command.restore(),
    },
    restore: {
      decide: (card, _, { emit, reject }) => {
        if (!card) return reject("no-such-card", "The card does not exist");
        return card.archived ? emit("CardRestored") : [];
      },
      undo: ({ command }) => command.archive(),
    },
  },
});

function isOpen(card: Card): card is NonNullable<Card> {
  return card !== null && !card.archived;
}

/** Events and commands in words for people who know neither. */
import type { CommandRequest, DomainEvent, Json } from "dacapo";
import { words } from "../words/language.ts";

/** The current names of cards and columns, by stream; null if they were removed. */
export type Names = (stream: string) => string | null;

type Told = Pick<DomainEvent, "type" | "data" | "stream">;

/** An event in words that follow its author's name: "renamed it to “Milk”". */
export function sayEvent({ type, data, stream }: Told, names: Names): string {
  switch (type) {
    case "CardAdded":
      return words.event.cardAdded(field(data, "title"));
    case "ColumnAdded":
      return words.event.columnAdded(field(data, "name"));
    case "CardRenamed":
      return words.event.cardRenamed(field(data, "title"));
    case "ColumnRenamed":
      return words.event.columnRenamed(field(data, "name"));
    case "CardDescribed":
      return field(data, "description") === "" ? words.event.descriptionRemoved : words.event.described;
    case "CardMoved":
      return words.event.cardMoved(columnIn(data, names));
    case "ColumnMoved":
      return words.event.columnMoved;
    case "CardCompleted":
      return words.event.completed;
    case "CardReopened":
      return words.event.reopened;
    case "CardAssigned":
      return field(data, "to") === "" ? words.event.unassigned : words.event.assigned(field(data, "to"));
    case "CardCommented":
      return words.event.commented(shorten(field(data, "text")));
    case "CardArchived":
      return words.event.archived;
    case "CardRestored":
      return words.event.restored;
    case "ColumnRemoved":
      return words.event.columnRemoved;
    case "ColumnRestored":
      return words.event.columnRestored;
    default:
      return words.event.other(stream.startsWith("card/"), type);
  }
}

/** A command as an infinitive: "rename “Milk” to “Oat milk”". */
export function sayCommand({ stream, name, input = null }: CommandRequest, names: Names): string {
  const isCard = stream.startsWith("card/");
  const it = quote(names(stream), isCard ? words.common.removedCard : words.common.removedColumn);
  switch (name) {
    case "add":
      return isCard ? words.command.addCard(field(input, "title")) : words.command.addColumn(field(input, "name"));
    case "rename":
      return words.command.rename(it, field(input, isCard ? "title" : "name"));
    case "describe":
      return words.command.describe(it, shorten(field(input, "description")));
    case "move":
      return isCard ? words.command.moveCard(it, columnIn(input, names)) : words.command.moveColumn(it);
    case "complete":
      return words.command.complete(it);
    case "reopen":
      return words.command.reopen(it);
    case "assign":
      return field(input, "to") === "" ? words.command.unassign(it) : words.command.assign(it, field(input, "to"));
    case "comment":
      return words.command.comment(it, shorten(field(input, "text")));
    case "archive":
      return words.command.archive(it);
    case "restore":
      return isCard ? words.command.restoreCard(it) : words.command.restoreColumn(it);
    case "remove":
      return words.command.removeColumn(it);
    default:
      return `${name} ${it}`;
  }
}

/** A text in the data of an event or a command, or "". */
export function field(data: Json, name: string): string {
  if (typeof data !== "object" || data === null || !(name in data)) return "";
  const value: unknown = Object.entries(data).find(([key]) => key === name)?.[1];
  return typeof value === "string" ? value : "";
}

function columnIn(data: Json, names: Names): string {
  return quote(names(`board-column/${field(data, "column")}`), words.common.removedColumn);
}

function quote(name: string | null, otherwise: string): string {
  return name === null ? otherwise : `“${shorten(name)}”`;
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 58)}…` : text;
}

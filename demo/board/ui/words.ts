/** Events and commands in everyday words. */
import type { CommandRequest, DomainEvent, Json } from "dacapo";

/** Today's names of cards and columns, by stream. Null: removed. */
export type Names = (stream: string) => string | null;

type Told = Pick<DomainEvent, "type" | "data" | "stream">;

/** Describes an event, to follow a person's name: "renamed it to “Milk”". */
export function sayEvent({ type, data, stream }: Told, names: Names): string {
  const it = stream.startsWith("card/") ? "it" : "the column";
  switch (type) {
    case "CardAdded":
      return `wrote the card “${field(data, "title")}”`;
    case "ColumnAdded":
      return `added the column “${field(data, "name")}”`;
    case "CardRenamed":
      return `renamed it to “${field(data, "title")}”`;
    case "ColumnRenamed":
      return `named the column “${field(data, "name")}”`;
    case "CardDescribed":
      return field(data, "description") === "" ? "took the description away" : "changed the description";
    case "CardMoved":
      return `moved it to ${columnIn(data, names)}`;
    case "ColumnMoved":
      return "moved the column";
    case "CardCompleted":
      return "ticked it off";
    case "CardReopened":
      return "opened it again";
    case "CardAssigned":
      return field(data, "to") === "" ? "freed it for anyone" : `gave it to ${field(data, "to")}`;
    case "CardCommented":
      return `said: “${shorten(field(data, "text"))}”`;
    case "CardArchived":
      return "archived it";
    case "CardRestored":
      return "brought it back";
    case "ColumnRemoved":
      return "removed the column";
    default:
      return `changed ${it} (${type})`;
  }
}

/** Describes a command as an infinitive: "rename “Milk” to “Oat milk”". */
export function sayCommand({ stream, name, input = null }: CommandRequest, names: Names): string {
  const isCard = stream.startsWith("card/");
  const it = isCard ? quote(names(stream), "a card that is gone") : quote(names(stream), "a column that is gone");
  switch (name) {
    case "add":
      return isCard ? `add the card “${field(input, "title")}”` : `add the column “${field(input, "name")}”`;
    case "rename":
      return `rename ${it} to “${field(input, isCard ? "title" : "name")}”`;
    case "describe":
      return `describe ${it} as “${shorten(field(input, "description"))}”`;
    case "move":
      return isCard ? `move ${it} to ${columnIn(input, names)}` : `move the column ${it}`;
    case "complete":
      return `tick off ${it}`;
    case "reopen":
      return `open ${it} again`;
    case "assign":
      return field(input, "to") === "" ? `free ${it} for anyone` : `give ${it} to ${field(input, "to")}`;
    case "comment":
      return `say “${shorten(field(input, "text"))}” on ${it}`;
    case "archive":
      return `archive ${it}`;
    case "restore":
      return `bring ${it} back`;
    case "remove":
      return `remove the column ${it}`;
    default:
      return `${name} ${it}`;
  }
}

/** A text in the data of an event or a command; "" where there is none. */
export function field(data: Json, name: string): string {
  if (typeof data !== "object" || data === null || !(name in data)) return "";
  const value: unknown = Object.entries(data).find(([key]) => key === name)?.[1];
  return typeof value === "string" ? value : "";
}

function columnIn(data: Json, names: Names): string {
  return quote(names(`board-column/${field(data, "column")}`), "a column that is gone");
}

function quote(name: string | null, otherwise: string): string {
  return name === null ? otherwise : `“${shorten(name)}”`;
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 58)}…` : text;
}

/** Events and commands in words for people who know neither. */
import type { CommandRequest, DomainEvent, Json } from "dacapo";

/** The current names of cards and columns, by stream; null if they were removed. */
export type Names = (stream: string) => string | null;

type Told = Pick<DomainEvent, "type" | "data" | "stream">;

/** An event in words that follow its author's name: "renamed it to “Milk”". */
export function sayEvent({ type, data, stream }: Told, names: Names): string {
  const it = stream.startsWith("card/") ? "it" : "the column";
  switch (type) {
    case "CardAdded":
      return `added the card “${field(data, "title")}”`;
    case "ColumnAdded":
      return `added the column “${field(data, "name")}”`;
    case "CardRenamed":
      return `renamed it to “${field(data, "title")}”`;
    case "ColumnRenamed":
      return `renamed the column to “${field(data, "name")}”`;
    case "CardDescribed":
      return field(data, "description") === "" ? "removed the description" : "changed the description";
    case "CardMoved":
      return `moved it to ${columnIn(data, names)}`;
    case "ColumnMoved":
      return "moved the column";
    case "CardCompleted":
      return "marked it as done";
    case "CardReopened":
      return "reopened it";
    case "CardAssigned":
      return field(data, "to") === "" ? "removed the assignment" : `assigned it to ${field(data, "to")}`;
    case "CardCommented":
      return `commented: “${shorten(field(data, "text"))}”`;
    case "CardArchived":
      return "archived it";
    case "CardRestored":
      return "restored it";
    case "ColumnRemoved":
      return "removed the column";
    case "ColumnRestored":
      return "restored the column";
    default:
      return `changed ${it} (${type})`;
  }
}

/** A command as an infinitive: "rename “Milk” to “Oat milk”". */
export function sayCommand({ stream, name, input = null }: CommandRequest, names: Names): string {
  const isCard = stream.startsWith("card/");
  const it = isCard ? quote(names(stream), "a removed card") : quote(names(stream), "a removed column");
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
      return `mark ${it} as done`;
    case "reopen":
      return `reopen ${it}`;
    case "assign":
      return field(input, "to") === "" ? `remove the assignment of ${it}` : `assign ${it} to ${field(input, "to")}`;
    case "comment":
      return `comment “${shorten(field(input, "text"))}” on ${it}`;
    case "archive":
      return `archive ${it}`;
    case "restore":
      return isCard ? `restore ${it}` : `restore the column ${it}`;
    case "remove":
      return `remove the column ${it}`;
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
  return quote(names(`board-column/${field(data, "column")}`), "a removed column");
}

function quote(name: string | null, otherwise: string): string {
  return name === null ? otherwise : `“${shorten(name)}”`;
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 58)}…` : text;
}

/** Describes what other people changed on a card or column after the change that undo or redo takes back. */
import { type Json, RejectedError } from "dacapo";
import type { LogHandle } from "dacapo/client";
import { cards, columns } from "../domain/read-models.ts";
import { field, sayEvent } from "./words.ts";
import { words } from "../words/language.ts";

/** Events that change only one part of a card or column. Other events touch all of it. */
const PARTS: Readonly<Record<string, string>> = {
  CardRenamed: "title",
  CardDescribed: "description",
  CardMoved: "place",
  CardCompleted: "done",
  CardReopened: "done",
  CardAssigned: "assignee",
  CardCommented: "comments",
  ColumnRenamed: "title",
  ColumnMoved: "place",
};

/**
 * The newer work in words. `elsewhere` if it changed other parts, so that taking the change back replaces nothing. Null
 * if the error has another reason.
 */
export function newerWork(error: unknown, log: Pick<LogHandle, "rows">): string | null {
  if (!(error instanceof RejectedError) || error.details["code"] !== "conflict") return null;
  const { theirs = null, mine = null } = error.details;
  const parts = listOf(mine).map((event) => PARTS[field(event, "type")]);
  const isTouched = (part: string | undefined) =>
    part === undefined || parts.includes(undefined) || parts.includes(part);
  const last = listOf(theirs).findLast((event) => isTouched(PARTS[field(event, "type")]));
  if (last === undefined) return "elsewhere";
  const stream = field(last, "stream");
  const names = (of: string) => log.rows(cards).row(of)?.row.title ?? log.rows(columns).row(of)?.row.name ?? null;
  const [type, author, name] = [field(last, "type"), field(last, "actor"), names(stream)];
  const isCard = type === "CardRenamed";
  const to = field(dataOf(last), isCard ? "title" : "name");
  if (PARTS[type] === "title" && name === to) return words.undo.renamed(author, isCard, to);
  return words.undo.newer(name, author, sayEvent({ type, data: dataOf(last), stream }, names));
}

function listOf(value: Json): readonly Json[] {
  return isList(value) ? value : [];
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function dataOf(event: Json): Json {
  return typeof event === "object" && event !== null && "data" in event ? event.data : null;
}

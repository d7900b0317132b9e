/** The board and the person's name, from the page's address and from this browser's memory. */
import { keep, recall } from "./memory.ts";
import { words } from "./words/language.ts";

export type Session = { readonly log: string; readonly name: string };

/** Allowed names of logs. The sync server has the same rule. */
const LOG_NAME = /^[A-Za-z0-9][A-Za-z0-9._~:@-]{0,127}$/;
const NAME_LENGTH_MAX = 64;
const BOARDS_MAX = 5;

export function sessionOf(search: string): Session | null {
  const { log, name } = asked(search);
  return LOG_NAME.test(log) && isName(name) ? { log, name } : null;
}

/** The reason why an address does not open its board, in words; null if it names no board. */
export function whyNot(search: string): string | null {
  const { log, name } = asked(search);
  if (log !== "" && !LOG_NAME.test(log)) {
    return words.session.badBoard(shorten(log));
  }
  if (name !== "" && !isName(name)) return words.session.longName(shorten(name), NAME_LENGTH_MAX);
  return log === "" || name !== "" ? null : words.session.nameless(log);
}

/** The reason why a typed text names no board, in words; null if it names one, or is empty. */
export function whyNotTyped(typed: string, log: string): string | null {
  return log === "" && typed.trim() !== "" ? words.session.badBoard(shorten(typed.trim())) : null;
}

/** The first values of the start page: cleaned values of the address, otherwise the last ones of this browser. */
export function proposalFor(search: string): { readonly name: string; readonly board: string } {
  const { log, name } = asked(search);
  return {
    name: cleanName(name) || rememberedName(),
    board: (LOG_NAME.test(log) ? log : logNameOf(log)) || (rememberedLogs()[0] ?? ""),
  };
}

/** The log for a typed name: the name itself if this browser or the address has it, otherwise a plain name. */
export function logOf(typed: string, search: string): string {
  const known = [asked(search).log, ...rememberedLogs()].filter((log) => LOG_NAME.test(log));
  return known.includes(typed) ? typed : logNameOf(typed);
}

export function addressOf({ log, name }: Session): string {
  return `/?${new URLSearchParams({ log, as: name })}`;
}

/** The address to share. A person who opens it enters a name first. */
export function shareAddress(log: string): string {
  return `/?${new URLSearchParams({ log })}`;
}

/** Makes the name of a log from a typed name: "Team 7!" becomes "team-7". */
function logNameOf(typed: string): string {
  return typed
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60);
}

export function cleanName(typed: string): string {
  // Count characters as people see them, because half of such a character is not valid text.
  let name = "";
  for (const { segment } of new Intl.Segmenter().segment(plain(typed))) {
    if (name.length + segment.length > NAME_LENGTH_MAX) break;
    name += segment;
  }
  return name.trim();
}

export function remember({ log, name }: Session): void {
  keep(() => localStorage, "board.name", name);
  keep(
    () => localStorage,
    "board.logs",
    JSON.stringify([log, ...rememberedLogs().filter((other) => other !== log)].slice(0, BOARDS_MAX)),
  );
}

export function rememberedName(): string {
  return recall(() => localStorage, "board.name") ?? "";
}

export function rememberedLogs(): readonly string[] {
  try {
    const logs: unknown = JSON.parse(recall(() => localStorage, "board.logs") ?? "[]");
    return Array.isArray(logs)
      ? logs.filter((log: unknown): log is string => typeof log === "string" && LOG_NAME.test(log))
      : [];
  } catch {
    return [];
  }
}

function asked(search: string): Session {
  const query = new URLSearchParams(search);
  return { log: query.get("log") ?? "", name: plain(query.get("as") ?? "") };
}

function isName(name: string): boolean {
  return name !== "" && name.length <= NAME_LENGTH_MAX;
}

/** Makes a text one line, without invisible characters. */
function plain(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, " ").trim();
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}

/** The board and the person: from the page's address, and from this browser's memory of earlier visits. */
export type Session = { readonly log: string; readonly name: string };

/** The form of a log's name. The sync server has the same rule. */
const LOG_NAME = /^[A-Za-z0-9][A-Za-z0-9._~:@-]{0,127}$/;
const NAME_LENGTH_MAX = 64;
const BOARDS_MAX = 5;

export function sessionOf(search: string): Session | null {
  const { log, name } = asked(search);
  return LOG_NAME.test(log) && isName(name) ? { log, name } : null;
}

/** The reason why an address does not lead to its board, in words. Null: the address names no board. */
export function whyNot(search: string): string | null {
  const { log, name } = asked(search);
  if (log !== "" && !LOG_NAME.test(log)) {
    return `No board can be called “${shorten(log)}”: a name has letters from A to Z, digits and the signs . _ ~ : @ -, begins with a letter or a digit, and has at most 128 of them.`;
  }
  if (name !== "" && !isName(name))
    return `“${shorten(name)}” is too long for a person's name: at most ${NAME_LENGTH_MAX} characters.`;
  return log === "" || name !== "" ? null : `To open the board “${log}”, say who you are.`;
}

/** The first values of the start page: the address made into valid names, otherwise the values of the last visit. */
export function proposalFor(search: string): { readonly name: string; readonly board: string } {
  const { log, name } = asked(search);
  return {
    name: cleanName(name) || rememberedName(),
    board: (LOG_NAME.test(log) ? log : logNameOf(log)) || (rememberedLogs()[0] ?? ""),
  };
}

/** The log for a typed name: a log that is known here or in the address, otherwise a new log with a plain name. */
export function logOf(typed: string, search: string): string {
  const known = [asked(search).log, ...rememberedLogs()].filter((log) => LOG_NAME.test(log));
  return known.includes(typed) ? typed : logNameOf(typed);
}

export function addressOf({ log, name }: Session): string {
  return `/?${new URLSearchParams({ log, as: name })}`;
}

/** Makes a typed board name into the name of a log: "Team 7!" becomes "team-7". */
function logNameOf(typed: string): string {
  return typed
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60);
}

export function cleanName(typed: string): string {
  // Cut between the characters that people see, because half a character is no text.
  let name = "";
  for (const { segment } of new Intl.Segmenter().segment(plain(typed))) {
    if (name.length + segment.length > NAME_LENGTH_MAX) break;
    name += segment;
  }
  return name.trim();
}

export function remember({ log, name }: Session): void {
  localStorage.setItem("board.name", name);
  localStorage.setItem(
    "board.logs",
    JSON.stringify([log, ...rememberedLogs().filter((other) => other !== log)].slice(0, BOARDS_MAX)),
  );
}

export function rememberedName(): string {
  return localStorage.getItem("board.name") ?? "";
}

export function rememberedLogs(): readonly string[] {
  try {
    const logs: unknown = JSON.parse(localStorage.getItem("board.logs") ?? "[]");
    return Array.isArray(logs) ? logs.filter((log) => typeof log === "string" && LOG_NAME.test(log)) : [];
  } catch {
    return [];
  }
}

// The offline switch belongs to a tab and survives its reload.
const OFFLINE = "board.offline";

export function wantsOffline(): boolean {
  return sessionStorage.getItem(OFFLINE) !== null;
}

export function rememberOffline(offline: boolean): void {
  if (offline) sessionStorage.setItem(OFFLINE, "yes");
  else sessionStorage.removeItem(OFFLINE);
}

function asked(search: string): Session {
  const query = new URLSearchParams(search);
  return { log: query.get("log") ?? "", name: plain(query.get("as") ?? "") };
}

function isName(name: string): boolean {
  return name !== "" && name.length <= NAME_LENGTH_MAX;
}

/** Returns the text on one line, without invisible characters. */
function plain(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, " ").trim();
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}

/** Which board, and who: from the page's address, and what this browser remembers of the last times. */
export type Session = { readonly log: string; readonly name: string };

/** What a log may be called; the sync server holds the same rule. */
const LOG_NAME = /^[A-Za-z0-9][A-Za-z0-9._~:@-]{0,127}$/;
const NAME_LENGTH_MAX = 64;
const BOARDS_MAX = 5;

export function sessionOf(search: string): Session | null {
  const { log, name } = asked(search);
  return LOG_NAME.test(log) && isName(name) ? { log, name } : null;
}

/** Why an address that asks for a board does not lead to it, in words; null where it asks for none. */
export function whyNot(search: string): string | null {
  const { log, name } = asked(search);
  if (log !== "" && !LOG_NAME.test(log)) {
    return `No board can be called “${shorten(log)}”: a name has letters from A to Z, digits and the signs . _ ~ : @ -, begins with a letter or a digit, and has at most 128 of them.`;
  }
  if (name !== "" && !isName(name))
    return `“${shorten(name)}” is too long for a person's name: at most ${NAME_LENGTH_MAX} characters.`;
  return log === "" || name !== "" ? null : `To open the board “${log}”, say who you are.`;
}

/** What the start page begins with: what the address asks for, made into what can be, else what was there the last time. */
export function proposalFor(search: string): { readonly name: string; readonly board: string } {
  const { log, name } = asked(search);
  return {
    name: cleanName(name) || rememberedName(),
    board: (LOG_NAME.test(log) ? log : logNameOf(log)) || (rememberedLogs()[0] ?? ""),
  };
}

/** The log that a typed name means: one that is known here or asked for as it stands, else a new one of a plain name. */
export function logOf(typed: string, search: string): string {
  const known = [asked(search).log, ...rememberedLogs()].filter((log) => LOG_NAME.test(log));
  return known.includes(typed) ? typed : logNameOf(typed);
}

export function addressOf({ log, name }: Session): string {
  return `/?${new URLSearchParams({ log, as: name })}`;
}

/** What was typed as a board's name, made into the name of a log: "Team 7!" becomes "team-7". */
function logNameOf(typed: string): string {
  return typed
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60);
}

export function cleanName(typed: string): string {
  // By characters as people see them: half of one is no text.
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

// The offline switch belongs to a tab, and outlives its reloading.
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

/** On one line, without signs that cannot be seen. */
function plain(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, " ").trim();
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}

/** Which board, and who: from the page's address, and what this browser remembers of the last times. */
export type Session = { readonly log: string; readonly name: string };

/** What a log may be called; the sync server holds the same rule. */
const LOG_NAME = /^[A-Za-z0-9][A-Za-z0-9._~:@-]{0,127}$/;
const NAME_LENGTH_MAX = 64;
const BOARDS_MAX = 5;

export function sessionOf(search: string): Session | null {
  const query = new URLSearchParams(search);
  const log = query.get("log") ?? "";
  const name = cleanName(query.get("as") ?? "");
  return LOG_NAME.test(log) && name !== "" ? { log, name } : null;
}

export function addressOf({ log, name }: Session): string {
  return `/?${new URLSearchParams({ log, as: name })}`;
}

/** What was typed as a board's name, made into the name of a log: "Team 7!" becomes "team-7". */
export function logNameOf(typed: string): string {
  return typed
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60);
}

export function cleanName(typed: string): string {
  return typed.trim().replace(/\s+/g, " ").slice(0, NAME_LENGTH_MAX);
}

export function remember({ log, name }: Session): void {
  localStorage.setItem("board.name", name);
  localStorage.setItem("board.logs", JSON.stringify([log, ...rememberedLogs().filter((other) => other !== log)].slice(0, BOARDS_MAX)));
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

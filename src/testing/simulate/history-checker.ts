/**
 * The history checker, which compares what people saw with the state at the end and reports every contradiction.
 *
 * Guarantees:
 * - It shares no code with the product. It reads texts, has its own fold, and uses only the domain functions of the
 *   app's author.
 * - The numbers in its reports are the numbers of the invariants in `docs/architecture.md`.
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { checkDecisions } from "./check-decisions.ts";
import { checkOrder } from "./check-order.ts";
import { checkAcknowledged, checkSettled } from "./check-outcomes.ts";
import type { FinalDevice, FinalLog, History } from "./journal.ts";
import { canonical, type PlainRecord } from "./plain-record.ts";
import { refold } from "./refold.ts";
import { parseOwnJson } from "../../core/values/json.ts";

export function checkHistory(history: History, domain: DomainDefinition): string[] {
  const logs = new Map(history.logs.map((log) => [log.log, log]));
  const records = new Map(
    history.logs.map((log) => [log.log, log.records.map((text) => parseOwnJson<PlainRecord>(text))]),
  );
  const problems: string[] = [];
  for (const [log, list] of records) problems.push(...checkLog(log, list, history));
  for (const device of history.devices) {
    const log = logs.get(device.log);
    if (log && !log.gone)
      problems.push(...checkReplica(device, log), ...checkRows(device, records.get(device.log) ?? []));
  }
  problems.push(
    ...checkAcknowledged(history, logs, records),
    ...checkSettled(history, records),
    ...checkShown(history),
    ...checkOrder(history, records),
  );
  for (const [log, list] of records) problems.push(...checkDecisions(log, list, history, domain));
  return problems;
}

/** 2, 3, 8: a log is one sequence without gap or duplicate, and each record is by an allowed author. */
function checkLog(log: string, records: readonly PlainRecord[], { journal, honest, hostile }: History): string[] {
  const problems: string[] = [];
  const [commits, marks, asks] = [new Set<string>(), new Set<string>(), new Set<number>()];
  const versions = new Map<string, number>();
  const takenBack = countTakenBack(log, journal);
  let position = 0;
  for (const { position: at, mark, commit, client, actor, meta, events } of records) {
    if (at !== position + 1) problems.push(`3: ${log} has position ${at} after ${position}`);
    position = at + events.length - 1;
    if (commits.has(commit)) problems.push(`2: ${log} has commit ${commit} twice`);
    if (marks.has(mark)) problems.push(`3: ${log} has mark ${mark} twice`);
    if (events.length === 0) problems.push(`3: ${log} has a record without events at ${at}`);
    commits.add(commit);
    marks.add(mark);
    for (const { stream, version } of events) {
      if (version !== (versions.get(stream) ?? 0) + 1)
        problems.push(`3: ${stream} in ${log} has version ${version} after ${versions.get(stream) ?? 0}`);
      versions.set(stream, version);
    }
    if (actor === hostile) continue;
    if (!honest.includes(actor)) problems.push(`8: ${log} has a record by ${actor}`);
    if (meta === null) {
      const left = takenBack.get(`${client} ${actor}`) ?? 0;
      if (left === 0)
        problems.push(`2: ${log} has more of ${actor} on ${client} that was taken back than he asked for`);
      takenBack.set(`${client} ${actor}`, left - 1);
      continue;
    }
    if (meta?.of !== log) problems.push(`8: ${log} has a record that was made for ${meta?.of ?? "nothing"}`);
    if (meta?.ask === undefined || asks.has(meta.ask))
      problems.push(`2: ${log} has what was asked as ${meta?.ask ?? "nothing"} twice, or unasked`);
    else asks.add(meta.ask);
  }
  return problems;
}

/**
 * Counts the undos and redos of each author that were not refused. They are counted, because they have no meta that
 * identifies them.
 */
function countTakenBack(log: string, journal: History["journal"]): Map<string, number> {
  const refused = new Set(journal.flatMap((entry) => (entry.kind === "refused" ? [entry.ask] : [])));
  const counts = new Map<string, number>();
  for (const entry of journal) {
    if (entry.kind !== "askedBack" || entry.log !== log || refused.has(entry.ask)) continue;
    const author = `${entry.client} ${entry.actor}`;
    counts.set(author, (counts.get(author) ?? 0) + 1);
  }
  return counts;
}

/** 4, 6: a device contains the same records as the server, from its base on. */
function checkReplica({ name, base, records, pending }: FinalDevice, server: FinalLog): string[] {
  const same = (text: string | undefined) => text !== undefined && canonical(JSON.parse(text));
  const behind = server.records.filter((text) => parseOwnJson<PlainRecord>(text).position > base);
  const at = records.findIndex((text, index) => same(text) !== same(behind[index]));
  const problems = at >= 0 ? [`4: ${name} has another record than the server at place ${at}`] : [];
  if (at < 0 && records.length !== behind.length)
    problems.push(`6: ${name} has ${records.length} of ${behind.length} records`);
  if (pending.length > 0) problems.push(`10: ${name} still has ${pending.length} pending commits`);
  return problems;
}

/** 5: the rows that people see are the fold of the records. */
function checkRows(device: FinalDevice, records: readonly PlainRecord[]): string[] {
  if (device.pending.length > 0) return [];
  return device.tabs.flatMap(({ name, domain, rows }) => {
    const expected = refold(records, domain);
    const shown = new Map(
      rows.map(({ projection, key, row, pending }) => [
        `${projection} ${key}`,
        `${canonical(row)}${pending ? " pending" : ""}`,
      ]),
    );
    const wrong = [...new Set([...shown.keys(), ...expected.keys()])].filter(
      (key) => shown.get(key) !== expected.get(key),
    );
    return wrong
      .slice(0, 3)
      .map((key) => `5: ${name} shows ${key} as ${shown.get(key) ?? "nothing"}, not ${expected.get(key) ?? "nothing"}`);
  });
}

/** 5: a tab's page shows a commit's rows by the time it hears that the commit is durable. */
function checkShown({ journal }: History): string[] {
  return journal.flatMap((entry) =>
    entry.kind === "unshown"
      ? [`5: ${entry.tab} heard of ${entry.commits.join(", ")} before it got their rows of ${entry.projection}`]
      : [],
  );
}

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

/** 4, 6: a device contains the same records as the server. */
function checkReplica({ name, records, pending }: FinalDevice, server: FinalLog): string[] {
  const same = (text: string | undefined) => text !== undefined && canonical(JSON.parse(text));
  const at = records.findIndex((text, index) => same(text) !== same(server.records[index]));
  const problems = at >= 0 ? [`4: ${name} has another record than the server at place ${at}`] : [];
  if (at < 0 && records.length !== server.records.length)
    problems.push(`6: ${name} has ${records.length} of ${server.records.length} records`);
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

/** 1, 9: an acknowledged commit is recorded, settled as empty, or rejected and kept. */
function checkAcknowledged(
  { journal, devices, outcomes, empty }: History,
  logs: ReadonlyMap<string, FinalLog>,
  records: ReadonlyMap<string, readonly PlainRecord[]>,
): string[] {
  const problems: string[] = [];
  const asked = new Map(
    journal.flatMap((entry) =>
      entry.kind === "asked" || entry.kind === "askedBack" ? [[entry.ask, entry] as const] : [],
    ),
  );
  const discarded = new Set(journal.flatMap((entry) => (entry.kind === "discarded" ? [entry.commit] : [])));
  const recorded = new Set(
    [...records].flatMap(([log, list]) => list.map(({ commit, actor }) => `${log} ${actor} ${commit}`)),
  );
  const recordedAsks = new Set(
    [...records].flatMap(([log, list]) => list.map(({ meta }) => `${log} ${meta?.ask ?? ""}`)),
  );
  const known = new Map(outcomes.map((outcome) => [`${outcome.log} ${outcome.actor} ${outcome.commit}`, outcome.text]));
  const happened = new Set(journal.map(({ kind }) => kind));
  const evicted = new Set(journal.flatMap((entry) => (entry.kind === "evicted" ? [entry.device] : [])));
  for (const entry of journal) {
    if (entry.kind === "refused") {
      const ask = asked.get(entry.ask);
      if (ask && recordedAsks.has(`${ask.log} ${entry.ask}`))
        problems.push(
          `1: what was refused to ${ask.device} with ${entry.code} is recorded all the same (ask ${entry.ask})`,
        );
    }
    if (entry.kind !== "acknowledged") continue;
    const ask = asked.get(entry.ask);
    if (!ask) continue;
    const key = `${ask.log} ${ask.actor} ${entry.commit}`;
    const holders = devices.filter((device) => device.log === ask.log && device.client === ask.client);
    const isKept = holders.some((device) => device.rejections.includes(entry.commit));
    if (recorded.has(key)) {
      if (isKept) problems.push(`2: commit ${entry.commit} of ${ask.device} is recorded, and kept as refused`);
      continue;
    }
    // A dropped log loses its records. Other commits are still on a device, which may be gone too.
    if (logs.get(ask.log)?.gone || evicted.has(ask.device) || isKept || discarded.has(entry.commit)) continue;
    // A commit without events that the device confirmed before it had a server is in no history.
    if (holders.some(({ leftBehind }) => leftBehind.has(entry.commit))) continue;
    const outcome = known.get(key);
    // A restore may forget a commit without events, because it changed nothing.
    if (outcome?.includes('"outcome":"empty"') || (outcome === undefined && happened.has("restored") && empty.has(key)))
      continue;
    problems.push(
      `1: commit ${entry.commit} of ${ask.device} was acknowledged and is nowhere (server: ${outcome ?? "nothing"})`,
    );
  }
  return problems;
}

/**
 * 2: a commit that was reported as rejected is not recorded. A withdrawn commit is skipped, because its push may be on
 * the way.
 */
function checkSettled(
  { journal, devices, doubles }: History,
  records: ReadonlyMap<string, readonly PlainRecord[]>,
): string[] {
  const isRestored = journal.some((entry) => entry.kind === "restored");
  // After a restore the server may decide a late double of an old push again.
  if (doubles && isRestored) return [];
  const recorded = new Map(
    [...records].flatMap(([log, list]) => list.map(({ commit, actor }) => [`${log} ${commit}`, actor] as const)),
  );
  const authors = new Map(devices.map(({ name, log, actor }) => [name, { log, actor }]));
  const origins = new Map<string, string>();
  for (const entry of journal)
    if (entry.kind === "copied") origins.set(entry.to, origins.get(entry.device) ?? entry.device);
  const originOf = (device: string) => origins.get(device) ?? device;
  // The server and the device both store a rejection. Known limit: if the server lost it in a restore, and the device
  // lost it in a power cut or a copy of the device never got it, the server decides the commit again.
  const isForgotten = (at: number, device: string) =>
    isRestored &&
    journal.some(
      (entry, index) =>
        (entry.kind === "lostPower" && index > at && entry.device === device) ||
        (entry.kind === "copied" && entry.since <= at && originOf(entry.device) === originOf(device)),
    );
  return journal.flatMap((entry, at) => {
    const author = entry.kind === "settled" ? authors.get(entry.device) : undefined;
    if (
      entry.kind !== "settled" ||
      !author ||
      isForgotten(at, entry.device) ||
      entry.outcome !== "rejected" ||
      entry.code === "withdrawn"
    )
      return [];
    const isThere = recorded.get(`${author.log} ${entry.commit}`) === author.actor;
    return isThere
      ? [`2: ${entry.device} got a refusal of commit ${entry.commit} (${entry.code ?? ""}), and it is recorded`]
      : [];
  });
}

/**
 * 7: if a device made a commit after an earlier commit was acknowledged, it is later in each push and in the log.
 *
 * If the commits of a device overtake a stuck commit, the order in the log holds for commits that share a stream.
 */
function checkOrder(
  { journal, devices, doubles, pushed, pushedAsks }: History,
  records: ReadonlyMap<string, readonly PlainRecord[]>,
): string[] {
  const copied = new Set(devices.filter(({ isCopy }) => isCopy).map(({ client }) => client));
  const skipping = new Set(devices.filter(({ skipsStuck }) => skipsStuck).map(({ client }) => client));
  const streams = streamsOfPushed(pushed);
  const times = new Map<number, { readonly asked: number; readonly author: string; acknowledged: number }>();
  for (const [at, entry] of journal.entries()) {
    if (entry.kind === "asked" || entry.kind === "askedBack")
      times.set(entry.ask, {
        asked: at,
        author: `${entry.client} ${entry.actor}`,
        acknowledged: Number.POSITIVE_INFINITY,
      });
    const time = entry.kind === "acknowledged" ? times.get(entry.ask) : undefined;
    if (time) time.acknowledged = at;
  }
  const asks = new Map(
    journal.flatMap((entry) => (entry.kind === "acknowledged" ? [[entry.commit, entry.ask] as const] : [])),
  );
  const withdrawn = new Set(journal.flatMap((entry) => (entry.kind === "withdrawn" ? [entry.commit] : [])));
  const problems: string[] = [];
  for (const text of pushedAsks) {
    const [client, ...asks] = parseOwnJson<[string, ...number[]]>(text);
    let before = -1;
    for (const ask of asks) {
      const time = copied.has(client) ? undefined : times.get(ask);
      if (!time) continue;
      if (time.acknowledged < before)
        problems.push(`7: a push of ${client} has what was asked as ${ask} behind what was asked later`);
      before = Math.max(before, time.asked);
    }
  }
  // After a restore a late double of an old push may arrive first, so the log guarantees no order then.
  if (doubles && journal.some((entry) => entry.kind === "restored")) return problems;
  for (const [log, list] of records) {
    const latest = new Map<string, number>();
    for (const { commit, meta, client, actor } of list) {
      const time = times.get(meta?.ask ?? asks.get(commit) ?? -1);
      if (!time || withdrawn.has(commit) || time.author !== `${client} ${actor}` || copied.has(client)) continue;
      for (const key of skipping.has(client) ? (streams.get(commit) ?? []) : [""]) {
        const before = latest.get(`${client} ${key}`) ?? -1;
        if (time.acknowledged < before)
          problems.push(`7: ${log} has commit ${commit} of ${actor} behind one that was made after it`);
        latest.set(`${client} ${key}`, Math.max(before, time.asked));
      }
    }
  }
  return problems;
}

/** The streams that each pushed commit writes or reads. */
function streamsOfPushed(pushed: History["pushed"]): ReadonlyMap<string, ReadonlySet<string>> {
  type Used = { readonly stream: string };
  return new Map(
    pushed.map(({ text }) => {
      const { id, commands } = parseOwnJson<{
        readonly id: string;
        readonly commands: readonly (Used & { readonly reads: readonly Used[] })[];
      }>(text);
      return [id, new Set(commands.flatMap(({ stream, reads }) => [stream, ...reads.map((read) => read.stream)]))];
    }),
  );
}

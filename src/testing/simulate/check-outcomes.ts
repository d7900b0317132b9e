/** Checks the end of each commit: an acknowledged one is not lost, and a rejected one is not recorded. */
import type { FinalLog, History } from "./journal.ts";
import type { PlainRecord } from "./plain-record.ts";

/** 1, 9: an acknowledged commit is recorded, settled as empty, or rejected and kept. */
export function checkAcknowledged(
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
export function checkSettled(
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

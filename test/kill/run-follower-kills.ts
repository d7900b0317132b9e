/**
 * Kills a server while it rebuilds models, follows the log, runs handlers and processes. Then it compares all rows with
 * those of the log, and counts the effects.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { sqlite } from "dacapo/sqlite";
import { endLeases, killChild, startChild } from "../support/killed-child.ts";
import { problemsOf, type Received, receivedEvents } from "../support/process-model.ts";
import { seededRandom } from "../support/random.ts";
import { temporaryFolder } from "../support/server.ts";

export type FollowerKills = {
  readonly rounds: number;
  /** Rows that differ from those of the log, in words. */
  readonly wrong: readonly string[];
  /** Effects that are missing or came twice, in words. */
  readonly doubled: readonly string[];
  readonly events: number;
  readonly rebuilt: number;
};

type Message = { readonly placed?: number; readonly rebuilt?: number; readonly differences?: number | null };

const LATE_MS = 700;
const CHILD = "followers-child.ts";

export async function runFollowerKills(options: {
  readonly rounds: number;
  readonly seed: number;
  readonly progress?: (line: string) => void;
}): Promise<FollowerKills> {
  const { rounds, seed, progress = () => {} } = options;
  const folder = await temporaryFolder();
  const [file, effects] = [folder.path("logs.db"), folder.path("effects.txt")];
  const random = seededRandom(seed);
  const count = { placed: -1, rebuilt: 0 };
  let version = 1;
  try {
    for (let round = 1; round <= rounds; round++) {
      // Some of the starts are of a new release, which folds the rows of the process again.
      if (round % 7 === 0) version++;
      const child = await startChild(CHILD, [file, effects, `${count.placed + 1}`, `${LATE_MS}`, `${version}`]);
      child.on("message", ({ placed = -1, rebuilt = 0 }: Message) => {
        count.placed = Math.max(count.placed, placed);
        count.rebuilt += rebuilt;
      });
      const goal = count.placed + 1 + random.below(4);
      while (count.placed < goal) await once(child, "message");
      await new Promise((resolve) => setTimeout(resolve, random.below(60)));
      await killChild(child);
      endLeases(file);
      if (round % 20 === 0) progress(`${round} rounds, ${count.placed + 1} orders, ${count.rebuilt} rebuilds`);
    }
    const differences = await quietDifferences([file, effects, "-1", `${LATE_MS}`, `${version}`]);
    const store = sqlite(file);
    const events = await receivedEvents(store, "shop");
    const rows = new Map(
      (await store.models?.rows("shop", "process/fulfilment", "rows", ALL))?.rows.map(([key, text]) => [
        key,
        JSON.parse(text ?? "null") as unknown,
      ]),
    );
    const mails = await receivedEvents(store, "mails");
    await store.close();
    return {
      rounds,
      wrong: [
        ...(differences > 0 ? [`${differences} rows differ from those of the log`] : []),
        ...problemsOf(events, rows, { lateMs: LATE_MS, isDropSure: true }),
      ],
      doubled: effectProblems(events, mails, readFileSync(effects, "utf8")),
      events: events.length,
      rebuilt: count.rebuilt,
    };
  } finally {
    await folder.remove();
  }
}

const ALL = { from: null, to: null, after: null, limit: 1_000_000, bytes: 1e9 };

/** Each placed order has one effect id and one command in the other log. */
function effectProblems(events: readonly Received[], mails: readonly Received[], lines: string): readonly string[] {
  const ids = new Map<string, Set<string>>();
  for (const line of lines.split("\n").filter(Boolean)) {
    const [event = "", effect = ""] = line.split(" ");
    ids.set(event, (ids.get(event) ?? new Set()).add(effect));
  }
  const sent = new Map<unknown, number>();
  for (const { type, data } of mails)
    if (type === "OrderNoted") {
      const { text } = data as { readonly text: string };
      sent.set(text, (sent.get(text) ?? 0) + 1);
    }
  const all = [...ids.values()].flatMap((set) => [...set]);
  return [
    ...(new Set(all).size === all.length ? [] : ["two events have one effect id"]),
    ...events
      .filter(({ type }) => type === "OrderPlaced")
      .flatMap(({ id, stream }) => {
        const [effectIds, commands] = [ids.get(id)?.size ?? 0, sent.get(stream) ?? 0];
        return effectIds === 1 && commands === 1
          ? []
          : [`${stream} has ${effectIds} effect ids and ${commands} commands`];
      }),
  ];
}

/** The differences of all rows, once nothing is left to do. */
async function quietDifferences(args: readonly string[]): Promise<number> {
  const child = await startChild(CHILD, args);
  try {
    for (;;) {
      child.send("differences");
      const [message] = (await once(child, "message")) as [Message];
      if (typeof message.differences === "number") return message.differences;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  } finally {
    await killChild(child);
  }
}

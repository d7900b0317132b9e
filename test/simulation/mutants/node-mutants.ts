/** Planted faults of two nodes on one store: lost answers, hints, presence and outcomes, as on Postgres. */
import { HttpRefusal } from "../../../src/sync-server/base/http-refusal.ts";
import type { EventStore, KeptOutcome, LogTurn } from "../../../src/sync-server/stores/event-store.ts";
import type { PresenceMessage } from "../../../src/sync-server/stores/between-nodes.ts";
import type { PartContext } from "../../../src/testing/simulate/parts.ts";
import { parseOwnJson } from "../../support/own-json.ts";
import type { Mutant } from "./mutant.ts";

type Context = Pick<PartContext, "random" | "wait">;

function inStore(change: (store: EventStore, context: Context) => Partial<EventStore>): Mutant["parts"] {
  return () => ({ eventStore: (store, context) => ({ ...store, ...change(store, context) }) });
}

export const nodeMutants: readonly Mutant[] = [
  {
    name: "hint-before-commit",
    what: "a node sends the hint of an append before it is committed",
    faults: ["nodeMessages"],
    parts: inStore((store, { wait }) => ({
      append: async (log, append) => {
        store.hints?.send(log);
        await wait("commits later", 200);
        return store.append(log, append);
      },
      ...(store.hints && { hints: { ...store.hints, send: () => {} } }),
    })),
  },
  {
    name: "returned-listener-stays-quiet",
    what: "a node that lost its connection for hints does not look when it is back",
    faults: ["nodeMessages"],
    parts: inStore(({ hints }) => ({
      ...(hints && {
        hints: { ...hints, listen: (onHint) => hints.listen((log) => void (log === null || onHint(log))) },
      }),
    })),
  },
  {
    name: "hint-of-another-log",
    what: "a node gets the hints of its logs under another name",
    faults: ["nodeMessages"],
    parts: inStore(({ hints }) => ({
      ...(hints && { hints: { ...hints, send: (log) => hints.send(log.toUpperCase()) } }),
    })),
  },
  {
    name: "presence-of-dead-nodes",
    what: "the people of a node are shown again and again, also after it died",
    faults: ["nodeMessages", "presence"],
    parts: inStore(({ presence }, { wait }) => ({
      ...(presence && {
        presence: {
          ...presence,
          listen: (onMessage) => {
            const last = new Map<string, PresenceMessage>();
            const repeat = async (): Promise<void> => {
              await wait("repeats presence", 10_000);
              last.forEach((received) => onMessage(received));
              await repeat();
            };
            void repeat();
            return presence.listen((received) => {
              if (/"entries":\[\[[^\]]*\{/.test(JSON.stringify(received.message))) last.set(received.node, received);
              onMessage(received);
            });
          },
        },
      }),
    })),
  },
  {
    name: "presence-stays-at-its-node",
    what: "a node does not send the presence of its people",
    faults: ["nodeMessages", "presence"],
    parts: inStore(({ presence }) => ({ ...(presence && { presence: { ...presence, send: () => {} } }) })),
  },
  {
    name: "lost-append-made-again",
    what: "an append whose answer was lost is made again as new commits",
    faults: ["appendFails", "answerLoss"],
    parts: inStore((store, { random }) => ({
      append: (log, append) =>
        store.append(log, append).catch(async () => {
          const head = await store.head(log);
          const cursor = head.kind === "open" ? head.cursor : null;
          let at = cursor?.position ?? 0;
          const records = append.records.map((record) => {
            const text = parseOwnJson<{ events: readonly unknown[] }>(record.text);
            const position = at + 1;
            at += text.events.length;
            const cursorOfCopy = { ...record.cursor, position: at };
            const commit = `${record.commit}#${random.below(1e6)}`;
            return { ...record, position, cursor: cursorOfCopy, commit, text: JSON.stringify({ ...text, position }) };
          });
          return store.append(log, { ...append, expected: cursor, records });
        }),
    })),
  },
  {
    name: "lost-append-is-refused",
    what: "a push whose append may have been written is answered as rejected",
    faults: ["appendFails", "nodeMessages"],
    parts: () => ({
      node: (handle) => async (request) => {
        try {
          return await handle(request);
        } catch (error) {
          if (request.kind !== "push" || !(error instanceof HttpRefusal) || error.code !== "unavailable") throw error;
          const { after, commits } = parseOwnJson<{ after: string | null; commits: { id: string }[] }>(request.text);
          const { log, actor } = request;
          const page = await handle({ kind: "pull", log, actor, after, limit: null });
          const outcomes = commits.map(({ id }) => ({
            id,
            outcome: "rejected",
            command: 0,
            code: "failed",
            message: "",
          }));
          return { ...page, text: `{"outcomes":${JSON.stringify(outcomes)},${page.text.slice(1)}` };
        }
      },
    }),
  },
  {
    name: "turn-answers-before-its-append",
    what: "a node answers the pushes of its turn before their records are written",
    faults: ["secondNode"],
    parts: inStore((store, { wait }) => ({
      takeTurn: async <Result>(log: string, work: (turn: LogTurn) => Promise<Result>): Promise<Result> => {
        const append: EventStore["append"] = async (_, batch) => {
          void wait("writes after the turn", 50)
            .then(() => store.append(log, batch))
            .catch(() => {});
          return { kind: "ok" };
        };
        const result = await store.takeTurn?.(log, (turn) => work({ ...turn, append }));
        if (result === undefined) throw new Error("The store has no turns");
        return result;
      },
    })),
  },
  {
    name: "outcomes-of-one-node",
    what: "a node does not see the outcomes that another node kept",
    faults: ["secondNode", "answerLoss"],
    parts: inStore((store) => {
      const own = new Map<string, KeptOutcome>();
      return {
        append: async (log, append) => {
          const result = await store.append(log, { ...append, outcomes: [] });
          if (result.kind === "ok") for (const outcome of append.outcomes) own.set(`${log} ${outcome.commit}`, outcome);
          return result;
        },
        known: async (log, commits) => {
          const known = new Map(await store.known(log, commits));
          for (const commit of commits) {
            const outcome = own.get(`${log} ${commit}`);
            if (outcome) known.set(commit, { record: known.get(commit)?.record ?? null, outcomes: [outcome] });
          }
          return known;
        },
      };
    }),
  },
];

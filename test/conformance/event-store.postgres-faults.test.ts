// Faults of the kind that a store on Postgres can have, planted in a real one. The conformance suite must find each.
import { describe, expect, test } from "vitest";
import { eventStoreRules, inTurn } from "dacapo/testing";
import type { EventStore, LogTurn } from "../../src/sync-server/stores/event-store.ts";
import type { StorePresence } from "../../src/sync-server/stores/between-nodes.ts";
import { postgres } from "../../src/sync-server/stores/postgres.ts";
import { turnRules } from "../../src/testing/event-store/turn-rules.ts";
import { nodeRules } from "../../src/testing/event-store/node-rules.ts";
import { runRandomHistory } from "../../src/testing/event-store/random-history.ts";
import { hasPostgres, postgresForTests } from "../support/postgres-for-tests.ts";

/** The parts of the store without the fault. */
type Whole = Pick<EventStore, "append" | "hints" | "presence"> & {
  readonly takeTurn: NonNullable<EventStore["takeTurn"]>;
  /** All calls of a store that holds no log. */
  readonly apart: EventStore;
};

type Fault = {
  readonly what: string;
  /** The rules that may find it. */
  readonly rules: readonly string[];
  /** Changes the text of the append function. */
  readonly inAppend?: (sql: string) => string;
  /** A statement that changes the tables. */
  readonly inTables?: (schema: string) => string;
  readonly inStore?: (whole: Whole) => Partial<EventStore>;
};

const ROUNDS_MAX = 8;

const faults: readonly Fault[] = [
  {
    what: "append: checks before it locks",
    rules: ["S1", "model"],
    inAppend: (sql) => sql.replaceAll(" for update;", ";"),
  },
  {
    what: "append: leaves a gap between the position of a log and its records",
    rules: ["S1", "S3", "S5"],
    inAppend: (sql) => sql.replace("set position = e.last,", "set position = e.last + 1,"),
  },
  {
    what: "append: does not compare the mark of the head",
    rules: ["S1"],
    inAppend: (sql) => sql.replace("v_mark is distinct from p_mark or", "(v_mark is null) <> (p_mark is null) or"),
  },
  {
    what: "append: does not know the outcomes that another node kept",
    rules: ["S8"],
    inAppend: (sql) => sql.replace("actor || '' = i.actor", "false"),
  },
  {
    what: "append: forgets outcomes of all logs",
    rules: ["S9"],
    inAppend: (sql) =>
      sql.replace("where log = v_id and received < p_forget_before", "where received < p_forget_before"),
  },
  {
    what: "append: sends a batch as one statement for each record",
    rules: ["S4", "model"],
    inStore: (whole) => ({
      append: async (log, append) => {
        for (const [n, record] of append.records.slice(0, -1).entries()) {
          const expected = append.records[n - 1]?.cursor ?? append.expected;
          const result = await whole.append(log, { ...append, expected, records: [record], outcomes: [] });
          if (result.kind !== "ok") return result;
        }
        const expected = append.records.at(-2)?.cursor ?? append.expected;
        return whole.append(log, { ...append, expected, records: append.records.slice(-1) });
      },
    }),
  },
  {
    what: "logs: sorts names by the language of the database",
    rules: ["S11"],
    inTables: (schema) => `alter table ${schema}.dacapo_logs alter column name type text collate "und-x-icu"`,
  },
  {
    what: "tickets: each node remembers its own",
    rules: ["S15"],
    inStore: () => {
      const spent = new Set<string>();
      return { tickets: { spend: async (nonce) => spent.size < spent.add(nonce).size } };
    },
  },
  {
    what: "tickets: look first, then insert",
    rules: ["S15"],
    inTables: (schema) => `alter table ${schema}.dacapo_spent_tickets drop constraint dacapo_spent_tickets_pkey`,
  },
  {
    what: "presence: each message has its own connection, so that their order is lost",
    rules: ["S14"],
    inStore: ({ presence }) => ({
      presence: presenceThat(presence, {
        send: (log, message) => void setTimeout(() => presence?.send(log, message), Math.random() * 200),
      }),
    }),
  },
  {
    what: "presence: a message that waited too long is sent again",
    rules: ["S14"],
    inStore: ({ presence }) => ({
      presence: presenceThat(presence, {
        send: (log, message) => {
          presence?.send(log, message);
          presence?.send(log, message);
        },
      }),
    }),
  },
  {
    what: "takeTurn: does not hold the log",
    rules: ["S20"],
    inStore: ({ apart }) => ({ takeTurn: (_log, work) => work(apart) }),
  },
  {
    what: "takeTurn: ends the turn before its work",
    rules: ["S20"],
    inStore: ({ apart, takeTurn }) => ({
      takeTurn: async (log, work) => {
        await takeTurn(log, async () => null);
        return work(apart);
      },
    }),
  },
  {
    what: "takeTurn: rolls the append back, and reports it as written",
    rules: ["S20"],
    inStore: ({ takeTurn }) => ({
      takeTurn: async <Result>(log: string, work: (turn: LogTurn) => Promise<Result>): Promise<Result> => {
        const results: Result[] = [];
        await takeTurn(log, async (turn) => {
          results.push(await work(turn));
          throw new Error("rolls back");
        }).catch(() => {});
        const [result] = results;
        if (result === undefined) throw new Error("the work failed");
        return result;
      },
    }),
  },
  {
    what: "hints: a node hears its own",
    rules: ["S13"],
    inStore: ({ hints }) => {
      const own = new Set<(log: string) => void>();
      return {
        hints: {
          send: (log) => {
            hints?.send(log);
            own.forEach((onHint) => onHint(log));
          },
          listen: (onHint) => {
            own.add(onHint);
            return hints?.listen(onHint) ?? (() => {});
          },
        },
      };
    },
  },
];

describe.skipIf(!hasPostgres)("postgres", () => {
  const cluster = postgresForTests();
  let schemas = 0;

  /** Two nodes of a new store with the fault. */
  async function faulty({ inAppend, inTables, inStore }: Fault): Promise<readonly [EventStore, EventStore]> {
    const schema = `p${++schemas}`;
    const open = () => postgres({ url: cluster.url, schema, connectionsMax: 4 });
    const [one, other] = [open(), open()];
    await one.open?.();
    if (inTables) await cluster.query(inTables(schema));
    if (inAppend) {
      const [row] = await cluster.query(`select pg_get_functiondef('${schema}.dacapo_append_1'::regproc) as sql`);
      const sql = String(row?.["sql"]);
      expect(inAppend(sql)).not.toBe(sql);
      await cluster.query(inAppend(sql));
    }
    const planted = (store: EventStore): EventStore => {
      const { hints, presence } = store;
      const append: EventStore["append"] = store.append.bind(store);
      const takeTurn = store.takeTurn?.bind(store);
      if (!takeTurn) throw new Error("The store has no turns");
      const apart = postgres({ url: cluster.url, schema, connectionsMax: 4 });
      const parts = { append, takeTurn, apart, ...(hints && { hints }), ...(presence && { presence }) };
      return Object.assign(store, inStore?.(parts));
    };
    return [planted(one), planted(other)];
  }

  test.each(faults)("planted: $what", async (fault) => {
    const found: string[] = [];
    const single = eventStoreRules
      .filter(({ rule }) => fault.rules.includes(rule))
      .map(({ name, run }) => ({ name, run: () => run(async () => inTurn(await faulty(fault))) }));
    const pairs = [...nodeRules, ...turnRules]
      .filter(({ rule }) => fault.rules.includes(rule))
      .map(({ name, check }) => ({ name, run: async () => check(await faulty(fault)) }));
    const histories = (fault.rules.includes("model") ? [0, 1, 2] : []).map((seed) => ({
      name: `history ${seed}`,
      run: async () => runRandomHistory(inTurn(await faulty(fault)), seed),
    }));
    // A fault that two sessions must race for is not found in each round.
    for (let round = 0; round < ROUNDS_MAX && found.length === 0; round++) {
      for (const { name, run } of [...single, ...pairs, ...histories])
        await run().catch((error: unknown) => found.push(`${name}: ${String(error).slice(0, 200)}`));
    }
    expect(found).not.toEqual([]);
  });
});

function presenceThat(presence: StorePresence | undefined, change: Partial<StorePresence>): StorePresence {
  return { send: () => {}, listen: (onMessage) => presence?.listen(onMessage) ?? (() => {}), ...change };
}

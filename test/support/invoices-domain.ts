/** Orders with a number that must be unique, and the SQL model `invoices` of the paid ones. */
import * as v from "valibot";
import { aggregate, defineDomain } from "../../src/index.ts";
import { sqlModel } from "../../src/sync-server/app.ts";

type Order = { total: number; number: string | null } | null;

export const order = aggregate("order", {
  version: 1,
  initial: null as Order,
  events: {
    OrderPlaced: v.object({ total: v.number() }),
    OrderPaid: v.object({ number: v.string() }),
    OrderCancelled: v.object({}),
  },
  evolve: {
    OrderPlaced: (_, { data }) => ({ total: data.total, number: null }),
    OrderPaid: (state, { data }) => state && { ...state, number: data.number },
    OrderCancelled: () => null,
  },
  commands: {
    place: { input: v.object({ total: v.number() }), decide: (_, input, { emit }) => emit("OrderPlaced", input) },
    pay: { input: v.object({ number: v.string() }), decide: (_, input, { emit }) => emit("OrderPaid", input) },
    cancel: { decide: (_state, _, { emit }) => emit("OrderCancelled", {}) },
  },
});

export const ordersDomain = defineDomain({ version: 1, aggregates: [order] });

export const TAKEN = { code: "number-taken", message: "Another invoice has this number" };

/** SQL that SQLite and Postgres both read. An invoice of 13 breaks a check, without a `veto`. */
export const invoices = sqlModel("invoices", {
  version: 1,
  from: [order],
  tables: {
    invoice: (t) => [
      `create table ${t} (id text primary key, number text not null unique, total integer not null check (total <> 13))`,
      `create index ${t}_by_total on ${t} (total)`,
    ],
    total: (t) => `create table ${t} (name text primary key, amount integer not null)`,
  },
  on: {
    OrderPaid: ({ stream, data, after }, t) => [
      {
        sql: `insert into ${t.total} (name, amount) values ('all', ?)
              on conflict (name) do update set amount = ${t.total}.amount + excluded.amount`,
        params: [after?.total ?? 0],
      },
      {
        sql: `insert into ${t.invoice} (id, number, total) values (?, ?, ?)`,
        params: [stream, data.number, after?.total ?? 0],
        ...(after?.total !== 13 && { veto: TAKEN }),
      },
    ],
    OrderCancelled: ({ stream, before }, t) => [
      {
        sql: `update ${t.total} set amount = amount - ? where name = 'all'`,
        params: [before?.number ? before.total : 0],
      },
      { sql: `delete from ${t.invoice} where id = ?`, params: [stream] },
    ],
  },
});

/** Planted faults of a server: its store and its responses. */
import { HttpRefusal } from "../../../src/sync-server/base/http-refusal.ts";
import type { Append, EventStore, StoredRecord } from "../../../src/sync-server/stores/event-store.ts";
import { memory } from "../../../src/sync-server/stores/memory.ts";
import type { SimulationParts } from "../../../src/testing/simulate/parts.ts";
import type { Mutant, RecordText } from "./mutant.ts";
import { parseOwnJson } from "../../support/own-json.ts";

const EVERYTHING = { events: Number.MAX_SAFE_INTEGER, bytes: Number.MAX_SAFE_INTEGER };

/** Moves records after another head than the head that they were made for. */
function moveBehind(records: readonly StoredRecord[], position: number): StoredRecord[] {
  let at = position;
  return records.map((record) => {
    const parsed = parseOwnJson<RecordText>(record.text);
    const count = record.cursor.position - record.position + 1;
    const moved = {
      ...record,
      position: at + 1,
      cursor: { ...record.cursor, position: at + count },
      text: JSON.stringify({ ...parsed, position: at + 1 }),
    };
    at += count;
    return moved;
  });
}

function inStore(
  change: (store: EventStore, wait: (label: string, ms: number) => Promise<void>) => Partial<EventStore>,
): () => SimulationParts {
  return () => ({ eventStore: (store, { wait }) => ({ ...store, ...change(store, wait) }) });
}

/** Answers a push for which `permit` threw as if `permit` had refused the person. */
function forbidUnavailable(): SimulationParts {
  return {
    node: (handle) => (request) =>
      handle(request).catch((error: unknown) => {
        const isFailed = request.kind === "push" && error instanceof HttpRefusal && error.code === "unavailable";
        throw isFailed ? new HttpRefusal("forbidden") : error;
      }),
  };
}

function rewriteOutcomes(rewrite: (text: string) => string): () => SimulationParts {
  return () => ({
    node: (handle) => async (request) => {
      const reply = await handle(request);
      return request.kind === "push" && reply.code === "ok" ? { ...reply, text: rewrite(reply.text) } : reply;
    },
  });
}

/** Stores under another id each time, so that no id is ever known. */
let copies = 0;
const renamed = (append: Append): Append => ({
  ...append,
  records: append.records.map((record) => ({ ...record, commit: `${record.commit}#${++copies}` })),
  outcomes: append.outcomes.map((outcome) => ({ ...outcome, commit: `${outcome.commit}#${++copies}` })),
});

export const serverMutants: readonly Mutant[] = [
  {
    name: "permit-failure-forbids",
    what: "a push for which permit threw is answered as forbidden",
    faults: ["permitThrows"],
    parts: forbidUnavailable,
  },
  {
    name: "no-deduplication",
    what: "a commit that is pushed again is decided again",
    parts: inStore((store) => ({
      known: async () => new Map(),
      append: (log, append) => store.append(log, renamed(append)),
    })),
  },
  {
    name: "append-anywhere",
    what: "append ignores the head it was computed on",
    parts: inStore((store) => ({
      append: async (log, append) => {
        for (let given = append; ;) {
          const result = await store.append(log, given);
          if (result.kind !== "moved") return result;
          given = { ...append, expected: result.head, records: moveBehind(append.records, result.head?.position ?? 0) };
        }
      },
    })),
  },
  {
    name: "answer-before-commit",
    what: "the server replies before the append is durable",
    parts: inStore((store, wait) => ({
      append: async (log, append) => {
        void wait("writes later", 40)
          .then(() => store.append(log, append))
          .catch(() => {});
        return { kind: "ok" };
      },
    })),
  },
  {
    name: "outcomes-forgotten",
    what: "outcomes without a record are not kept",
    parts: inStore((store) => ({
      append: (log, append) =>
        append.records.length > 0 ? store.append(log, { ...append, outcomes: [] }) : Promise.resolve({ kind: "ok" }),
    })),
  },
  {
    name: "known-never-tells",
    what: "the writer never learns that an id is known, although the append refuses it",
    parts: inStore(() => ({ known: async () => new Map() })),
  },
  {
    name: "read-without-mark",
    what: "a cursor is compared by its position only, without its mark",
    parts: inStore((store) => ({
      read: async (log, after, limit) => {
        const read = await store.read(log, after, limit);
        if (read.kind !== "diverged") return read;
        const all = await store.read(log, null, EVERYTHING);
        return all.kind === "page"
          ? { ...all, records: all.records.filter(({ position }) => position > (after?.position ?? 0)) }
          : all;
      },
    })),
  },
  {
    name: "gone-comes-back",
    what: "a deleted log starts again under its name",
    parts: () => {
      const again = memory();
      return {
        eventStore: (store) => ({
          ...store,
          head: async (log) => ((await store.head(log)).kind === "gone" ? again.head(log) : store.head(log)),
          read: async (log, after, limit) =>
            (await store.head(log)).kind === "gone" ? again.read(log, after, limit) : store.read(log, after, limit),
          append: async (log, append) =>
            (await store.head(log)).kind === "gone" ? again.append(log, append) : store.append(log, append),
        }),
      };
    },
  },
  {
    name: "order-by-clock",
    what: "records of one append are ordered by their authors' clocks",
    parts: inStore((store) => ({
      append: (log, append) => {
        const time = ({ text }: StoredRecord) => parseOwnJson<RecordText>(text).time;
        const sorted = [...append.records].sort((left, right) => time(left) - time(right));
        return store.append(log, { ...append, records: moveBehind(sorted, append.expected?.position ?? 0) });
      },
    })),
  },
  {
    name: "stream-cut-short",
    what: "a stream is read without its last record",
    parts: inStore((store) => ({
      readStream: async (log, stream, after, limit) => (await store.readStream(log, stream, after, limit)).slice(0, -1),
    })),
  },
  {
    name: "tenants-mixed",
    what: "a reader of a log gets a page of another log",
    parts: inStore((store) => ({
      read: (log, after, limit) => store.read(after === null ? "team-a" : log, after, limit),
    })),
  },
  {
    name: "head-too-far",
    what: "the head is read during an append, and a record is skipped",
    parts: inStore((store) => ({
      read: async (log, after, limit) => {
        const read = await store.read(log, after, limit);
        return read.kind === "page" && read.records.length > 1 ? { ...read, records: read.records.slice(1) } : read;
      },
    })),
  },
  {
    name: "id-taken-shown",
    what: "a push with a taken id gets the outcome of the id's author",
    parts: rewriteOutcomes((text) =>
      text.replaceAll(
        /\{"id":"([^"]+)","outcome":"rejected","command":0,"code":"id-taken","message":"[^"]*"\}/g,
        '{"id":"$1","outcome":"empty"}',
      ),
    ),
  },
  {
    name: "recorded-twice-told",
    what: "a repeated commit is reported as rejected",
    parts: () =>
      repeatedAs((id) => `{"id":"${id}","outcome":"rejected","command":0,"code":"already","message":"Again"}`),
  },
  {
    name: "conflicts-unseen",
    what: "the server treats every event as seen, so it finds no conflict",
    parts: () => ({
      node: (handle) => (request) =>
        handle(
          request.kind === "push"
            ? { ...request, text: request.text.replaceAll(/"seen":\d+/g, '"seen":1000000') }
            : request,
        ),
    }),
  },
  {
    name: "conflicts-everywhere",
    what: "the server treats no event as seen, so it finds conflicts with events that the author knew",
    parts: () => ({
      node: (handle) => (request) =>
        handle(
          request.kind === "push" ? { ...request, text: request.text.replaceAll(/"seen":\d+/g, '"seen":0') } : request,
        ),
    }),
  },
  {
    name: "actor-of-the-sender's-choice",
    what: "the server uses the actor that the push names, not the verified actor",
    parts: () => ({
      node: (handle) => (request) =>
        handle({
          ...request,
          actor: (request.kind === "push" && /"actor":"([^"]+)"/.exec(request.text)?.[1]) || request.actor,
        }),
    }),
  },
  {
    name: "conflicts-unseen-after-restore",
    what: "after a restore the server treats every event as seen",
    faults: ["restore"],
    parts: () => {
      const heads = new Map<string, number>();
      const restored = new Set<string>();
      return {
        eventStore: (store) => ({
          ...store,
          head: async (log) => {
            const head = await store.head(log);
            const position = head.kind === "open" ? (head.cursor?.position ?? 0) : 0;
            if (position < (heads.get(log) ?? 0)) restored.add(log);
            heads.set(log, position);
            return head;
          },
        }),
        node: (handle) => (request) =>
          handle(
            request.kind === "push" && restored.has(request.log)
              ? { ...request, text: request.text.replaceAll(/"seen":\d+/g, '"seen":1000000') }
              : request,
          ),
      };
    },
  },
  {
    name: "bad-commit-blocks",
    what: "a rejected commit makes the whole push fail",
    parts: () => ({
      node: (handle) => async (request) => {
        const reply = await handle(request);
        return reply.text.includes('"outcome":"rejected"')
          ? { code: "unexpected", text: "", retryAfterMs: null }
          : reply;
      },
    }),
  },
];

/** Reports a commit with another outcome the second time. */
function repeatedAs(outcome: (id: string) => string): SimulationParts {
  const told = new Set<string>();
  return {
    node: (handle) => async (request) => {
      const reply = await handle(request);
      if (request.kind !== "push" || reply.code !== "ok") return reply;
      const text = reply.text.replaceAll(/\{"id":"([^"]+)","outcome":"recorded","at":"[^"]+"\}/g, (all, id: string) =>
        told.has(id) ? outcome(id) : (told.add(id), all),
      );
      return { ...reply, text };
    },
  };
}

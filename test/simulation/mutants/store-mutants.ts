/** Planted faults of a device's store: writes that differ from their report. */
import type { LogStore, PendingEntry } from "../../../src/client/stores/log-store.ts";
import type { MemoryDatabase } from "../../../src/client/stores/memory/database.ts";
import type { PartContext, SimulationParts } from "../../../src/testing/simulate/parts.ts";
import type { Mutant } from "./mutant.ts";

type State = ReturnType<MemoryDatabase["open"]>;

function inStore(
  change: (store: LogStore, state: State, context: PartContext) => Partial<LogStore>,
): () => SimulationParts {
  return () => ({ logStore: (store, context) => ({ ...store, ...change(store, context.database.open(), context) }) });
}

function inCutBack(
  change: (pending: readonly Omit<PendingEntry, "n">[], state: State) => readonly Omit<PendingEntry, "n">[],
): () => SimulationParts {
  return inStore((store, state) => ({
    cutBack: (expected, keep, pending, dropped) => store.cutBack(expected, keep, change(pending, state), dropped),
  }));
}

const idsOf = (texts: Iterable<string>) =>
  new Set([...texts].flatMap((text) => /"id":"([^"]+)"/.exec(text)?.[1] ?? []));

export const storeMutants: readonly Mutant[] = [
  {
    name: "cursor-before-data",
    what: "the cursor is written before the records that it names",
    parts: inStore((store, state, { wait }) => ({
      confirm: async (expected, confirmation) => {
        const { batch } = confirmation;
        const before = state.head.cursor;
        if (!batch || before?.mark !== expected.cursor?.mark || state.head.generation !== expected.generation)
          return store.confirm(expected, confirmation);
        state.head = { ...state.head, cursor: batch.cursor };
        await wait("data after its cursor", 200);
        state.head = { ...state.head, cursor: before };
        return store.confirm(expected, confirmation);
      },
    })),
  },
  {
    name: "pending-cleared-when-histories-part",
    what: "pending commits are lost when histories diverge",
    parts: inCutBack(() => []),
  },
  {
    name: "dropped-end-forgotten",
    what: "a log that was dropped with the right to read forgets its end",
    faults: ["rights", "restore"],
    parts: inStore((store) => ({ cutBack: (expected, keep, pending) => store.cutBack(expected, keep, pending) })),
  },
  {
    name: "sent-not-returned",
    what: "settled commits that the server lost are not sent again",
    parts: inCutBack((pending, state) => pending.filter(({ commit }) => idsOf(state.pending.values()).has(commit.id))),
  },
  {
    name: "returned-in-wrong-order",
    what: "returned commits are pending in the wrong order",
    parts: inCutBack((pending) => [...pending].reverse()),
  },
  {
    name: "seen-not-lowered",
    what: "commits keep the seen versions of a history that is gone",
    parts: inCutBack((pending) =>
      pending.map((entry) => ({
        ...entry,
        commit: {
          ...entry.commit,
          commands: entry.commit.commands.map((command) => ({ ...command, seen: command.seen + 1 })),
        },
      })),
    ),
  },
  {
    name: "cut-back-in-two-steps",
    what: "pending commits are removed before the log is cut back, and written again after it",
    parts: inStore((store, state, { wait }) => ({
      cutBack: async (expected, keep, pending, dropped) => {
        state.pending = new Map();
        await wait("between two transactions", 2_000);
        return store.cutBack(expected, keep, pending, dropped);
      },
    })),
  },
  {
    name: "append-pending-anywhere",
    what: "pending commits are appended after another tab's commits without a check",
    parts: inStore((store, state) => ({
      appendPending: async (tail, entries, ended) => {
        if (await store.appendPending(tail, entries, ended)) return true;
        return store.appendPending(state.head.pendingTail, entries, ended);
      },
    })),
  },
  {
    name: "execute-before-durable",
    what: "execute resolves before the commit is written",
    parts: inStore((store, _state, { wait }) => ({
      appendPending: async (tail, entries, ended) => {
        void wait("writes later", 30)
          .then(() => store.appendPending(tail, entries, ended))
          .catch(() => {});
        return true;
      },
    })),
  },
  {
    name: "made-append-is-refused",
    what: "a stored append without a report returns false, so it is made again",
    parts: inStore((store, _state, { random }) => ({
      appendPending: async (tail, entries, ended) =>
        (await store.appendPending(tail, entries, ended)) && !([...entries].length > 0 && random.chance(0.1)),
    })),
  },
  {
    name: "full-disk-resolves",
    what: "a failed append is reported as done",
    parts: inStore((store) => ({
      appendPending: (tail, entries, ended) => store.appendPending(tail, entries, ended).catch(() => true),
    })),
  },
  {
    name: "failed-confirm-resolves",
    what: "a failed confirmation is reported as done",
    parts: inStore((store) => ({
      confirm: (expected, confirmation) => store.confirm(expected, confirmation).catch(() => true),
    })),
  },
  {
    name: "generation-never-rises",
    what: "diverged histories are not reported",
    parts: inStore((store, state) => ({
      head: async () => ({ ...(await store.head()), generation: 0 }),
      refresh: async (known) => {
        const refresh = await store.refresh(known);
        return { ...refresh, head: { ...refresh.head, generation: 0 } };
      },
      cutBack: async (expected, keep, pending, dropped) => {
        const head = await store.cutBack({ ...expected, generation: state.head.generation }, keep, pending, dropped);
        return head && { ...head, generation: 0 };
      },
      confirm: (expected, confirmation) =>
        store.confirm({ ...expected, generation: state.head.generation }, confirmation),
    })),
  },
  {
    name: "confirm-without-fence",
    what: "a former leader's write succeeds, although the log has changed",
    parts: inStore((store, state) => ({
      confirm: async (expected, confirmation) => {
        if (await store.confirm(expected, confirmation)) return true;
        const { batch } = confirmation;
        if (batch) {
          state.batches.push(batch);
          state.head = { ...state.head, cursor: batch.cursor };
        }
        return store.confirm(state.head, { ...confirmation, batch: null });
      },
    })),
  },
  {
    name: "rejections-not-kept",
    what: "rejected commits disappear",
    parts: inStore((store, state) => ({
      confirm: async (expected, confirmation) => {
        const done = await store.confirm(expected, confirmation);
        for (const { commit } of confirmation.rejected) state.rejections.delete(commit.id);
        return done;
      },
    })),
  },
  {
    name: "sent-not-written",
    what: "settled commits are removed at once",
    parts: inStore((store) => ({
      confirm: (expected, confirmation) =>
        store.confirm(expected, { ...confirmation, forgetSentBefore: Number.MAX_SAFE_INTEGER }),
    })),
  },
  {
    name: "rows-checkpoint-without-rows",
    what: "the checkpoint of stored rows moves without their changes",
    parts: inStore((store) => ({
      writeRows: (expected, rows, fresh) => store.writeRows(expected, fresh ? rows : { ...rows, tables: [] }, fresh),
    })),
  },
  {
    name: "numbers-used-twice",
    what: "the numbers of pending commits start again when no commit is pending",
    parts: inStore((store, state) => ({
      confirm: async (expected, confirmation) => {
        const done = await store.confirm(expected, confirmation);
        if (state.pending.size === 0) state.head = { ...state.head, pendingTail: 0 };
        return done;
      },
    })),
  },
  {
    name: "undo-not-written",
    what: "an undo is reported as durable, and is not written",
    parts: inStore((store, state) => ({
      appendPending: (tail, entries, ended) => {
        const asked = [...entries];
        const written = asked.filter(({ undo }) => !undo?.undoes);
        if (written.length === asked.length || tail !== state.head.pendingTail)
          return store.appendPending(tail, entries, ended);
        state.head = { ...state.head, pendingTail: tail + asked.length - written.length };
        return store.appendPending(state.head.pendingTail, written, ended);
      },
    })),
  },
  {
    name: "withdrawn-vanishes",
    what: "a withdrawn commit is stored nowhere",
    parts: inStore((store, state) => ({
      confirm: async (expected, confirmation) => {
        const done = await store.confirm(expected, confirmation);
        for (const { commit, outcome } of confirmation.rejected)
          if (outcome.code === "withdrawn") state.rejections.delete(commit.id);
        return done;
      },
    })),
  },
  {
    name: "rejection-outlives-its-record",
    what: "a withdrawn commit stays rejected although its record arrived",
    parts: inStore((store, state) => ({
      confirm: async (expected, confirmation) => {
        const before = new Map(state.rejections);
        const done = await store.confirm(expected, confirmation);
        for (const [id, text] of before) state.rejections.set(id, text);
        return done;
      },
    })),
  },
  {
    name: "local-work-forgotten",
    what: "commits that a log confirmed without a server are not kept for a later server",
    parts: inStore((store, state) => ({
      confirm: async (expected, confirmation) => {
        const done = await store.confirm(expected, confirmation);
        // A page from a server contains the server's head.
        if (confirmation.batch && !confirmation.batch.text.includes('"head"'))
          for (const { n } of confirmation.settled) state.sent.delete(n);
        return done;
      },
    })),
  },
  {
    name: "import-without-refused",
    what: "rejected commits are not imported from a file",
    parts: inStore((store) => ({ fill: (expected, filling) => store.fill(expected, { ...filling, rejected: [] }) })),
  },
  {
    name: "import-without-queue",
    what: "pending commits are not imported from a file",
    parts: inStore((store) => ({ fill: (expected, filling) => store.fill(expected, { ...filling, pending: [] }) })),
  },
];

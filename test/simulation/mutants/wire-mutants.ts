/** Planted faults of a client, between its engine and the network. */
import { ForbiddenError, UnauthorizedError } from "../../../src/core/values/errors.ts";
import type { Commit } from "../../../src/core/history/commit.ts";
import type { Page } from "../../../src/core/wire/messages.ts";
import type { Transport } from "../../../src/client/sync/transport.ts";
import { UnreachableError } from "../../../src/client/sync/unreachable-error.ts";
import type { PartContext, SimulationParts } from "../../../src/testing/simulate/parts.ts";
import type { Mutant } from "./mutant.ts";

function inTransport(
  change: (transport: Transport, context: PartContext) => Partial<Transport>,
): () => SimulationParts {
  return () => ({ transport: (transport, context) => ({ ...transport, ...change(transport, context) }) });
}

/** Changes every page that arrives, by pull or by socket. */
function inPages(change: (page: Page, context: PartContext) => Page): () => SimulationParts {
  return inTransport((transport, context) => ({
    push: async (after, domain, commits) => {
      const fetched = await transport.push(after, domain, commits);
      return fetched.kind === "answer"
        ? { ...fetched, answer: { ...fetched.answer, ...change(fetched.answer, context) } }
        : fetched;
    },
    pull: async (after, limit) => {
      const fetched = await transport.pull(after, limit);
      return fetched.kind === "answer" ? { ...fetched, answer: change(fetched.answer, context) } : fetched;
    },
    live: (after, events) =>
      transport.live(after, { ...events, records: (page, text) => events.records(change(page, context), text) }),
  }));
}

const withSeen = (commit: Commit, seen: (stream: string, before: number) => number): Commit => ({
  ...commit,
  commands: commit.commands.map((command) => ({ ...command, seen: seen(command.stream, command.seen) })),
});

export const wireMutants: readonly Mutant[] = [
  {
    name: "seen-refreshed",
    what: "a rebase refreshes what a commit has seen",
    parts: () => {
      const versions = new Map<string, number>();
      const learn = (page: Page) => {
        for (const { events } of page.records) for (const { stream, version } of events) versions.set(stream, version);
      };
      return {
        transport: (transport) => ({
          ...transport,
          push: (after, domain, commits) =>
            transport.push(
              after,
              domain,
              commits.map((commit) =>
                withSeen(commit, (stream, before) => Math.max(before, versions.get(stream) ?? 0)),
              ),
            ),
          live: (after, events) =>
            transport.live(after, {
              ...events,
              records: (page, text) => {
                learn(page);
                events.records(page, text);
              },
            }),
        }),
      };
    },
  },
  {
    name: "pushed-newest-first",
    what: "pending commits are pushed newest first",
    parts: inTransport((transport) => ({
      push: (after, domain, commits) => transport.push(after, domain, [...commits].reverse()),
    })),
  },
  {
    name: "push-skips-first",
    what: "a push does not begin with the first unsettled commit",
    parts: inTransport((transport) => ({
      push: (after, domain, commits) => transport.push(after, domain, commits.length > 1 ? commits.slice(1) : commits),
    })),
  },
  {
    name: "records-taken-anywhere",
    what: "records are stored at another cursor than the cursor that they follow",
    parts: inPages((page, { database }) => ({ ...page, after: database.open().head.cursor })),
  },
  {
    name: "record-ends-another's-commit",
    what: "a record settles another author's commit with the same id",
    parts: inPages((page, { user, database }) => {
      const own = [...database.open().pending.values()].join();
      return {
        ...page,
        records: page.records.map((record) =>
          own.includes(`"id":"${record.commit}"`) ? { ...record, actor: user } : record,
        ),
      };
    }),
  },
  {
    name: "recorded-ends-at-once",
    what: 'the outcome "recorded" settles a commit without its record',
    parts: inTransport((transport) => ({
      push: async (after, domain, commits) => {
        const fetched = await transport.push(after, domain, commits);
        if (fetched.kind !== "answer") return fetched;
        const outcomes = fetched.answer.outcomes.map((outcome) =>
          outcome.outcome === "recorded" ? { ...outcome, at: { ...outcome.at, position: 0 } } : outcome,
        );
        return { ...fetched, answer: { ...fetched.answer, after: { position: 1, mark: "unknown" }, outcomes } };
      },
    })),
  },
  {
    name: "never-recorded",
    what: 'the outcome "recorded" never settles a commit, even if its record is before the cursor',
    parts: inTransport((transport) => ({
      push: async (after, domain, commits) => {
        const fetched = await transport.push(after, domain, commits);
        if (fetched.kind !== "answer") return fetched;
        return {
          ...fetched,
          answer: {
            ...fetched.answer,
            outcomes: fetched.answer.outcomes.filter(({ outcome }) => outcome === "recorded"),
          },
        };
      },
    })),
  },
  {
    name: "diverged-unheard",
    what: "a client that learns of diverged histories only tries again",
    parts: inTransport((transport) => ({
      pull: async (after, limit) => {
        const fetched = await transport.pull(after, limit);
        if (fetched.kind === "diverged") throw new UnreachableError("tries again", null);
        return fetched;
      },
      push: async (after, domain, commits) => {
        const fetched = await transport.push(after, domain, commits);
        if (fetched.kind === "diverged") throw new UnreachableError("tries again", null);
        return fetched;
      },
    })),
  },
  {
    name: "pending-dropped-with-the-right",
    what: "pending commits are removed when the server forbids the push",
    parts: inTransport((transport, { database }) => ({
      push: (after, domain, commits) =>
        transport.push(after, domain, commits).catch((error: unknown) => {
          database.open().pending = new Map();
          throw error;
        }),
    })),
  },
  {
    name: "new-id-each-try",
    what: "a commit that is pushed again may get a new id",
    parts: inTransport((transport, { random }) => ({
      push: (after, domain, commits) =>
        transport.push(
          after,
          domain,
          commits.map((commit) =>
            random.chance(0.7)
              ? commit
              : {
                  ...commit,
                  id: `${commit.id.slice(0, -4)}${(4096 + random.below(60_000)).toString(16).slice(-4).padStart(4, "0")}`,
                },
          ),
        ),
    })),
  },
  {
    name: "frames-lost-unnoticed",
    what: "live frames after a gap are dropped, and their records are not requested",
    parts: inTransport((transport, { database }) => ({
      live: (after, events) =>
        transport.live(after, {
          ...events,
          records: (page, text) => {
            if (page.after?.mark === database.open().head.cursor?.mark) events.records(page, text);
          },
          head: () => {},
        }),
    })),
  },
  {
    name: "undo-under-a-new-id",
    what: "an undo that is pushed again may get a new id",
    parts: inTransport((transport, { random }) => ({
      push: (after, domain, commits) =>
        transport.push(
          after,
          domain,
          commits.map((commit) =>
            commit.meta !== null || random.chance(0.5)
              ? commit
              : { ...commit, id: `${commit.id.slice(0, -4)}${(4096 + random.below(60_000)).toString(16)}` },
          ),
        ),
    })),
  },
  {
    name: "leaving-unheard",
    what: "the presence of a device that left is not removed",
    parts: inTransport((transport) => ({
      live: (after, events) => transport.live(after, { ...events, presence: (set) => events.presence(set, []) }),
    })),
  },
  {
    name: "presence-shown-once",
    what: "a device that returns after a lost socket is not shown again",
    parts: inTransport((transport) => {
      let sockets = 0;
      return {
        live: (after, events) => {
          const socket = transport.live(after, events);
          return sockets++ === 0 ? socket : { ...socket, setPresence: () => {} };
        },
      };
    }),
  },
  {
    name: "unknown-event-stops-the-log",
    what: "a page with an unknown event is not stored",
    parts: inTransport((transport, { domain }) => {
      const isKnown = (page: Page) =>
        page.records.every(({ events }) =>
          events.every(({ stream, type }) =>
            domain.aggregates.get(stream.slice(0, stream.indexOf("/")))?.events.has(type),
          ),
        );
      return {
        pull: async (after, limit) => {
          const fetched = await transport.pull(after, limit);
          if (fetched.kind === "answer" && !isKnown(fetched.answer))
            throw new UnreachableError("An event is not known", null);
          return fetched;
        },
        live: (after, events) =>
          transport.live(after, {
            ...events,
            records: (page, text) => (isKnown(page) ? events.records(page, text) : events.head(page.head)),
          }),
      };
    }),
  },
  {
    name: "whole-pages-in-30-s",
    what: "a client asks for whole pages, and gives up a call after 30 s while its answer arrives",
    faults: ["slowLink"],
    parts: inTransport((transport, { wait }) => {
      const within30s = <T>(call: Promise<T>): Promise<T> =>
        Promise.race([
          call,
          wait("gives up the call", 30_000).then(() => Promise.reject(new UnreachableError("too slow", null))),
        ]);
      return {
        push: (after, domain, commits) => within30s(transport.push(after, domain, commits)),
        pull: (after, limit) => within30s(transport.pull(after, limit)),
      };
    }),
  },
  {
    name: "rate-limited-for-good",
    what: "a client with a retry time never tries again",
    parts: inTransport((transport) => ({
      push: (after, domain, commits) =>
        transport.push(after, domain, commits).catch((error: unknown) => {
          throw error instanceof UnreachableError && error.details["retryAfterMs"] !== undefined
            ? new ForbiddenError({ message: "Too often", fix: "Nothing." })
            : error;
        }),
    })),
  },
  {
    name: "comes-back-too-early",
    what: "a client ignores the retry time",
    parts: inTransport((transport) => ({
      push: (after, domain, commits) =>
        transport.push(after, domain, commits).catch((error: unknown) => {
          throw error instanceof UnreachableError ? new UnreachableError(error.message, null) : error;
        }),
    })),
  },
  {
    name: "stuck-is-never-found",
    what: "a push that a filter refused counts as a busy server",
    faults: ["filter"],
    parts: inTransport((transport) => ({
      push: (after, domain, commits) =>
        transport.push(after, domain, commits).catch((error: unknown) => {
          throw error instanceof UnreachableError
            ? new UnreachableError(error.message, null, undefined, { code: "overloaded" })
            : error;
        }),
    })),
  },
  {
    name: "blind-while-a-push-fails",
    what: "a device does not read while its last push failed",
    faults: ["filter"],
    parts: inTransport((transport) => {
      let failure: unknown = null;
      return {
        push: async (after, domain, commits) => {
          failure = null;
          return transport.push(after, domain, commits).catch((error: unknown) => {
            throw (failure = error);
          });
        },
        pull: (after, limit) => (failure === null ? transport.pull(after, limit) : Promise.reject(failure as Error)),
      };
    }),
  },
  {
    name: "forgets-a-sign-in",
    what: "a device uses a refused token for ever",
    faults: ["signIn"],
    parts: () => {
      const refused = new Set<unknown>();
      return inTransport((transport, { database }) => {
        const call = async <T>(make: () => Promise<T>): Promise<T> => {
          if (refused.has(database)) throw new UnauthorizedError({ message: "Old token", fix: "Sign in." });
          return make().catch((error: unknown) => {
            if (error instanceof UnauthorizedError) refused.add(database);
            throw error;
          });
        };
        return {
          push: (after, domain, commits) => call(() => transport.push(after, domain, commits)),
          pull: (after, limit) => call(() => transport.pull(after, limit)),
        };
      })();
    },
  },
  {
    name: "records-by-clock",
    what: "a record that was received earlier than the last known record is skipped",
    parts: () => {
      const latest = new Map<unknown, number>();
      const parts = inPages((page, { database }) => {
        const records = page.records.filter(({ received }) => {
          const isLater = received >= (latest.get(database) ?? 0);
          if (isLater) latest.set(database, received);
          return isLater;
        });
        return { ...page, records };
      });
      return parts();
    },
  },
];

/** A person who sends a device's requests without a device: commits made by hand, requests through `app.request`. */
import { expect } from "vitest";
import type { Commit, CommitCommand } from "../../src/core/history/commit.ts";
import type { CommandRequest } from "../../src/core/domain/definition.ts";
import { type Outcome, type PushAnswer, wireCursor } from "../../src/core/wire/messages.ts";
import { parsePage, parsePushAnswer } from "../../src/core/wire/read-messages.ts";
import type { Cursor } from "../../src/core/history/record.ts";
import { bearer, syncServer, type SyncServer, type SyncServerOptions } from "../../src/sync-server/app.ts";
import { memory } from "../../src/sync-server/stores/memory.ts";
import { domain } from "./board-domain.ts";

export const tokens = { "token-of-ada": "ada", "token-of-bob": "bob" };

export function testServer(options: Partial<SyncServerOptions> = {}): SyncServer {
  return syncServer({
    domain,
    store: memory(),
    authorize: bearer({ tokens }),
    onError: (error) => console.error(error),
    ...options,
  });
}

/** A command whose author saw its stream at version `seen`. The default is 0. */
export type Seen = CommandRequest & { readonly seen?: number; readonly reads?: CommitCommand["reads"] };

export type Person = {
  readonly actor: string;
  readonly client: string;
  /** A commit of these commands. */
  readonly commit: (...commands: readonly Seen[]) => Commit;
  readonly request: (path: string, body?: unknown, headers?: Record<string, string>) => Promise<Response>;
  /** Pushes commits and requires status 200. */
  readonly push: (commits: readonly unknown[], after?: Cursor | null, domainVersion?: number) => Promise<PushAnswer>;
  readonly outcomes: (...commits: readonly unknown[]) => Promise<readonly Outcome[]>;
  readonly pull: (after?: Cursor | null) => Promise<ReturnType<typeof pageOf>>;
};

type Requests = { readonly request: (path: string, init?: RequestInit) => Response | Promise<Response> };

export function person(
  app: Requests,
  actor: string,
  { log = "board", client = crypto.randomUUID() }: { log?: string; client?: string } = {},
): Person {
  const request = async (path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    app.request(path === "" ? `/logs/${log}` : `/logs/${log}/${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        authorization: `Bearer token-of-${actor}`,
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  const push: Person["push"] = async (commits, after = null, domainVersion = domain.definition.version) => {
    const response = await request("commits", { after: wireCursor(after), domain: domainVersion, commits });
    const text = await response.text();
    expect(response.status, text).toBe(200);
    const answer = parsePushAnswer(text);
    if (!answer.ok) throw new Error(`The answer is invalid: ${JSON.stringify(answer.problem)} in ${text}`);
    return answer.value;
  };
  return {
    actor,
    client,
    request,
    push,
    commit: (...commands) => ({
      id: crypto.randomUUID(),
      client,
      actor,
      time: Date.now(),
      meta: null,
      commands: commands.map(({ seen = 0, reads = [], ...command }) => ({ ...command, seen, reads, events: [] })),
    }),
    outcomes: async (...commits) => (await push(commits)).outcomes,
    pull: async (after = null) =>
      pageOf(await (await request(`records${after ? `?after=${wireCursor(after)}` : ""}`)).text()),
  };
}

function pageOf(text: string) {
  const page = parsePage(text);
  if (!page.ok) throw new Error(`The page is invalid: ${JSON.stringify(page.problem)} in ${text}`);
  return page.value;
}

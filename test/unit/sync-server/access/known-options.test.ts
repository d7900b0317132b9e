// A misspelled option is refused, because without it the server or its handlers would do something else.
import { expect, test } from "vitest";
import { board, domain, task } from "../../../support/board-domain.ts";
import { containing } from "../../../support/matchers.ts";
import {
  bearer,
  jwt,
  processManager,
  sqlModel,
  strong,
  subscriber,
  syncServer,
} from "../../../../src/sync-server/app.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { openTelemetry } from "../../../../src/sync-server/telemetry.ts";
import { postgres } from "../../../../src/sync-server/stores/postgres.ts";

const server = { domain, store: memory(), authorize: () => ({ actor: "ada" }) };
const follower = { from: [task], start: "beginning", on: { TaskCompleted: () => {} } } as const;
const manager = { ...follower, version: 1, initial: null, on: { TaskCompleted: () => null } };
const issuer = { issuer: "https://id.example/", audience: "board" };
const hmac = { ...issuer, algorithm: "HS256", secret: "x".repeat(32) } as const;
const jwks = { ...issuer, algorithm: "ES256", jwksUri: "https://id.example/jwks.json" } as const;

const tables = {
  version: 1,
  from: [task],
  tables: { title: (t: string) => `create table ${t} (id text)` },
  on: { TaskAdded: () => [] },
};

/** Functions that take any further options, as programs without types do. */
const makers = {
  syncServer: (more: object) => syncServer({ ...server, ...more }),
  "syncServer with a base": (base: object) => syncServer({ ...server, base }),
  subscriber: (more: object) => subscriber("mailer", { ...follower, ...more }),
  "subscriber with a retry": (retry: object) => subscriber("mailer", { ...follower, retry }),
  processManager: (more: object) => processManager("chores", { ...manager, ...more }),
  strong: (more: object) => strong(board, more),
  "jwt with a secret": (more: object) => jwt({ ...hmac, ...more }),
  "jwt with a jwksUri": (more: object) => jwt({ ...jwks, ...more }),
  bearer: (more: object) => bearer({ tokens: { "adas-secret": "ada" }, ...more }),
  sqlModel: (more: object) => sqlModel("titles", { ...tables, ...more }),
  openTelemetry: (more: object) => openTelemetry(more),
  postgres: (more: object) => postgres({ url: "postgres://localhost/nowhere", ...more }),
};

test.each([
  ["syncServer", "permitt", "nobody", "`syncServer`", "domain, authorize, permit, "],
  ["syncServer", "port", 80, "`syncServer`", ", store, "],
  ["syncServer with a base", "everyEvent", 5, "The option `base`", "everyEvents, bytesMax"],
  ["subscriber", "afterRetry", "stop", "The subscriber mailer", ", afterRetries, afterPark, "],
  ["subscriber with a retry", "attemps", 1, "`retry` of the subscriber mailer", "attempts, firstMs, maxMs"],
  ["processManager", "onReject", "stop", "The process manager chores", ", onRejected"],
  ["strong", "untilReddy", "refuse", "`strong`", "onError, untilReady"],
  ["jwt with a secret", "typ", "at+jwt", "`jwt`", ", actor, type"],
  ["jwt with a jwksUri", "actorr", "email", "`jwt`", ", actor, type"],
  ["bearer", "verfy", () => null, "`bearer`", "tokens, verify"],
  ["sqlModel", "onn", {}, "The SQL model titles", "version, from, tables, on"],
  ["openTelemetry", "metr", {}, "`openTelemetry`", "tracer, meter"],
  ["postgres", "shema", "board", "`postgres`", "url, schema, connectionsMax"],
] as const)("%s: refuses the unknown option %s and lists the known ones", (name, option, value, owner, known) => {
  expect(() => makers[name]({ [option]: value })).toThrow(
    expect.objectContaining({
      code: "definition",
      message: `${owner} has no option ${option}`,
      fix: containing(known),
      details: { option },
    }),
  );
});

test("known options: no option and an unknown one that is undefined are accepted", () => {
  for (const [name, make] of Object.entries(makers)) {
    expect(() => make({}), name).not.toThrow();
    // A base refuses each value that is not a number.
    if (!name.includes("base")) expect(() => make({ permitt: undefined }), name).not.toThrow();
  }
});

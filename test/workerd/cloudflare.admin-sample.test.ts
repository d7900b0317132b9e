// The operator's route of docs/deploy-cloudflare.md, as it is printed, with real objects.
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { task } from "../support/board-domain.ts";
import { newLog } from "./log-object.ts";
import { app } from "./worker.ts";

type Sample = { readonly default: { readonly fetch: (request: Request, env: object) => Promise<Response> } };
const file = "../../.test-output/edge-samples/edge-with-admin.ts";
const { default: sample } = (await import(file)) as Sample;

const secrets = { ...env, ADMIN_SECRET: "the operator's secret" };
async function admin(method: string, log: string, body?: string, secret = secrets.ADMIN_SECRET) {
  const response = await sample.fetch(
    new Request(`https://example.org/admin?log=${encodeURIComponent(log)}`, {
      method,
      headers: { authorization: `Bearer ${secret}` },
      ...(body !== undefined && { body }),
    }),
    secrets,
  );
  const text = await response.text();
  return { status: response.status, body: text === "" ? null : (JSON.parse(text) as unknown) };
}

/** The archive of a log with three records. */
async function archive() {
  const { person, log } = newLog();
  const ada = person("ada");
  for (const id of ["t1", "t2", "t3"])
    await ada.push([ada.commit(task.command.add(id, { title: "Milk", column: "a" }))]);
  return { log, ada, text: new TextDecoder().decode(await (await ada.request("export")).arrayBuffer()) };
}

test("edge-with-admin: imports a log, and drops it", async () => {
  const { log, text } = await archive();
  const moved = text.replaceAll(log, "admin-moved");
  const imported = { status: 200, body: { records: 3, events: 3, isComplete: true } };
  expect(await admin("POST", "admin-moved", moved)).toMatchObject(imported);
  expect(await admin("POST", "admin-moved", moved)).toMatchObject(imported);
  expect(await admin("DELETE", "admin-moved")).toEqual({ status: 200, body: { dropped: "admin-moved" } });
  expect(await admin("POST", "admin-moved", moved)).toMatchObject({
    status: 410,
    body: { error: { code: "gone" } },
  });
});

test("edge-with-admin: a refused import answers with its code, its fix and the right status", async () => {
  const { log, text, ada } = await archive();
  const lines = text.trimEnd().split("\n");
  const refusals: readonly (readonly [string, string, string, number, string])[] = [
    ["another log", "admin-other", text, 400, "invalid"],
    ["a cut archive", "admin-cut", lines.slice(0, 2).join("\n").replaceAll(log, "admin-cut"), 400, "invalid"],
    ["no archive", "admin-none", "a text", 400, "invalid"],
    ["an invalid name", "two words", text, 400, "invalid"],
    ["no name", "", text, 400, "invalid"],
  ];
  for (const [what, name, body, status, code] of refusals)
    expect(await admin("POST", name, body), what).toEqual({
      status,
      body: {
        error: {
          code,
          message: expect.any(String) as string,
          fix: expect.any(String) as string,
          retry: "after-fix",
          details: expect.any(Object) as object,
        },
      },
    });
  const other = await archive();
  const foreign = other.text.replaceAll(other.log, log);
  expect(await admin("POST", log, foreign)).toMatchObject({ status: 409, body: { error: { code: "concurrency" } } });
  expect((await ada.pull()).head).toBe(3);
  expect(app.errors.splice(0)).toEqual([]);
});

test("edge-with-admin: a missing binding is an answer with its fix", async () => {
  const headers = { authorization: `Bearer ${secrets.ADMIN_SECRET}` };
  const request = new Request("https://example.org/admin?log=x", { method: "DELETE", headers });
  const response = await sample.fetch(request, { ADMIN_SECRET: secrets.ADMIN_SECRET });
  expect(response.status).toBe(500);
  expect(await response.json()).toMatchObject({ error: { code: "definition" } });
});

test("edge-with-admin: a wrong secret and a method without a call change nothing", async () => {
  const { log, text, ada } = await archive();
  expect(await admin("DELETE", log, undefined, "a guess")).toEqual({ status: 401, body: null });
  expect(await admin("POST", log, text, "a guess")).toEqual({ status: 401, body: null });
  for (const method of ["GET", "PUT", "POST"]) expect((await admin(method, log)).status, method).toBe(405);
  expect((await ada.pull()).head).toBe(3);
});

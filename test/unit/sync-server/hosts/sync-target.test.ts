import { expect, test } from "vitest";
import { LOG_ROUTES, syncTarget } from "../../../../src/sync-server/hosts/sync-target.ts";
import { testServer } from "../../../support/sync-requests.ts";

test("syncTarget: accepts the routes of the sync server, and no others", () => {
  const { routes } = testServer();
  const known = routes.filter(({ method, path }) => method !== "ALL" && method !== "OPTIONS" && !path.endsWith("z"));
  expect(known).toHaveLength(LOG_ROUTES.length);
  for (const { method, path } of known) {
    const target = syncTarget(method, `/sync${path.replace(":log", "team%2D7").replaceAll(/:\w+/g, "x")}`, "/sync");
    expect(target, path).toMatchObject({ log: "team-7" });
  }
});

test("syncTarget: the routes of an operator are those of a server with `admin`", () => {
  const { routes } = testServer({ admin: () => true });
  const added = routes.filter(({ path }) => /\/(models|subscribers)/.test(path));
  expect(added).toHaveLength(8);
  for (const { method, path } of added) {
    const last = method === "GET" ? "parked" : "pause";
    const target = syncTarget(method, path.replace(":log", "a").replace(":name", "x%20y").replace(":last", last), "");
    const name = path.includes("/models") ? { model: "x y" } : { subscriber: "x y" };
    expect(target, path).toMatchObject({ kind: "admin", right: path.includes(":name") ? name : { verb: "list" } });
  }
  for (const path of ["/models/x/drop", "/models/x", "/models", "/subscribers/x/rebuild", "/models/%ff/purge"])
    expect(syncTarget("POST", `/logs/a${path}`, ""), path).toEqual({ kind: "no-route" });
});

test("syncTarget: a wrong method, a longer path or a slash at the end is no route", () => {
  for (const [method, path] of [
    ["DELETE", "/logs/a"],
    ["GET", "/logs/a/commits"],
    ["POST", "/logs/a/records"],
    ["GET", "/logs/a/"],
    ["GET", "/logs/a/records/b"],
    ["GET", "/logs/a/streams/task"],
    ["GET", "/logs/bad%ff"],
    ["GET", "/logs/"],
    ["GET", "/logs//records"],
  ] as const)
    expect(syncTarget(method, `/sync${path}`, "/sync"), `${method} ${path}`).toEqual({ kind: "no-route" });
});

test("syncTarget: a HEAD request has the target of GET", () => {
  expect(syncTarget("HEAD", "/logs/a/records", "")).toEqual({ kind: "log", log: "a" });
  expect(syncTarget("HEAD", "/healthz", "")).toEqual({ kind: "health" });
});

test("syncTarget: a path outside the prefix has no target", () => {
  for (const path of ["/", "/logs/a", "/syncs/logs/a", "//sync/logs/a", "/sync"])
    expect(syncTarget("GET", path, "/sync"), path).toBeNull();
});

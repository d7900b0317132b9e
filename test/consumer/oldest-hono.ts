/**
 * Runs the packed server beside the oldest Hono that the peer range allows: mounted, and with tokens.
 *
 * This Hono ignores the required `typ` of a token. The server still refuses the token, because the package carries its
 * own token helpers.
 */
import type { Project } from "./support/project.ts";

/** The lowest version of the peer range in package.json. */
export const OLDEST_HONO = "4.12.34";

const program = `
import assert from "node:assert/strict";
import { Hono } from "hono";
import { sign } from "hono/jwt";
import { memory } from "dacapo/memory";
import { jwt, syncServer } from "dacapo/sync-server";
import { domain } from "./domain.ts";

const secret = "0123456789abcdef0123456789abcdef";
const claims = { iss: "https://id.example/", aud: "notes", sub: "ada", exp: Math.floor(Date.now() / 1000) + 60 };
const token = await sign(claims, secret, "HS256");
const statusWith = async (type) => {
  const authorize = jwt({ algorithm: "HS256", secret, issuer: claims.iss, audience: claims.aud, ...type });
  const app = new Hono().route("/sync", syncServer({ domain, store: memory(), authorize }));
  return (await app.request("/sync/logs/team-7", { headers: { authorization: "Bearer " + token } })).status;
};
assert.equal(await statusWith({}), 200);
assert.equal(await statusWith({ type: "at+jwt" }), 401);
`;

export async function checkOldestHono(project: Project): Promise<void> {
  await project.writeSamples("README.md");
  await project.install("valibot", `hono@${OLDEST_HONO}`);
  project.write("server-check.mjs", program);
  await project.node("server-check.mjs");
}

/** Runs the packed command `dacapo` as a stranger does: its help by npm, and a server for the README's domain. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Project } from "./support/project.ts";

export async function checkCommandLine(project: Project): Promise<void> {
  await project.writeSamples("README.md");
  await project.install("valibot", "hono");
  await project.npm("exec", "--", "dacapo", "--help");
  const bin = "node_modules/dacapo/dist/cli/main.js";
  const store = "sqlite:logs.db";
  const args = [bin, "serve", "--domain", "./domain.ts", "--store", store, "--open", "--port", "0", "--json"];
  const server = await project.start(args, /"url":"([^"]+)"/);
  try {
    const { status } = await fetch(`${server.match[1] ?? ""}/logs/team-7`);
    if (status !== 200) throw new Error(`The server of the packed command answered ${status}`);
  } finally {
    await server.stop();
  }
  if (!existsSync(join(project.folder, "logs.db"))) throw new Error("The packed command wrote no file");
  await project.node(bin, "logs", "--store", store, "--json");
  await project.node(bin, "verify", "--store", store, "--domain", "./domain.ts");
}

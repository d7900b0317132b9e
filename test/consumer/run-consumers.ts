/** Packs the package once and runs consumers one after the other. Prints one line for each. */
import { mkdirSync } from "node:fs";
import type { Consumer } from "./consumers.ts";
import { inProject, pack } from "./support/project.ts";

export type ConsumerResults = { readonly passed: number; readonly failures: readonly string[] };

export async function runConsumers(folder: string, chosen: readonly Consumer[]): Promise<ConsumerResults> {
  mkdirSync(folder, { recursive: true });
  const tarball = pack(folder);
  const failures: string[] = [];
  for (const { name, run } of chosen) {
    const start = performance.now();
    const timed: { installMs: number } = { installMs: 0 };
    const failure = await inProject(tarball, (project) => {
      const install = async (...packages: readonly string[]) => {
        const before = performance.now();
        await project.install(...packages);
        timed.installMs += performance.now() - before;
      };
      return run({ ...project, install });
    }).then(
      () => null,
      (error: unknown) => (error instanceof Error ? textOf(error) : String(error)),
    );
    const times = `${seconds(performance.now() - start)} s, of which installing ${seconds(timed.installMs)} s`;
    console.log(`${failure === null ? "passed" : "FAILED"}  ${name.padEnd(24)} ${times}`);
    if (failure === null) continue;
    console.error(failure);
    failures.push(`${name}\n  ${failure}`);
  }
  return { passed: chosen.length - failures.length, failures };
}

/** The message, and that of the cause. */
function textOf({ message, cause }: Error): string {
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

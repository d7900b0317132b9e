/** A disk that a test can fill. Only an account that may mount can make it. */
import { execFileSync } from "node:child_process";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type SmallDisk = {
  readonly folder: string;
  /** Uses up all its room. */
  readonly fill: () => Promise<void>;
  /** Makes all that room free again. */
  readonly free: () => Promise<void>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

export async function smallDisk(mebibytes: number): Promise<SmallDisk | null> {
  const folder = await mkdtemp(join(tmpdir(), "dacapo-e2e-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", folder], { stdio: "ignore" });
  } catch {
    await rm(folder, { recursive: true });
    return null;
  }
  const ballast = join(folder, "ballast");
  return {
    folder,
    async fill() {
      const file = await open(ballast, "a");
      try {
        for (const size of [1 << 20, 1 << 12])
          for (;;) if (!(await file.write(Buffer.alloc(size)).catch(() => null))) break;
      } finally {
        await file.close();
      }
    },
    free: () => rm(ballast),
    async [Symbol.asyncDispose]() {
      // Lazily, because a browser that just ended may still hold a file.
      execFileSync("umount", ["-l", folder]);
      await rm(folder, { recursive: true });
    },
  };
}

// The check of a port that a demo is about to use. The message says how to choose another one.
import { createServer as createTcpServer } from "node:net";

/** Checks a port before anything starts, on both loopback addresses, because a browser may try either first. */
export async function assertFree(command: string, name: string, port: number, what: string): Promise<void> {
  for (const host of ["127.0.0.1", "::1"]) {
    const problem = await new Promise<string | undefined>((resolve) => {
      const probe = createTcpServer();
      probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code));
      probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(undefined)));
    });
    if (problem === "EADDRINUSE") {
      throw new Error(
        `Port ${port} for the ${what} is already in use, perhaps by an earlier \`${command}\`. Stop it, or choose another port: ${name}=${port + 1} ${command}`,
      );
    }
    if (problem === "EACCES")
      throw new Error(
        `Port ${port} for the ${what} needs more rights than this account has. Choose a port above 1023: ${name}=8787 ${command}`,
      );
  }
}

/** Listening on an address: checks of the options, the URL of a listening server, and errors in plain words. */
import type { Server } from "node:http";
import { DacapoError } from "../../core/values/errors.ts";
import { refuseDefinition } from "../../core/values/refuse.ts";

/** An address to listen on. Undefined is all addresses of this machine. */
export type ListenAddress = { readonly port: number; readonly hostname: string | undefined };

/**
 * Connections that may wait to be accepted, because thousands of devices may return at once. Further ones try again
 * after seconds. The system may allow fewer.
 */
const BACKLOG_MAX = 4_096;

/** The name of a machine, an IPv4 address, or an IPv6 address with or without brackets. */
const HOST = /^\[?([A-Za-z0-9._-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%\w+)?)\]?$/;

/** Checks an address as an app wrote it. An empty host is no host, because an unset variable is often an empty text. */
export function listenAddress(port: unknown, hostname: unknown): ListenAddress {
  const number = typeof port === "string" && /^[0-9]+$/.test(port) ? Number(port) : port;
  if (typeof number !== "number" || !Number.isInteger(number) || number < 0 || number > 65_535) {
    refuseDefinition(
      `The port of the sync server is ${String(port)}, which is not a port`,
      "Pass a whole number from 0 to 65535, such as 8787.",
      { option: "port" },
    );
  }
  if (hostname === undefined || hostname === null || hostname === "") return { port: number, hostname: undefined };
  const host = typeof hostname === "string" ? HOST.exec(hostname)?.[1] : undefined;
  if (host === undefined) {
    refuseDefinition(
      `The hostname of the sync server is ${JSON.stringify(hostname)}, which is not the name or address of a machine`,
      'Pass only a name or an address, such as "127.0.0.1" or "::1". The port and the path have options of their own.',
      { option: "hostname" },
    );
  }
  return { port: number, hostname: host };
}

/** Resolves with the port once the server listens. */
export function listen(http: Server, { port, hostname }: ListenAddress): Promise<number> {
  return new Promise((resolve, reject) => {
    http.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, port, hostname)));
    http.listen({ port, backlog: BACKLOG_MAX, ...(hostname !== undefined && { host: hostname }) }, () => {
      http.removeAllListeners("error");
      http.on("error", () => {});
      const address = http.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

/** The URL of a server that listens, for a client on this machine. */
export function listeningUrl(port: number, hostname: string | undefined, prefix: string): string {
  const host = hostname === undefined || hostname === "0.0.0.0" || hostname === "::" ? "localhost" : hostname;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}${prefix}`;
}

function listenError({ code, message: reason }: NodeJS.ErrnoException, port: number, hostname?: string): DacapoError {
  const details = { port, ...(code !== undefined && { cause: code }) };
  const error =
    code === "EADDRINUSE"
      ? new DacapoError("port-taken", "after-fix", {
          message: `Port ${port} is already in use`,
          fix: "Stop the other server, or pass another port.",
          details,
        })
      : new DacapoError("cannot-listen", "after-fix", {
          message: `The server cannot listen on ${hostname ?? "this machine"}, port ${port}: ${reason}`,
          fix:
            code === "EACCES"
              ? "Pass a port above 1023, or run the server with an account that may use this port."
              : "Pass an address of this machine as `hostname`, and a free port.",
          details,
        });
  // Without frames, because Node prints the stack of an error that ends a program, and here the sentence says it all.
  error.stack = `${error.name}: ${error.message}. ${error.fix}`;
  return error;
}

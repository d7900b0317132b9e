/** `dacapo serve`: a sync server for the domain of a module. */
import { DefinitionError } from "../../core/values/errors.ts";
import type { Authorize } from "../../sync-server/access/authorize.ts";
import { serve } from "../../sync-server/node.ts";
import { command, type MakeCommand, requireStore, storeOption, type StoreOptions } from "../base/command.ts";
import { loadConfig, requireDomain, type ServerConfig } from "../base/load-module.ts";
import { openStore, shownUrl } from "../base/open-store.ts";
import { everyValue } from "../base/option-values.ts";
import { Output } from "../base/output.ts";

type ServeCommandOptions = StoreOptions & {
  readonly domain?: string;
  readonly config?: string;
  readonly port?: string;
  readonly host?: string;
  readonly path?: string;
  readonly origin?: readonly string[];
  readonly open?: true;
};

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[?::1\]?)$/;
const ACTOR_LENGTH_MAX = 128;

export const serveCommand: MakeCommand = ({ signal }) =>
  command(
    "serve",
    "Start a sync server. The domain or the config exports `domain` and `authorize`, and may export `permit`.",
    "dacapo serve --domain ./domain.ts --store sqlite:logs.db --open\n" +
      "dacapo serve --config ./dacapo.config.ts --store postgres://dacapo@localhost/dacapo --port 8787",
  )
    .addOption(storeOption())
    .option("--domain <file>", "the module that exports the domain, in TypeScript or JavaScript")
    .option("--config <file>", "a module that exports domain, authorize, permit and other options of `serve`")
    .option("--port <number>", "the port to listen on (default: 8787)")
    .option("--host <name>", "the address to listen on (default: all, with --open only this machine)")
    .option("--path <path>", "the path in front of all routes (default: /sync)")
    .option("--origin <origin>", "the origin of a page that may use the server. Repeat it for more", everyValue)
    .option("--open", "for development: everybody on this machine may use the server, without a sign-in")
    .action(async (options: ServeCommandOptions) => {
      const url = requireStore(options);
      const config = await loadConfig(options);
      const domain = requireDomain(config, options.config ?? options.domain);
      const access = accessOf(config, options);
      const store = await openStore(url, { mayCreate: true });
      const output = new Output(options.json === true);
      const running = await serve({
        ...config,
        ...(options.path !== undefined && { path: options.path }),
        ...(options.port !== undefined && { port: portFrom(options.port) }),
        ...(options.origin !== undefined && { origins: options.origin }),
        ...access,
        domain,
        store,
      });
      await output.result(`The sync server listens on ${running.url}`, { url: running.url, port: running.port });
      output.remark(`It stores its logs in ${shownUrl(url)}. Ctrl-C stops it.`);
      if (options.open) output.remark("Everybody on this machine may use it, because of --open.");
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      output.remark("Stopping: it finishes the running pushes.");
      await running.close();
    });

type Access = { readonly authorize: Authorize; readonly hostname?: string };

/** The sender of each request, and the address. */
function accessOf({ authorize }: ServerConfig, { open, host }: ServeCommandOptions): Access {
  if (!open) {
    if (!authorize)
      throw new DefinitionError({
        message: "The server cannot know who sends a request, because no module exports `authorize`",
        fix: "Export `authorize` from the config or the domain module, or pass --open for development.",
      });
    return { authorize, ...(host !== undefined && { hostname: host }) };
  }
  if (authorize)
    throw new DefinitionError({
      message: "--open would ignore the exported `authorize`",
      fix: "Leave out --open, or remove `authorize`.",
    });
  const hostname = host ?? "127.0.0.1";
  if (!LOOPBACK.test(hostname))
    throw new DefinitionError({
      message: `--open answers only this machine, and --host is ${hostname}`,
      fix: "Pass --host localhost, or export `authorize`.",
    });
  return { hostname, authorize: anybody };
}

/** Takes the token as the name of the actor. Without a token the actor is `dev`. */
const anybody: Authorize = (request) => {
  const header = request.headers.get("authorization");
  if (header === null) return { actor: "dev" };
  const [, actor = ""] = /^Bearer (.+)$/.exec(header) ?? [];
  return actor.length > 0 && actor.length <= ACTOR_LENGTH_MAX ? { actor } : null;
};

function portFrom(text: string): number {
  const port = Number(text);
  if (/^[0-9]+$/.test(text) && port <= 65_535) return port;
  throw new DefinitionError({
    message: `--port is ${text}, which is not a port`,
    fix: "Pass a number from 0 to 65535.",
  });
}

/**
 * The domain module and the config module of an app, loaded by Node itself.
 *
 * Guarantees (cli.serve.test.ts, cli.usage.test.ts):
 * - A file that is missing, that Node cannot run, or that lacks an export is one sentence with the fix.
 */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { DacapoError, DefinitionError } from "../../core/values/errors.ts";
import type { OptionNames } from "../../core/values/known-options.ts";
import type { ServeOptions } from "../../sync-server/serve-options.ts";
import { SHARED_OPTIONS } from "../../sync-server/server-options.ts";

/** The options that a module may export. The command line sets the store, and other runtimes set the last three. */
export type ServerConfig = Partial<Omit<ServeOptions, "store" | "env" | "liveTicks" | "sleeps">>;

const CONFIG: OptionNames<ServerConfig> = {
  ...SHARED_OPTIONS,
  ticketSecret: true,
  port: true,
  hostname: true,
  path: true,
};

/** The options that the modules export: by name, or as the default export. The config wins over the domain module. */
export async function loadConfig(paths: {
  readonly domain?: string | undefined;
  readonly config?: string | undefined;
}): Promise<ServerConfig> {
  const domain = paths.domain === undefined ? {} : await loadOptions(paths.domain);
  const config = paths.config === undefined ? {} : await loadOptions(paths.config);
  return { ...domain, ...config };
}

/** The definition of a domain. */
export async function loadDomain(path: string): Promise<DomainDefinition> {
  return requireDomain(await loadOptions(path), path).definition;
}

/** `path`: the module that should export it. Undefined: the command line names no module. */
export function requireDomain(
  { domain }: ServerConfig,
  path: string | undefined,
): { readonly definition: DomainDefinition } {
  if (domain) return domain;
  if (path === undefined)
    throw new DefinitionError({
      message: "The domain is missing",
      fix: "Pass --domain ./domain.ts, or --config with a module that exports `domain`.",
    });
  throw new DefinitionError({
    message: `${path} does not export a domain`,
    fix: "Write `export const domain = defineDomain({ … })`, or make the domain the default export.",
  });
}

async function loadOptions(path: string): Promise<ServerConfig> {
  const module = await load(path);
  const standard = module["default"];
  const isDomain = isObject(standard) && isObject(standard["definition"]);
  const given: Readonly<Record<string, unknown>> = {
    ...(isDomain ? { domain: standard } : isObject(standard) ? standard : {}),
    ...module,
  };
  // The server checks each of its options itself, so the values have any type here. A module may export other names,
  // but a default export has options only: `serve` refuses an unknown one, such as a misspelled `permit`.
  const { store: _, ...options } = isDomain || !isObject(standard) ? {} : standard;
  const names = [...Object.keys(CONFIG), ...Object.keys(options)];
  return Object.fromEntries(names.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])));
}

async function load(path: string): Promise<Readonly<Record<string, unknown>>> {
  const file = resolve(path);
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found)
    throw new DefinitionError({ message: `The file ${path} does not exist`, fix: "Pass the path of your module." });
  if (found.isDirectory())
    throw new DefinitionError({ message: `${path} is a folder`, fix: "Pass the path of a module in it." });
  if (/\.[cm]?tsx?$/.test(file) && !process.features.typescript)
    throw new DefinitionError({
      message: `Node ${process.versions.node} does not run TypeScript such as ${path}`,
      fix: "Use Node 22.18 or later, or pass the JavaScript file.",
    });
  try {
    const module: unknown = await import(pathToFileURL(file).href);
    return isObject(module) ? module : {};
  } catch (error) {
    if (error instanceof DacapoError) throw error;
    throw new DefinitionError({
      message: `${path} cannot be loaded: ${reasonOf(error)}`,
      fix: fixOf(error),
      cause: error,
    });
  }
}

function fixOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : null;
  if (code === "ERR_MODULE_NOT_FOUND")
    return "Install the package, or write the import with its file extension, such as ./task.ts. Node needs it.";
  if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX")
    return "Use only TypeScript that Node can strip, so no enum and no namespace. Or pass the JavaScript file.";
  return "Fix the module. It must load in Node without a bundler.";
}

/** The message, and the line of the module that threw. A line of this file would say nothing about the module. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const places = error.stack?.match(/file:\/\/[^\s)]+:\d+:\d+/g);
  const place = places?.find((one) => !one.startsWith(import.meta.url));
  const message = error.message.split("\n")[0] ?? "";
  return place === undefined ? message : `${message} at ${place}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

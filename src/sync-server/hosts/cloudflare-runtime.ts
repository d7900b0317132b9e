/**
 * The parts of the Workers runtime that the sync server uses, in types of its own.
 *
 * The DOM's types and the Workers' types contradict each other, so this file compiles with either. The declared names
 * are globals of the runtime.
 */
import type { LogArchive } from "../archive/archive-lines.ts";
import type { ImportedLog } from "../archive/import-log.ts";
import type { PlainError } from "../../core/values/plain-error.ts";
import type { LogVerb, VerbArgs, VerbResult } from "./log-verbs.ts";
import type { DurableObjectSqlStorage } from "../stores/durable-object.ts";

/** A WebSocket that outlives the memory of its object. */
export type HibernatingSocket = {
  send(text: string): void;
  close(code: number, reason: string): void;
  serializeAttachment(attachment: unknown): void;
  deserializeAttachment(): unknown;
};

/** The part of a Durable Object's `ctx` that the sync server uses. */
export type LogObjectContext = {
  readonly id: { readonly name?: string | undefined; toString(): string };
  readonly storage: DurableObjectSqlStorage & {
    getAlarm(): Promise<number | null>;
    setAlarm(atMs: number): Promise<void>;
  };
  acceptWebSocket(socket: HibernatingSocket): void;
  getWebSockets(): readonly HibernatingSocket[];
  setWebSocketAutoResponse(pair: WebSocketRequestResponsePair): void;
  getWebSocketAutoResponseTimestamp(socket: HibernatingSocket): Date | null;
};

/** The part of a Durable Object namespace that the Worker uses. */
export type LogNamespace = {
  getByName(name: string, options?: { readonly locationHint?: string }): LogStub;
  jurisdiction(name: string): LogNamespace;
};

/** The object of one log, as the Worker calls it. The runtime carries the calls as RPC. */
export type LogStub = {
  fetch(request: Request): Promise<globalThis.Response>;
  drop(log: string): Promise<RpcResult<null>>;
  importLog(log: string, archive: LogArchive): Promise<RpcResult<ImportedLog>>;
  call<Verb extends LogVerb>(log: string, verb: Verb, args: VerbArgs[Verb]): Promise<RpcResult<VerbResult[Verb]>>;
};

/** The result of an RPC. An error that is thrown across an RPC would lose its code. */
export type RpcResult<Value> =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly error: PlainError };

/** True for the binding of a Durable Object class. A service has a call of each name, so it has `fetch` too. */
export function isNamespace(value: unknown): value is LogNamespace {
  return typeof value === "object" && value !== null && "getByName" in value && !("fetch" in value);
}

type WebSocketRequestResponsePair = { readonly request: string; readonly response: string };

declare const WebSocketPair: new () => { readonly 0: HibernatingSocket; readonly 1: HibernatingSocket };
declare const WebSocketRequestResponsePair: new (request: string, response: string) => WebSocketRequestResponsePair;
declare const Response: new (
  body: null,
  init: { readonly status: 101; readonly webSocket: HibernatingSocket },
) => globalThis.Response;

/** Creates a connection and returns both of its ends. */
export function socketPair(): { readonly client: HibernatingSocket; readonly ours: HibernatingSocket } {
  const pair = new WebSocketPair();
  return { client: pair[0], ours: pair[1] };
}

/** The response that passes the client its end of the connection. */
export function upgraded(client: HibernatingSocket): globalThis.Response {
  return new Response(null, { status: 101, webSocket: client });
}

/** A request that the runtime itself answers, so that the object can sleep. */
export function autoResponse(request: string, response: string): WebSocketRequestResponsePair {
  return new WebSocketRequestResponsePair(request, response);
}

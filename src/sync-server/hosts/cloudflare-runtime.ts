/**
 * The parts of the Workers runtime that the sync server uses, in types of its own.
 *
 * The DOM's types and the Workers' types contradict each other, so this file compiles with either. The declared names
 * are globals of the runtime.
 */
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
  readonly storage: DurableObjectSqlStorage & {
    getAlarm(): Promise<number | null>;
    setAlarm(atMs: number): Promise<void>;
  };
  acceptWebSocket(socket: HibernatingSocket): void;
  getWebSockets(): readonly HibernatingSocket[];
  setWebSocketAutoResponse(pair: WebSocketRequestResponsePair): void;
  getWebSocketAutoResponseTimestamp(socket: HibernatingSocket): Date | null;
};

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

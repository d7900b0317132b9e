/**
 * What is used of the Workers' runtime, in types of our own: the DOM's and the Workers' contradict each other, and this
 * compiles with either.
 *
 * Place: `cloudflare` alone uses it. The names are globals of the runtime.
 */
import type { DurableObjectSqlStorage } from "../stores/durable-object.ts";

/** A WebSocket that outlives the memory of its object. */
export type HibernatingSocket = {
  send(text: string): void;
  close(code: number, reason: string): void;
  serializeAttachment(attachment: unknown): void;
  deserializeAttachment(): unknown;
};

/** What is used of a Durable Object's `ctx`. */
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

/** Both ends of a new connection. */
export function socketPair(): { readonly client: HibernatingSocket; readonly ours: HibernatingSocket } {
  const pair = new WebSocketPair();
  return { client: pair[0], ours: pair[1] };
}

/** The answer that hands the client its end. */
export function upgraded(client: HibernatingSocket): globalThis.Response {
  return new Response(null, { status: 101, webSocket: client });
}

/** What the runtime answers by itself, without waking the object. */
export function autoResponse(request: string, response: string): WebSocketRequestResponsePair {
  return new WebSocketRequestResponsePair(request, response);
}

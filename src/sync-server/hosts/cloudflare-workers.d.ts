// The part of the runtime's module that the entry uses. The Workers' own types contradict those of the DOM.
declare module "cloudflare:workers" {
  type Socket = import("./cloudflare-runtime.ts").HibernatingSocket;

  /** The bindings and secrets of the Worker. An app has better types by `wrangler types`. */
  export const env: Readonly<Record<string, string>>;

  export class DurableObject {
    protected readonly ctx: import("./cloudflare-runtime.ts").LogObjectContext;
    protected readonly env: object;
    fetch?(request: Request): Promise<Response>;
    alarm?(ring?: { readonly isRetry: boolean }): Promise<void>;
    webSocketMessage?(socket: Socket, message: string | ArrayBuffer): Promise<void>;
    webSocketClose?(socket: Socket): void;
    webSocketError?(socket: Socket): void;
  }
}

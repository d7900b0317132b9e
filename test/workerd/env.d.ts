// The bindings of wrangler.jsonc, for `env` of "cloudflare:workers".
declare namespace Cloudflare {
  interface Env {
    readonly PLATFORM: DurableObjectNamespace<import("./worker.ts").PlatformObject>;
    readonly LOGS: DurableObjectNamespace;
    readonly SMALL_LOGS: DurableObjectNamespace;
    readonly IDLE_LOGS: DurableObjectNamespace;
    readonly LIMITED_LOGS: DurableObjectNamespace;
    readonly WORK_LOGS: DurableObjectNamespace<import("./worker.ts").WorkLogObject>;
    readonly ORDER_LOGS: DurableObjectNamespace;
    readonly FULL_LOGS: DurableObjectNamespace;
    readonly BASE_LOGS: DurableObjectNamespace;
    readonly RELEASE_LOGS: DurableObjectNamespace;
    readonly SECRETLESS_LOGS: DurableObjectNamespace;
    readonly KEY_VALUE_LOGS: DurableObjectNamespace;
    readonly SERVICE: Fetcher;
    readonly TICKET_SECRET: string;
    readonly MAIL_SECRET: string;
  }
}

/** Rules that run the client. Its types of a browser contradict those of Workers, so they are checked elsewhere. */
declare module "*/base-rules.ts?device" {
  export const baseRules: readonly {
    readonly name: string;
    readonly begins: "base" | 1;
    readonly check: (world: {
      readonly url: string;
      readonly log: string;
      readonly withModels: (
        run: (models: import("../../src/sync-server/stores/model-store.ts").ModelStore) => Promise<void>,
      ) => Promise<void>;
    }) => Promise<"base" | number>;
  }[];
}

declare module "*.sql?raw" {
  const text: string;
  export default text;
}

// The bindings of wrangler.jsonc, for `env` of "cloudflare:workers".
declare namespace Cloudflare {
  interface Env {
    readonly PLATFORM: DurableObjectNamespace<import("./worker.ts").PlatformObject>;
    readonly LOGS: DurableObjectNamespace;
    readonly SMALL_LOGS: DurableObjectNamespace;
    readonly IDLE_LOGS: DurableObjectNamespace;
    readonly LIMITED_LOGS: DurableObjectNamespace;
    readonly WORK_LOGS: DurableObjectNamespace<import("./worker.ts").WorkLogObject>;
    readonly RELEASE_LOGS: DurableObjectNamespace;
    readonly TICKET_SECRET: string;
    readonly MAIL_SECRET: string;
  }
}

declare module "*.sql?raw" {
  const text: string;
  export default text;
}

// The bindings of wrangler.jsonc, for `env` of "cloudflare:workers".
declare namespace Cloudflare {
  interface Env {
    readonly PLATFORM: DurableObjectNamespace<import("./worker.ts").PlatformObject>;
    readonly LOGS: DurableObjectNamespace<import("./worker.ts").LogObject>;
  }
}

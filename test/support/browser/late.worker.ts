// Calls `serveLog` after a top-level await, so that the page's first message is lost.
import { serveLog } from "../../../src/client/serve-log.ts";
import { domain } from "../board-domain.ts";

await new Promise((resolve) => setTimeout(resolve, 300));
serveLog(domain);

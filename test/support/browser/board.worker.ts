import { serveLog } from "../../../src/client/serve-log.ts";
import { domain } from "../board-domain.ts";

serveLog(domain);

import { serveLog } from "../../../src/client/serve-log.ts";
import { domain } from "../../support/board-domain.ts";

serveLog(domain);

/** The demo's sync server on Cloudflare with the next release of the domain. */
import { cloudflare } from "dacapo/cloudflare";
import { believeTheName } from "../../../demo/board/authorize.ts";
import { domain } from "./next-board.ts";

const { worker, EventLogObject } = cloudflare({ domain, authorize: believeTheName });

export { EventLogObject };
export default worker;

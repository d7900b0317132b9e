// The board's sync server on Cloudflare: this Worker, and one Durable Object for each board.
import { cloudflare } from "dacapo/cloudflare";
import { believeTheName } from "./authorize.ts";
import { domain } from "./domain.ts";

const { worker, EventLogObject } = cloudflare({ domain, authorize: believeTheName });

export { EventLogObject };
export default worker;

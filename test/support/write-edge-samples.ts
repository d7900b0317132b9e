/** Writes the samples of the page about Cloudflare to files, because a test in `workerd` can read no page. */
import { writeSamples } from "./samples.ts";

export async function setup(): Promise<void> {
  await writeSamples(["README.md", "docs/deploy-cloudflare.md"], "edge-samples");
}

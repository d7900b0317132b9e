/** Which release of the process manager reacts to which jobs, by the writes of its follower. */
import type { ModelWrite } from "../../../../src/sync-server/stores/model-store.ts";
import { parseOwnJson } from "../../own-json.ts";
import { FLOW } from "./reactions.ts";

export class FlowReleases {
  readonly #writes: () => readonly ModelWrite[];
  #read = 0;
  #swappedAt: number | null = null;
  #before: { readonly identity: string; readonly at: number } | null = null;

  /** `writes`: the model writes of now. They only grow. */
  constructor(writes: () => readonly ModelWrite[]) {
    this.#writes = writes;
  }

  facts(): { readonly swappedAt: number | null; readonly isSecond: boolean } {
    const writes = this.#writes();
    for (let write = writes[this.#read]; write; write = writes[++this.#read]) this.#add(write);
    return { swappedAt: this.#swappedAt, isSecond: this.#before?.identity.startsWith(`${FLOW}@2`) ?? false };
  }

  #add({ followers }: ModelWrite): void {
    for (const { name, next } of followers) {
      if (name !== `process/${FLOW}` || !next || next === "check") continue;
      const { identity } = parseOwnJson<{ identity: string }>(next.text);
      // The newer code reacts from the place of the older code on.
      if (this.#before && this.#before.identity !== identity) this.#swappedAt = this.#before.at;
      this.#before = { identity, at: next.at?.position ?? 0 };
    }
  }
}

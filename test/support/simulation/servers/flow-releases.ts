/** Which release of the process manager reacts to which jobs, by the writes of its follower. */
import type { ModelWrite } from "../../../../src/sync-server/stores/model-store.ts";
import { parseOwnJson } from "../../own-json.ts";
import { FLOW } from "./names.ts";

export class FlowReleases {
  readonly #writes: () => readonly ModelWrite[];
  #read = 0;
  #swappedAt: number | null = null;
  #before: { readonly identity: string; readonly at: number } | null = null;

  readonly #isReset: () => boolean;

  /** `writes`: the model writes of now. They only grow. `isReset`: an operator may have reset the process manager. */
  constructor(writes: () => readonly ModelWrite[], isReset: () => boolean) {
    this.#writes = writes;
    this.#isReset = isReset;
  }

  facts(): { readonly swappedAt: number | null; readonly isSecond: boolean } {
    const writes = this.#writes();
    for (let write = writes[this.#read]; write; write = writes[++this.#read]) this.#add(write);
    return { swappedAt: this.#swappedAt, isSecond: isSecond(this.#before?.identity) };
  }

  #add({ followers }: ModelWrite): void {
    for (const { name, next } of followers) {
      if (name !== `process/${FLOW}` || !next || next === "check") continue;
      const { identity } = parseOwnJson<{ identity: string }>(next.text);
      // After a reset, one release reacts to all events behind the new place.
      if (next.at === null && this.#isReset()) this.#swappedAt = isSecond(identity) ? 0 : null;
      // The newer code reacts from the place of the older code on.
      else if (this.#before && this.#before.identity !== identity) this.#swappedAt = this.#before.at;
      this.#before = { identity, at: next.at?.position ?? 0 };
    }
  }
}

function isSecond(identity = ""): boolean {
  return identity.startsWith(`${FLOW}@2`);
}

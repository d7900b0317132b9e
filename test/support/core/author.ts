/** Authors of commits in tests, and ids that count up. */
import { uuidv7 } from "../../../src/core/values/id.ts";
import type { CommitIdentity } from "../../../src/core/decide/propose-commit.ts";

let made = 0;

export function newId(): string {
  made += 1;
  return uuidv7(1_700_000_000_000 + made, new Uint8Array(10));
}

const CLIENTS = new Map<string, string>();

/** The identity of a new commit. The same actor and `device` have the same client id. */
export function author(actor = "ann", device = "laptop"): CommitIdentity {
  const client = CLIENTS.get(`${actor} ${device}`) ?? newId();
  CLIENTS.set(`${actor} ${device}`, client);
  return { id: newId(), client, actor, time: 1_700_000_000_000, meta: null };
}

/**
 * Sends calls of `execute` to the worker, and settles them by the answers in updates.
 *
 * The calls go beside Comlink on the same port, because one message then serves many calls.
 *
 * Guarantees (`execute-calls.test.ts`):
 * - The calls of one turn leave in one message, in their order.
 * - Each call settles once: by its answer, or with an error when the log is closed.
 */
import type { CommandRequest } from "../../core/domain/definition.ts";
import type { Json } from "../../core/values/json.ts";
import { type CallAnswer, type ExecuteCall, unwrap } from "../messages/worker-messages.ts";

type Caller = { readonly resolve: (commitId: string) => void; readonly reject: (error: unknown) => void };

export type ExecuteCalls = {
  /** Resolves with the commit's id once the commit is durable. `requests` and `meta` must be plain JSON. */
  execute(requests: readonly CommandRequest[], meta: Json, endRejection: string | null): Promise<string>;
  settle(answers: readonly CallAnswer[]): void;
  close(error: Error): void;
};

/** @param post receives JSON of `ExecuteCall[]` */
export function executeCalls(post: (calls: string) => void): ExecuteCalls {
  const callers = new Map<number, Caller>();
  let batch: string[] = [];
  let lastCall = 0;

  const postBatch = () => {
    post(`[${batch.join(",")}]`);
    batch = [];
  };
  return {
    execute: (requests, meta, endRejection) =>
      new Promise((resolve, reject) => {
        const call: ExecuteCall = { call: ++lastCall, requests, meta, endRejection };
        callers.set(call.call, { resolve, reject });
        // As text at once, because the app may change its objects after the call.
        if (batch.push(JSON.stringify(call)) === 1) queueMicrotask(postBatch);
      }),
    settle(answers) {
      for (const { call, answer } of answers) {
        const caller = callers.get(call);
        callers.delete(call);
        try {
          caller?.resolve(unwrap(answer).commit);
        } catch (error) {
          caller?.reject(error);
        }
      }
    },
    close(error) {
      for (const { reject } of callers.values()) reject(error);
      callers.clear();
    },
  };
}

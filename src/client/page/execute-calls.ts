/**
 * Calls of `execute` on their way to the worker and back: the page's end of the one way that is walked all day.
 *
 * Place: beside Comlink, on the same port. The answers come in the update that shows what the commits did.
 * Holds: calls that are made together leave in one message, in their order; each is answered once, or fails when the log is closed.
 */
import type { CommandRequest } from "../../core/domain/definition.ts";
import type { Json } from "../../core/values/json.ts";
import { type CallAnswer, type ExecuteCall, unwrap } from "../messages/worker-messages.ts";

type Caller = { readonly resolve: (commit: string) => void; readonly reject: (error: unknown) => void };

export type ExecuteCalls = {
  /** Resolves with the commit's id when it is durable. What it is given must be plain JSON. */
  execute(requests: readonly CommandRequest[], meta: Json, endRejection: string | null): Promise<string>;
  settle(answers: readonly CallAnswer[]): void;
  close(error: Error): void;
};

/** @param post takes JSON of `CommitCall[]` */
export function executeCalls(post: (calls: string) => void): ExecuteCalls {
  const callers = new Map<number, Caller>();
  let leaving: string[] = [];
  let made = 0;

  const leave = () => {
    post(`[${leaving.join(",")}]`);
    leaving = [];
  };
  return {
    execute: (requests, meta, endRejection) =>
      new Promise((resolve, reject) => {
        const call: ExecuteCall = { call: ++made, requests, meta, endRejection };
        callers.set(call.call, { resolve, reject });
        // As text at once: what the app does to its objects afterwards changes nothing.
        if (leaving.push(JSON.stringify(call)) === 1) queueMicrotask(leave);
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

/**
 * Confirms an answer of the server on this device: plans it, writes it in one transaction, then applies it in memory.
 *
 * Guarantees: memory changes only after the store did. If the store has moved, nothing changes.
 */
import { follow } from "../../core/values/clock.ts";
import type { Env } from "../env/env.ts";
import type { Confirmation } from "../stores/log-store.ts";
import type { LocalLog } from "./local-log.ts";
import { planConfirmation, type ServerAnswer } from "./plan-confirmation.ts";

/** Settled commits are offered again after a restore of the server for this long. */
const SENT_KEPT_MS = 30 * 24 * 60 * 60 * 1000;

/**
 * `last`: the device's hybrid logical clock. `server`: when the server received the last known record; null before the
 * first.
 */
export type LogClock = { last: number; server: number | null };

export type ConfirmContext = { readonly env: Env; readonly synced: boolean; readonly clock: LogClock };

/** Returns null when the answer changes nothing here, and `moved` when another tab confirmed first. */
export async function applyConfirmation(
  local: LocalLog,
  answer: ServerAnswer,
  { env, synced, clock }: ConfirmContext,
): Promise<Confirmation | "moved" | null> {
  const { generation } = local.head;
  const { cursor } = local.replica;
  const facts = {
    cursor,
    pending: local.entries.values(),
    rejections: local.rejections,
    now: env.now(),
    sentKeptMs: synced ? SENT_KEPT_MS : null,
    serverTime: clock.server,
  };
  const plan = planConfirmation(facts, answer);
  if (!plan) return null;
  if (!(await local.store.confirm({ generation, cursor }, plan.confirmation))) return "moved";
  clock.server = plan.records.at(-1)?.received ?? clock.server;
  for (const { received } of plan.records) clock.last = follow(clock.last, received, env.now());
  local.applyConfirmation(plan, env.now());
  return plan.confirmation;
}

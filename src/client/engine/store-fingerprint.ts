/** Compares the state of a store as two tabs know it, or before and after a call. */
import { positionOf } from "../../core/history/record.ts";
import type { Engine } from "./engine.ts";

/** A text that differs if the known state of the store does. */
export function storeFingerprint({
  head,
  replica,
  pendingCount,
  rejections,
}: Pick<Engine, "head" | "replica" | "pendingCount" | "rejections">): string {
  return [head.generation, positionOf(replica.cursor), head.pendingTail, pendingCount, rejections.length].join(" ");
}

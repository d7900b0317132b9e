// The bodies of pushes: one commit with one event in each of many streams. A body is a join of prepared texts, because
// a load must cost less than the server that it measures.
import { addTask } from "./domain.ts";

/** Twelve hexadecimal digits, so that a commit's id with them is a UUID. */
const MARK = "ffffffffffff";
const CLIENT = "018bcfe5-6800-7000-8000-000000000001";

export type PushBodies = {
  /** The body of a push with one new commit. `bytes` is the most bytes of records in the answer. */
  readonly next: (after: string | null, bytes: number) => string;
};

/** @param device a number below 65,536 that no other device of the run has */
export function pushBodies(actor: string, device: number, events: number): PushBodies {
  const parts = JSON.stringify(commitOf(actor, events)).split(MARK);
  const run = Math.floor(Math.random() * 0x10000);
  const prefix = hex(run, 4) + hex(device, 4);
  let made = 0;
  return {
    next: (after, bytes) => {
      const unique = prefix + hex(made++, 4);
      return `{"after":${JSON.stringify(after)},"domain":1,"bytes":${bytes},"commits":[${parts.join(unique)}]}`;
    },
  };
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

function commitOf(actor: string, events: number): object {
  return {
    id: `018bcfe5-6800-7000-8000-${MARK}`,
    client: CLIENT,
    actor,
    time: Date.now(),
    meta: null,
    commands: Array.from({ length: events }, (_, n) => {
      const { stream, name, v, input } = addTask(`${MARK}-${n}`, n);
      return { stream, seen: 0, reads: [], name, v, input, events: [{ type: "TaskAdded", v: 1, data: input }] };
    }),
  };
}

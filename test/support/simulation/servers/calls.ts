/**
 * The commands of people, and what the server answered.
 *
 * Guarantees:
 * - A commit that is reported as recorded is in the log once, with all its events.
 * - A commit that is reported as rejected is not in the log, and a rule of the domain rejected it.
 */
import type { CommandRequest } from "../../../../src/core/domain/definition.ts";
import { RejectedError } from "../../../../src/core/values/errors.ts";
import type { SyncServer } from "../../../../src/sync-server/app.ts";
import type { PlainRecord } from "../../../../src/testing/simulate/plain-record.ts";
import type { Ledger } from "./ledger.ts";
import { LOG } from "./names.ts";

type Call = {
  readonly id: string;
  /** The events of the commit, if it is recorded. */
  readonly events: number;
  /** The name that it takes, and for which stream. */
  readonly takes: { readonly name: string; readonly stream: string } | null;
  /** The records of the log when it began. */
  readonly from: number;
};

export type Command = Pick<Call, "events" | "takes"> & { readonly request: CommandRequest };

type Settled = Call & { readonly code: string | null; readonly to: number };

export class Calls {
  readonly problems: string[] = [];
  readonly #records: () => readonly PlainRecord[];
  readonly #ledger: () => Ledger;
  /** The stream that has a name after the first records. */
  readonly #ownerOf: (name: string, count: number) => string | null;
  #settled: Settled[] = [];
  #epoch = 0;
  #count = 0;

  constructor(
    records: () => readonly PlainRecord[],
    ledger: () => Ledger,
    ownerOf: (name: string, count: number) => string | null,
  ) {
    this.#records = records;
    this.#ledger = ledger;
    this.#ownerOf = ownerOf;
  }

  execute(server: SyncServer, { request, ...facts }: Command): void {
    const id = `00000000-0000-4000-8000-${String(++this.#count).padStart(12, "0")}`;
    const call = { ...facts, id, from: this.#records().length };
    const epoch = this.#epoch;
    const settle = (code: string | null): void => {
      if (epoch === this.#epoch) this.#settled.push({ ...call, code, to: this.#records().length });
    };
    server
      .log(LOG)
      .execute(request, { actor: "ada", id })
      .then(({ outcome }) => (outcome === "recorded" ? settle(null) : undefined))
      .catch((error: unknown) => {
        // Any other error says that the commit may be recorded or not.
        if (error instanceof RejectedError) settle(JSON.stringify(error.details["code"]));
      });
  }

  /** A restore can lose records that were reported. */
  forget(): void {
    this.#epoch++;
    this.#settled = [];
  }

  /** Checks the answers since the last check. */
  check(): readonly string[] {
    const ledger = this.#ledger();
    const problems = this.#settled.flatMap((call) => this.#check(call, ledger.recordsOf(call.id)));
    this.#settled = [];
    return problems;
  }

  #check({ id, events, takes, code, from, to }: Settled, found: readonly number[]): readonly string[] {
    if (code === null)
      return found.length === 1 && found[0] === events
        ? []
        : [`the commit ${id} was reported as recorded, and the log has it as ${JSON.stringify(found)}`];
    if (found.length > 0) return [`the commit ${id} was rejected as ${code}, and the log has it`];
    const isTaken = takes && this.#wasTaken(takes, from, to);
    return code === '"name-taken"' && isTaken ? [] : [`the commit ${id} was rejected as ${code} without a reason`];
  }

  #wasTaken({ name, stream }: NonNullable<Call["takes"]>, from: number, to: number): boolean {
    for (let count = from; count <= to; count++) {
      const owner = this.#ownerOf(name, count);
      if (owner !== null && owner !== stream) return true;
    }
    return false;
  }
}

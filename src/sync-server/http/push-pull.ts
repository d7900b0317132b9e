/**
 * The responses to a push and to a pull, from the request's text to the response's text.
 *
 * The routes and the simulator both call it, so that the simulator needs no HTTP.
 *
 * Guarantees:
 * - Records leave as the stored texts (S7).
 * - The page of a batch is rendered once for all pushes with the same cursor.
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { PROTOCOL_VERSION, wireCursor } from "../../core/wire/messages.ts";
import { parsePushEnvelope } from "../../core/wire/read-messages.ts";
import { type Cursor, positionOf, sameCursor } from "../../core/history/record.ts";
import { describeProblem } from "../../core/values/parsed.ts";
import type { Admission } from "../access/admission.ts";
import type { Principal } from "../access/authorize.ts";
import { HttpRefusal } from "../base/http-refusal.ts";
import { type ServerLimits, wireLimits } from "../base/limits.ts";
import { NO_STEP, type Step } from "../base/observer.ts";
import type { LogWriter } from "../writer/log-writer.ts";
import { cursorJson, pageFields, splitRecords } from "./page-text.ts";
import { admitPush, type AdmittedPush, type Appended } from "../writer/admit-push.ts";
import { countOutcomes, type OutcomeCounts } from "../writer/outcome-text.ts";
import type { EventStore, ReadLimit } from "../stores/event-store.ts";
import type { LogName } from "../../core/values/ids.ts";

export type PullContext = {
  /** Its version is in each answer, so that an older page knows that a newer release is there. */
  readonly domain: Pick<DomainDefinition, "version">;
  readonly store: EventStore;
  readonly limits: ServerLimits;
};

export type PushContext = PullContext & {
  readonly admission: Pick<Admission, "countCommits">;
  readonly writer: LogWriter;
};

/** The head of the log, and what the server accepts. */
export async function answerInfo(
  { store, limits, domain }: PullContext & { readonly domain: DomainDefinition },
  log: LogName,
): Promise<string> {
  const head = await store.head(log);
  if (head.kind === "gone") throw new HttpRefusal("gone");
  const cursor = head.kind === "open" ? head.cursor : null;
  return JSON.stringify({
    protocol: PROTOCOL_VERSION,
    cursor: wireCursor(cursor),
    head: positionOf(cursor),
    domain: domain.version,
    limits: wireLimits(limits),
    encodings: ["gzip"],
  });
}

export async function answerPush(
  context: PushContext,
  principal: Principal,
  log: LogName,
  body: { readonly text: string; readonly bytes: number },
  step: Step = NO_STEP,
): Promise<string> {
  const { admission, limits, writer } = context;
  const { push, answerBytes } = readPush(limits, principal, body);
  admission.countCommits(principal, push.commits.length);

  step.set({ commits: push.commits.length });
  const result = await writer.push(log, { ...push, step });
  if (result.kind === "refused") throw new HttpRefusal(result.code);
  const { outcomes, stopped, appended } = result;
  if (step !== NO_STEP) recordOutcomes(step, countOutcomes(outcomes));
  const page = await pageAfterPush(context, log, push.after, appended, answerBytes);
  const end = stopped ? `"stopped":${JSON.stringify(stopped)},` : "";
  return `{"outcomes":[${outcomes.join(",")}],${end}"domain":${context.domain.version},${page}}`;
}

/** Apart, so that nothing keeps the unchecked commits in memory while the push waits for its batch. */
function readPush(
  limits: ServerLimits,
  principal: Principal,
  body: { readonly text: string; readonly bytes: number },
): { readonly push: AdmittedPush; readonly answerBytes: number | undefined } {
  const envelope = parsePushEnvelope(body.text);
  if (!envelope.ok) {
    throw new HttpRefusal("bad-request", {
      message: `The push does not follow the protocol: ${describeProblem(envelope.problem)}`,
    });
  }
  if (envelope.value.commits.length > limits.pushCommitsMax) throw new HttpRefusal("push-too-large");
  const admitted = admitPush(envelope.value, principal, body.bytes, limits);
  if (admitted.kind === "refused") throw new HttpRefusal(admitted.code, { message: admitted.message });
  return { push: admitted.push, answerBytes: envelope.value.bytes };
}

function recordOutcomes(step: Step, counts: OutcomeCounts): void {
  step.set(counts);
  for (const [outcome, count] of Object.entries(counts)) if (count > 0) step.record("commits", count, { outcome });
}

export async function answerPull(
  context: PullContext,
  log: LogName,
  after: Cursor | null,
  events: number,
  bytes?: number,
): Promise<string> {
  const { pageEventsMax, pageBytesMax } = context.limits;
  const limit = { events: Math.min(events, pageEventsMax), bytes: Math.min(bytes ?? pageBytesMax, pageBytesMax) };
  return `{"domain":${context.domain.version},${await storedPage(context, log, after, limit)}}`;
}

/**
 * The page after the cursor of a push. Usually it contains only the records of its batch, which need no read of the
 * store.
 */
async function pageAfterPush(
  context: PushContext,
  log: LogName,
  after: Cursor | null,
  appended: Appended,
  bytes = context.limits.frameBytesMax,
): Promise<string> {
  if (bytes === 0) return pageFields({ after, records: [], head: positionOf(appended.head) });
  const pages = pagesOfBatches.get(appended) ?? new Map<string, string>();
  pagesOfBatches.set(appended, pages);
  const key = `${bytes} ${cursorJson(after)}`;
  const rendered = pages.get(key);
  if (rendered !== undefined) return rendered;
  const records = sameCursor(after, appended.after)
    ? appended.records
    : context.writer.recent(log, after, appended.head);
  const { pageEventsMax, frameBytesMax } = context.limits;
  const limit = { events: pageEventsMax, bytes: Math.min(bytes, frameBytesMax) };
  if (!records) return storedPage(context, log, after, limit);
  const [first = []] = splitRecords(records, limit);
  const page = pageFields({ after, records: first, head: positionOf(appended.head) });
  pages.set(key, page);
  return page;
}

/**
 * Rendered pages by batch and cursor. Many pushes of one batch have the same cursor, so their page is rendered once.
 */
const pagesOfBatches = new WeakMap<Appended, Map<string, string>>();

async function storedPage(
  { store }: PullContext,
  log: LogName,
  after: Cursor | null,
  limit: ReadLimit,
): Promise<string> {
  const page = await store.read(log, after, limit);
  switch (page.kind) {
    case "gone":
      throw new HttpRefusal("gone");
    case "diverged":
      throw new HttpRefusal("diverged");
    case "absent":
      return pageFields({ after: null, records: [], head: 0 });
    case "page":
      return pageFields({ after, records: page.records, head: positionOf(page.head) });
  }
}

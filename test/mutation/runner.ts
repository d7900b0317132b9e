/**
 * Runs each test once as it is, and then once with each mutant that the test reaches, all in one process. So a mutant
 * costs milliseconds: nothing is started and nothing is loaded for it.
 *
 * Vitest repeats a test by `repeats` and `retry`. Repeat 0 is the test as it is. Repeat 1 has one retry for a mutant.
 *
 * Guarantees:
 * - A mutant counts as killed only if the same test passes before it. After a kill, the test runs without a mutant.
 *   If it fails then, the mutant spoiled the process, and the process ends. A new one continues.
 * - A mutant that hangs a test counts as killed. The process continues, because a hanging test only waits.
 */
import { writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { performance } from "node:perf_hooks";
import { type RunnerTestCase, type RunnerTestFile, TestRunner, type TestTryOptions } from "vitest";
import {
  addKill,
  addTriedFile,
  addTriedTest,
  type Mutant,
  numberOf,
  outputFolder,
  projectFolder,
  readKills,
  readPlan,
  readTriedTests,
  sourceOf,
  type TriedFile,
  versionOf,
} from "./plan.ts";
import { CircleGuard } from "./circle-guard.ts";

type Coverage = { [mutantId: string]: number };
type Switches = {
  activeMutant?: string | undefined;
  currentTestId?: string | undefined;
  hitCount?: number;
  hitLimit?: number;
  mutantCoverage?: { static: Coverage; perTest: { [testId: string]: Coverage } };
};
type Step = { readonly mutant?: Mutant; readonly hits: number };

declare global {
  var __stryker__: Switches | undefined;
}

const HIT_FACTOR = 100;
const HITS_MIN = 1_000;
const HUNG = "The test does not end.";
const CIRCLED = "Stryker: Hit count limit reached";
/**
 * Milliseconds. A test whose process waited longer than this and 4 times the test's own time hangs. Only waiting
 * counts, because a busy machine makes each test longer.
 */
const HUNG_AFTER = 2_000;
const HUNG_FACTOR = 4;
/** Milliseconds. A test that is at work for longer than this and 4 times its own time hangs too. */
const BUSY_MAX = 10_000;
/** Milliseconds. A process that works for longer than this and 10 times its own time without a turn goes round. */
const CIRCLE_MAX = 1_500;
const CIRCLE_FACTOR = 10;
/** The coverage of runs with a mutant is of no use. It goes here. */
const MUTATED = "mutated";

const later = globalThis.setTimeout;
const cancel = globalThis.clearTimeout;
const clock = performance.now.bind(performance);
const utilization = performance.eventLoopUtilization.bind(performance);
const cpuUsage = process.cpuUsage.bind(process);
const plan = readPlan();
const named: ReadonlySet<string> = new Set(plan.named);
const switches: Switches = (globalThis.__stryker__ ??= {});
const coverage = (switches.mutantCoverage ??= { static: {}, perTest: {} });

export default class MutationRunner extends TestRunner {
  #file = "";
  #version = "";
  #mutants = new Map<string, Mutant>();
  #steps: Step[] = [];
  #step: Step | undefined;
  #startedAt = 0;
  #before = { usage: cpuUsage(), idle: utilization().idle };
  #limitMs = HUNG_AFTER;
  #isStopped = false;
  /** True if a slow test did not try its mutants. */
  #isPartial = false;
  #isPostponed = false;
  #error: string | null = null;
  /** The names of the tests that tried these mutants in an earlier process. */
  readonly #triedBefore = new Set<string>();
  readonly #statusFile = join(outputFolder, `now-${process.pid}`);
  #status = "";
  /** The status is written again at each turn of the event loop, so that `npm run mutate` sees that the loop turns. */
  readonly #guard = new CircleGuard(switches, CIRCLED, () => {
    if (this.#status !== "") writeFileSync(this.#statusFile, this.#status);
  });

  onCollected(files: RunnerTestFile[]): void {
    for (const file of files) {
      this.#file = relative(projectFolder, file.filepath);
      this.#version = versionOf(this.#file);
      const sources = new Set(plan.tests.find((test) => test.file === this.#file)?.sources);
      this.#mutants = new Map(plan.mutants.filter((mutant) => sources.has(mutant.file)).map((one) => [one.id, one]));
      for (const { by, test, sources, broken } of readTriedTests())
        if (by === this.#version && broken === undefined && [...this.#sources()].every(([source]) => sources[source]))
          this.#triedBefore.add(test);
      eachTest(file.tasks, (test) => {
        test.repeats = 1;
        if (this.#triedBefore.has(nameOf(test))) test.mode = "skip";
      });
    }
  }

  override async onBeforeRunTask(test: RunnerTestCase): Promise<void> {
    if (this.#isStopped || Date.now() > plan.endsAt) {
      this.#isStopped = true;
      this.cancel("test-failure");
    }
    await super.onBeforeRunTask(test);
  }

  override onBeforeTryTask(test: RunnerTestCase, options: TestTryOptions): void {
    super.onBeforeTryTask(test, options);
    this.#step = options.repeats === 0 ? undefined : this.#steps.shift();
    switches.currentTestId = options.repeats === 0 ? test.id : MUTATED;
    switches.hitCount = 0;
    switches.hitLimit = Math.max(HITS_MIN, (this.#step?.hits ?? 0) * HIT_FACTOR);
    this.#startedAt = clock();
    this.#before = { usage: cpuUsage(), idle: utilization().idle };
    this.#status = this.#step?.mutant ? `${this.#step.mutant.key} ${this.#version} ${this.#limitMs}` : "";
    if (this.#status !== "") writeFileSync(this.#statusFile, this.#status);
    switches.activeMutant = this.#step?.mutant?.id;
  }

  async runTask(test: RunnerTestCase): Promise<void> {
    const isMutated = switches.currentTestId === MUTATED;
    if (isMutated && this.#step === undefined) return;
    const work = TestRunner.getTestFn(test)();
    if (!isMutated) return await work;
    let timer;
    let fail: (error: Error) => void = () => undefined;
    const { idle } = utilization();
    const other = new Promise<never>((_, reject) => {
      fail = reject;
      const check = () => {
        const waitedMs = utilization().idle - idle;
        const isHung = waitedMs > this.#limitMs || clock() - this.#startedAt > this.#limitMs + BUSY_MAX;
        if (isHung) reject(new Error(HUNG));
        else timer = later(check, Math.max(this.#limitMs - waitedMs, HUNG_AFTER / 10));
      };
      timer = later(check, this.#limitMs);
    });
    this.#guard.broken = () => fail(new Error(CIRCLED));
    // Vitest fails a run for an error that nobody caught, so it counts as a failure of the test.
    process.on("uncaughtException", fail).on("unhandledRejection", fail);
    try {
      await Promise.race([work, other]);
    } finally {
      process.off("uncaughtException", fail).off("unhandledRejection", fail);
      cancel(timer);
    }
  }

  override async onAfterRetryTask(test: RunnerTestCase, options: TestTryOptions): Promise<void> {
    await super.onAfterRetryTask(test, options);
    switches.activeMutant = undefined;
    switches.currentTestId = undefined;
    const result = test.result;
    if (!result) return;
    const isFailed = result.state === "fail";
    const message = result.errors?.map((error) => error.message).join("\n") ?? "";
    if (options.repeats === 0) this.#planSteps(test, isFailed ? message : null);
    else if (this.#step) this.#judge(this.#step, isFailed, message);
    delete result.errors;
    Reflect.set(result, "attempts", []);
    const isNext = options.repeats === 1 && this.#steps.length > 0 && !this.#isStopped && Date.now() < plan.endsAt;
    if (options.repeats === 1 && this.#steps.length > 0 && !isNext) this.#isStopped = true;
    // Vitest retries a test that failed, and stops at one that passed.
    result.state = isNext ? "fail" : "pass";
    if (options.repeats === 1 && !isNext) this.#endTest(test);
    if (isNext) result.errors = [{ name: "Error", message: "the next mutant" }];
  }

  override onAfterRunFiles(files: RunnerTestFile[]): void {
    super.onAfterRunFiles(files);
    this.#status = "";
    writeFileSync(this.#statusFile, "");
    if (this.#isStopped || this.#isPartial) return;
    addTriedFile({ by: this.#version, sources: this.#numbers(coverage.static) });
  }

  #planSteps(test: RunnerTestCase, error: string | null): void {
    const hits = coverage.perTest[test.id] ?? {};
    const testMs = clock() - this.#startedAt;
    this.#steps = [];
    this.#limitMs = HUNG_AFTER + HUNG_FACTOR * testMs;
    this.#guard.limitMs = CIRCLE_MAX + CIRCLE_FACTOR * testMs;
    const killed = new Set(readKills().map(({ mutant }) => mutant));
    for (const [id, count] of error === null ? Object.entries(hits) : []) {
      const mutant = this.#mutants.get(id);
      if (mutant && !killed.has(mutant.key) && !named.has(mutant.key)) this.#steps.push({ mutant, hits: count });
    }
    // The clock also counts the work of other programs. On a busy machine each test would be slow by it.
    const { user, system } = cpuUsage(this.#before.usage);
    const isSlow = Math.max((user + system) / 1_000, utilization().idle - this.#before.idle) > plan.testMsMax;
    this.#isPostponed = this.#steps.length > 0 && isSlow;
    this.#isPartial ||= this.#isPostponed;
    if (isSlow) this.#steps = plan.isOwnRoomOnly ? this.#steps.filter((step) => this.#isOfOwnRoom(step)) : [];
    this.#error = error;
    // The next run tries a broken test again, because a busy machine can break one, too.
    this.#isPartial ||= error !== null;
    test.retry = this.#steps.length * 2;
  }

  #isOfOwnRoom({ mutant }: Step): boolean {
    return (
      mutant !== undefined &&
      dirname(mutant.file).slice("src/".length) === dirname(this.#file).slice("test/unit/".length)
    );
  }

  #endTest(test: RunnerTestCase): void {
    if (this.#isStopped || this.#isPostponed) return;
    const sources = this.#numbers(coverage.perTest[test.id] ?? {});
    const broken = this.#error === null ? {} : { broken: this.#error };
    addTriedTest({ by: this.#version, test: nameOf(test), sources, ...broken });
  }

  #sources(): ReadonlyMap<string, readonly Mutant[]> {
    return Map.groupBy(this.#mutants.values(), sourceOf);
  }

  #numbers(covered: Coverage): TriedFile["sources"] {
    return Object.fromEntries(
      [...this.#sources()].map(([source, mutants]) => [
        source,
        mutants.filter(({ id }) => covered[id] !== undefined).map(numberOf),
      ]),
    );
  }

  #judge({ mutant }: Step, isFailed: boolean, message: string): void {
    if (!isFailed) return;
    // Without a mutant the test passed before.
    if (!mutant) {
      this.#isStopped = true;
      return;
    }
    const how = message.includes(HUNG) ? "hung" : message.includes(CIRCLED) ? "circled" : "failed";
    addKill({ mutant: mutant.key, by: this.#version, how });
    this.#steps.unshift({ hits: 0 });
  }
}

function eachTest(tasks: RunnerTestFile["tasks"], visit: (test: RunnerTestCase) => void): void {
  for (const task of tasks) {
    if (task.type === "test") visit(task);
    else eachTest(task.tasks, visit);
  }
}

function nameOf(test: RunnerTestCase): string {
  return test.fullTestName;
}

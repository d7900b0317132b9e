/** The read model `sales` and its jobs: a rebuild, or a comparison of its rows with the log. */
import { count, duration, number } from "./say.ts";
import { type Job, type Model, post, type Shop } from "./shop-state.ts";
import { Problem, useWork, WorkButton } from "./use-work.tsx";

/** The server folds the last events of a log without a rest. */
const WATCHABLE = 1_500;

type RebuildSectionProps = {
  readonly model: Model;
  /** Events of the log. */
  readonly events: number;
  readonly compared: Compared;
};

type Compared = Shop["state"]["compared"];

export function RebuildSection({ model, events, compared }: RebuildSectionProps) {
  const work = useWork();
  const { job } = model;
  const isOpen = job !== null && job.phase !== "done" && job.phase !== "cancelled";
  return (
    <section aria-labelledby="rebuild">
      <h2 id="rebuild">Rebuild the sales da capo</h2>
      <p className="hint">
        A rebuild folds the rows of <em>sales</em> again from the first event, while orders come in. Readers see the old
        rows until the new ones are complete.
      </p>
      {isOpen ? (
        <JobLine job={job} work={work} />
      ) : (
        <div className="buttons">
          <WorkButton work={work} onRun={() => post("/sales/rebuild", { isSlow: true })}>
            Rebuild slowly
          </WorkButton>
          <WorkButton work={work} onRun={() => post("/sales/rebuild")}>
            Rebuild at full speed
          </WorkButton>
          <WorkButton work={work} onRun={() => post("/sales/compare")}>
            Compare with the log
          </WorkButton>
        </div>
      )}
      {!isOpen && events < WATCHABLE && (
        <p className="hint">
          The log has {count(events, "event")}, so a rebuild is over at once. Place more orders to watch one.
        </p>
      )}
      <p role="status">{sayJob(job, compared)}</p>
      <Problem of={work} />
      <p className="hint">{sayModel(model)}</p>
    </section>
  );
}

function JobLine({ job, work }: { readonly job: Job; readonly work: ReturnType<typeof useWork> }) {
  const { kind, phase, done, of, perSecond, leftMs } = job;
  const isRunning = phase === "running";
  return (
    <div className="job">
      <progress
        max={Math.max(1, of)}
        value={done}
        aria-label={kind === "build" ? "Events that the rebuild has folded" : "Events that the comparison has folded"}
      />
      <p className="job-numbers">
        <span>
          {number(done)} of {count(of, "event")}
        </span>
        <span>{isRunning && perSecond !== null && `${number(Math.round(perSecond))} a second`}</span>
        <span>{isRunning && leftMs !== null && `${duration(leftMs)} left`}</span>
      </p>
      <div className="buttons">
        <WorkButton work={work} onRun={() => post(isRunning ? "/sales/pause" : "/sales/resume")}>
          {isRunning ? "Pause" : "Continue"}
        </WorkButton>
        <WorkButton work={work} onRun={() => post("/sales/cancel")}>
          Cancel
        </WorkButton>
      </div>
    </div>
  );
}

/** It has no numbers that move, because a screen reader reads it at each change. */
function sayJob(job: Job | null, compared: Compared): string {
  if (!job) return "";
  const isBuild = job.kind === "build";
  const name = isBuild ? "rebuild" : "comparison";
  switch (job.phase) {
    case "running":
      return `A ${name} runs.`;
    case "paused":
      return `The ${name} is paused. It continues also after a restart of the server.`;
    case "stopped":
      return `The ${name} stopped: ${job.lastError ?? "an event cannot be folded"}`;
    case "cancelled":
      return `The last ${name} was cancelled.${isBuild ? " The rows are the old ones." : ""}`;
    case "done":
      if (!isBuild && compared)
        return `${count(compared.rows, "row")} compared with the log: ${differenceOf(compared.differences)}.`;
      return `The last ${name} is done.`;
  }
}

function sayModel({ phase, behind, parked }: Model): string {
  const lacks = parked > 0 ? ` The rows lack ${count(parked, "parked event")}.` : "";
  if (phase === "building") return `The rows are being built for the first time.${lacks}`;
  if (phase !== "ready") return `There are no rows yet.${lacks}`;
  return `${behind === 0 ? "The rows contain every event." : `The rows are ${count(behind, "event")} behind the log.`}${lacks}`;
}

function differenceOf(differences: number): string {
  return differences === 0 ? "all are equal" : `${number(differences)} differ`;
}

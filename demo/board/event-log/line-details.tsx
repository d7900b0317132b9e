/** The details of a line: what its state means, its stream, its cause, and the whole event. */
import { type ReactNode, useEffect, useRef } from "react";
import type { LogEntry, LogFilter } from "./lines.ts";
import { words } from "../words/language.ts";

type LineDetailsProps = {
  readonly entry: LogEntry;
  readonly filter: LogFilter | null;
  readonly onFilter: (filter: LogFilter) => void;
  readonly onShowAt?: (position: number) => void;
};

export function LineDetails({ entry, filter, onFilter, onShowAt }: LineDetailsProps) {
  const { state, position, stream, version, cause, correlation, whole } = entry;
  const details = useRef<HTMLDivElement>(null);
  // Otherwise the details of a line at the end of the list would open out of sight.
  useEffect(() => {
    details.current?.parentElement?.scrollIntoView({ block: "nearest" });
  }, []);
  const filterButton = (by: LogFilter["by"]) =>
    filter?.by !== by && (
      <button type="button" className="button small" onClick={() => onFilter({ by, value: entry[by] })}>
        {words.log.only[by]}
      </button>
    );
  return (
    <div className="details" ref={details}>
      <div>
        <p>{words.log.explain[state]}</p>
        <dl>
          <Fact name={words.log.stream}>
            <code>{stream}</code> {version !== null && words.log.version(version)}
          </Fact>
          <Fact name={words.log.cause}>{cause === null ? words.log.noCause : <code>{cause}</code>}</Fact>
          <Fact name={words.log.correlation}>
            <code>{correlation}</code>
          </Fact>
        </dl>
        <div className="row">
          {filterButton("stream")}
          {filterButton("correlation")}
          {onShowAt && position !== null && (
            <button type="button" className="button small" onClick={() => onShowAt(position)}>
              {words.log.showAt}
            </button>
          )}
        </div>
      </div>
      <pre tabIndex={0}>{JSON.stringify(whole, null, 2)}</pre>
    </div>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

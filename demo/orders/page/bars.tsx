/** Names with a bar and a number each. */
import type { Bar } from "./stock-bars.ts";

export function Bars({ rows, className = "bars" }: { readonly rows: readonly Bar[]; readonly className?: string }) {
  const most = Math.max(1, ...rows.map(({ value }) => value));
  return (
    <ul className={className}>
      {rows.map(({ key, value, text }) => (
        <li key={key} className={value <= 0 ? "none" : ""}>
          <span>{key}</span>
          <span className="track" aria-hidden="true">
            <span className="bar" style={{ scale: `${Math.max(0, value) / most} 1` }} />
          </span>
          <span className="number">{text}</span>
        </li>
      ))}
    </ul>
  );
}

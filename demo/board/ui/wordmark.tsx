/** The name, after the sign that means "from the beginning" in a score. */
export function Wordmark() {
  return (
    <span className="wordmark">
      <svg viewBox="0 0 22 28" aria-hidden="true">
        <rect x="1" y="1" width="5.5" height="26" />
        <rect x="9.5" y="1" width="1.8" height="26" />
        <circle cx="17.5" cy="9.5" r="2.6" />
        <circle cx="17.5" cy="18.5" r="2.6" />
      </svg>
      Dacapo
    </span>
  );
}

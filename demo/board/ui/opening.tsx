import { DacapoError } from "dacapo";
import { Wordmark } from "./wordmark.tsx";

/** Shown while the worker starts. It is short, because this takes only a moment. */
export function Opening({ log }: { readonly log: string }) {
  return (
    <main className="opening">
      <Wordmark />
      <p role="status">Opening {log} …</p>
    </main>
  );
}

export function OpeningFailed({ error }: { readonly error: unknown }) {
  const message = error instanceof Error ? error.message : String(error);
  return (
    <main className="opening">
      <Wordmark />
      <div role="alert">
        <h1>The board could not be opened</h1>
        <p>{message}</p>
        {error instanceof DacapoError && <p>{error.fix}</p>}
      </div>
      <p>
        <button type="button" className="button primary" onClick={() => location.reload()}>
          Try again
        </button>{" "}
        <a className="button" href="/">
          Choose another board
        </a>
      </p>
    </main>
  );
}

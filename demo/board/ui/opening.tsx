import { DacapoError } from "dacapo";
import { Wordmark } from "./wordmark.tsx";
import { words } from "../words/language.ts";

/** Shown while the worker starts. It is short, because this takes only a moment. */
export function Opening({ log }: { readonly log: string }) {
  return (
    <main className="opening">
      <Wordmark />
      <p role="status">{words.opening.opening(log)}</p>
    </main>
  );
}

export function OpeningFailed({ error }: { readonly error: unknown }) {
  const message = error instanceof Error ? error.message : String(error);
  return (
    <main className="opening">
      <Wordmark />
      <div role="alert">
        <h1>{words.opening.failed}</h1>
        <p>{message}</p>
        {error instanceof DacapoError && <p>{error.fix}</p>}
      </div>
      <p>
        <button type="button" className="button primary" onClick={() => location.reload()}>
          {words.opening.again}
        </button>{" "}
        <a className="button" href="/">
          {words.opening.another}
        </a>
      </p>
    </main>
  );
}

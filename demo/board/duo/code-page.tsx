/** `/code`: the files of the board that an app like it writes itself. */
// The linter does not know that an import with `?raw` is a text.
/* oxlint-disable import/default */
import { Wordmark } from "../ui/wordmark.tsx";
import cardText from "../domain/card.ts?raw";
import columnText from "../domain/column.ts?raw";
import readModelsText from "../domain/read-models.ts?raw";
import workerText from "../log.worker.ts?raw";
import serverText from "../server.ts?raw";

const FILES = [
  {
    name: "domain/card.ts",
    text: cardText,
    says: "A card: its commands, its events, and what happens if two people change it.",
  },
  { name: "domain/column.ts", text: columnText, says: "A column." },
  { name: "domain/read-models.ts", text: readModelsText, says: "The rows that the page shows." },
  { name: "log.worker.ts", text: workerText, says: "The worker: storage, sync and folding." },
  { name: "server.ts", text: serverText, says: "The sync server. It runs the same domain." },
];

export function CodePage() {
  return (
    <div className="code">
      <header className="duo-head">
        <a className="home" href="/duo" aria-label="Dacapo: two people and one cable">
          <Wordmark />
        </a>
        <h1>The code of this board. The rest of it draws the page.</h1>
      </header>
      <main>
        {FILES.map(({ name, text, says }, at) => (
          <details key={name} open={at === 0}>
            <summary>
              <code>{name}</code> <span className="hint">{says}</span>
            </summary>
            <pre tabIndex={0}>{text}</pre>
          </details>
        ))}
      </main>
    </div>
  );
}

/** `/code`: the files of the board that an app like it writes itself. */
// The linter does not know that an import with `?raw` is a text.
/* oxlint-disable import/default */
import { LanguageSwitch } from "../ui/language-switch.tsx";
import { Wordmark } from "../ui/wordmark.tsx";
import cardText from "../domain/card.ts?raw";
import columnText from "../domain/column.ts?raw";
import readModelsText from "../domain/read-models.ts?raw";
import workerText from "../log.worker.ts?raw";
import serverText from "../server.ts?raw";
import { words } from "../words/language.ts";

const FILES = [
  { name: "domain/card.ts", text: cardText },
  { name: "domain/column.ts", text: columnText },
  { name: "domain/read-models.ts", text: readModelsText },
  { name: "log.worker.ts", text: workerText },
  { name: "server.ts", text: serverText },
];

export function CodePage() {
  return (
    <div className="code">
      <header className="duo-head">
        <a className="home" href="/duo" aria-label={words.duo.toDuo}>
          <Wordmark />
        </a>
        <h1>{words.duo.codeHead}</h1>
        <nav>
          <a href="/duo">{words.start.toDuo}</a>
          <a href="/">{words.duo.ownBoard}</a>
          <LanguageSwitch />
        </nav>
      </header>
      <main>
        {FILES.map(({ name, text }, at) => (
          <details key={name} open={at === 0}>
            <summary>
              <code>{name}</code> <span className="hint">{words.duo.files[at]}</span>
            </summary>
            <pre tabIndex={0}>{text}</pre>
          </details>
        ))}
      </main>
    </div>
  );
}

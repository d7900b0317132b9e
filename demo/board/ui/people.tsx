/** The people on the board, and the cards that they have open. */
import { useLog, usePresence, useRows } from "dacapo/react";
import { cards } from "../domain/read-models.ts";
import { boardPresence } from "../presence.ts";
import { Avatar } from "./avatar.tsx";
import { words } from "../words/language.ts";

const SHOWN_MAX = 5;

export function People({ onOpen }: { readonly onOpen: (card: string) => void }) {
  const { client, user } = useLog();
  const { present } = usePresence(boardPresence);
  const rows = useRows(cards);
  const others = new Map<string, string | null>();
  for (const { client: other, actor, data } of present)
    if (other !== client) others.set(actor, data.card ?? others.get(actor) ?? null);
  const list = [...others].sort(([left], [right]) => (left < right ? -1 : 1));
  return (
    <ul className="people" aria-label={words.people.here}>
      <li>
        <Avatar name={user} title={words.people.you(user)} />
      </li>
      {list.slice(0, SHOWN_MAX).map(([name, card]) => {
        const title = rows.find(({ key }) => key === card)?.row.title;
        return (
          <li key={name}>
            {card !== null && title !== undefined ? (
              <button
                type="button"
                className="person"
                aria-label={words.people.looksAtAndOpen(name, title)}
                onClick={() => onOpen(card)}
              >
                <Avatar name={name} title={words.people.looksAt(name, title)} here />
              </button>
            ) : (
              <Avatar name={name} title={words.people.isHere(name)} here />
            )}
          </li>
        );
      })}
      {list.length > SHOWN_MAX && <li className="more">+{list.length - SHOWN_MAX}</li>}
    </ul>
  );
}

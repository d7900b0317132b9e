/** The people on the board, and the cards that they have open. */
import { useLog, usePresence, useRows } from "dacapo/react";
import { cards } from "../domain/read-models.ts";
import { boardPresence } from "../presence.ts";
import { Avatar } from "./avatar.tsx";

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
    <ul className="people" aria-label="Who is here">
      <li>
        <Avatar name={user} title={`${user} (you)`} />
      </li>
      {list.slice(0, SHOWN_MAX).map(([name, card]) => {
        const title = rows.find(({ key }) => key === card)?.row.title;
        return (
          <li key={name}>
            {card !== null && title !== undefined ? (
              <button
                type="button"
                className="person"
                aria-label={`${name} is looking at “${title}”. Open the card.`}
                onClick={() => onOpen(card)}
              >
                <Avatar name={name} title={`${name} is looking at “${title}”`} here />
              </button>
            ) : (
              <Avatar name={name} title={`${name} is here`} here />
            )}
          </li>
        );
      })}
      {list.length > SHOWN_MAX && <li className="more">+{list.length - SHOWN_MAX}</li>}
    </ul>
  );
}

/** Refused changes of this device, as a person decides on them: several changes of one text are one choice. */
import type { CommandRequest } from "dacapo";
import type { RejectedCommit } from "dacapo/client";

/** A text that two people can change at once. */
export type TextField = {
  /** Its name in the command's input, in the state and in the row. */
  readonly name: "title" | "description" | "name";
  /** The event that changes it. */
  readonly event: string;
};

export type Refusal = {
  /** The id of the last commit. */
  readonly key: string;
  /** The last refused change, which has the person's newest text. */
  readonly last: RejectedCommit;
  /** Older refused changes of the same text, oldest first. The last change replaced them. */
  readonly earlier: readonly RejectedCommit[];
  readonly refused: CommandRequest;
  /** The text that another person changed first; null for all other changes. */
  readonly text: TextField | null;
};

const TEXTS: Readonly<Record<string, TextField>> = {
  "card rename": { name: "title", event: "CardRenamed" },
  "card describe": { name: "description", event: "CardDescribed" },
  "board-column rename": { name: "name", event: "ColumnRenamed" },
};

export function refusalsOf(rejections: readonly RejectedCommit[]): readonly Refusal[] {
  const found = new Map<string, Refusal>();
  for (const last of rejections) {
    const refused = last.commands[last.command] ?? last.commands[0];
    if (!refused) continue;
    const text = textOf(last, refused);
    const subject = text ? `${refused.stream} ${text.name}` : last.commit;
    const before = found.get(subject);
    // Delete it first, so that its place is the place of its last change.
    found.delete(subject);
    found.set(subject, {
      key: last.commit,
      last,
      earlier: before ? [...before.earlier, before.last] : [],
      refused,
      text,
    });
  }
  return [...found.values()];
}

/** The text of a change that another person's change of the same text refused. */
function textOf({ commands, theirs }: RejectedCommit, { stream, name }: CommandRequest): TextField | null {
  const text = TEXTS[`${stream.slice(0, stream.indexOf("/"))} ${name}`];
  if (!text || commands.length !== 1) return null;
  return theirs.some((event) => event.stream === stream && event.type === text.event) ? text : null;
}

/** The version of the stream that the person saw; null if no other person changed it. */
export function seenVersion({ earlier, last, refused }: Refusal): number | null {
  const first = (earlier[0] ?? last).theirs.find(({ stream }) => stream === refused.stream);
  return first === undefined || first.version < 2 ? null : first.version - 1;
}

/** All commits of these refusals, oldest first. */
export function commitsOf({ earlier, last }: Refusal): readonly RejectedCommit[] {
  return [...earlier, last];
}

/** Arbitrary commands of the task domain for fast-check. They use few streams, because commands must meet. */
import fc from "fast-check";
import type { CommandRequest } from "../../../src/core/domain/definition.ts";
import { BREAKS_HANDLER, BREAKS_KEY, column, tally, task } from "../task-domain.ts";

const taskId = fc.constantFrom("t1", "t2", "t3");
const columnId = fc.constantFrom("todo", "done");
const tallyId = fc.constantFrom("a", "b");
const title = fc.constantFrom("Milk", "Bread", "Salt", "Oil", `a ${BREAKS_HANDLER}`, `a ${BREAKS_KEY}`);
const text = fc.constantFrom("one", "two", "three");
const amount = fc.integer({ min: -3, max: 9 });
/** Ids of notes that may exist. */
const note = fc.constantFrom("n1", "n2");

/** Any command, also commands that will be refused. */
export const command: fc.Arbitrary<CommandRequest> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(taskId, title, columnId)
      .map(([id, given, to]) => task.command.add(id, { title: given, column: to })),
  },
  { weight: 3, arbitrary: fc.tuple(taskId, title).map(([id, given]) => task.command.rename(id, { title: given })) },
  { weight: 3, arbitrary: fc.tuple(taskId, columnId).map(([id, to]) => task.command.move(id, { column: to })) },
  { weight: 2, arbitrary: taskId.map((id) => task.command.complete(id)) },
  { weight: 1, arbitrary: taskId.map((id) => task.command.remove(id)) },
  { weight: 2, arbitrary: fc.tuple(taskId, text).map(([id, given]) => task.command.note(id, { text: given })) },
  { weight: 1, arbitrary: fc.tuple(taskId, note).map(([id, given]) => task.command.strike(id, { note: given })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(taskId, fc.array(text, { maxLength: 3 }))
      .map(([id, lines]) => task.command.checklist(id, { lines })),
  },
  { weight: 1, arbitrary: taskId.map((id) => task.command.stamp(id)) },
  { weight: 2, arbitrary: fc.tuple(columnId, title).map(([id, given]) => column.command.add(id, { title: given })) },
  { weight: 1, arbitrary: columnId.map((id) => column.command.remove(id)) },
  { weight: 2, arbitrary: fc.tuple(tallyId, amount).map(([id, given]) => tally.command.add(id, { amount: given })) },
  { weight: 2, arbitrary: fc.tuple(tallyId, amount).map(([id, given]) => tally.command.spend(id, { amount: given })) },
  { weight: 1, arbitrary: fc.tuple(tallyId, tallyId).map(([id, from]) => tally.command.copy(id, { from })) },
  // A request of an older release, with the first version of the input.
  {
    weight: 1,
    arbitrary: fc
      .tuple(taskId, title)
      .map(([id, given]) => ({ stream: `task/${id}`, name: "add", v: 1, input: { title: given } })),
  },
);

/** The commands of one commit. Mostly a single one, because of several commands one is often refused. */
export const commands: fc.Arbitrary<readonly CommandRequest[]> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(command) },
  { weight: 1, arbitrary: fc.array(command, { minLength: 2, maxLength: 3 }) },
);

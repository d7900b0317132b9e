/**
 * The commands of people on the board of the simulations. There are few tasks and columns, so that people have
 * conflicts.
 */
import type { CommandMaker } from "../../../src/testing/simulate/options.ts";
import { column, task } from "../board-domain.ts";

const TITLES = ["Milk", "Bread", "Tea"];

export const boardCommands: CommandMaker = ({ random }) => {
  const id = `t${random.below(4)}`;
  const columnId = `c${random.below(3)}`;
  const one = () =>
    random.pick([
      () => task.command.add(id, { title: random.pick(TITLES), column: columnId }),
      () => task.command.rename(id, { title: `${random.pick(TITLES)} ${random.below(100)}` }),
      () => task.command.move(id, { column: columnId }),
      () => task.command.note(id, { text: `note ${random.below(100)}` }),
      () => task.command.claim(id, { title: `claimed ${random.below(100)}` }),
      () => task.command.complete(id),
      () => column.command.add(columnId, { name: random.pick(TITLES) }),
      () => column.command.remove(columnId),
    ])();
  return random.chance(0.15) ? [one(), task.command.note(`t${random.below(4)}`, { text: "with it" })] : one();
};

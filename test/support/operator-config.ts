/** The config of a server with read models and a subscriber, for the commands of an operator. */
import { bearer, subscriber } from "dacapo/sync-server";
import { board, columnCounts, domain, task } from "./board-domain.ts";

/** Fails for each task that is called `bad`. Its handler must not run in a command. */
const mailer = subscriber("mailer", {
  from: [task],
  start: "beginning",
  retry: { attempts: 1, firstMs: 1, maxMs: 1 },
  on: {
    TaskAdded: ({ data }) => {
      if (process.argv.some((argument) => argument.endsWith("cli/main.ts"))) process.stdout.write("A handler ran\n");
      if (data.title === "bad") throw new Error("no such address");
    },
  },
});

export { domain };
export const authorize = bearer({ tokens: { "token-of-ada": "ada" } });
export const models = [board, columnCounts];
export const subscribers = [mailer];

/** The config of a server with a process manager, for the commands of an operator. */
import { bearer } from "dacapo/sync-server";
import { fulfilmentOf, shop } from "./orders-domain.ts";

/** A note `poison` is parked. Its handler must not run in a command. */
const isPoisoned = (): boolean => {
  if (process.argv.some((argument) => argument.endsWith("cli/main.ts"))) process.stdout.write("A handler ran\n");
  return true;
};

export const domain = shop;
export const authorize = bearer({ tokens: { "token-of-ada": "ada" } });
export const subscribers = [fulfilmentOf({ isPoisoned })];

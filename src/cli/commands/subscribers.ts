/** `dacapo subscribers LOG`: the places of the subscribers of a log, and the actions of an operator on them. */
import type { ParkedByHandler, SubscriberStatus } from "../../sync-server/subscribers/log-subscribers.ts";
import type { MakeCommand } from "../base/command.ts";
import { followerCommand } from "../base/follower-command.ts";
import { count } from "../base/output.ts";

export const subscribers: MakeCommand = () =>
  followerCommand<SubscriberStatus, ParkedByHandler>({
    name: "subscribers",
    noun: "subscriber",
    example: "mailer",
    parkedNoun: "event",
    again: "Its handlers run with the same effect ids.",
    calls: (log) => log.subscribers,
    columns: [
      ["subscriber", ({ name }) => name],
      ["state", ({ state }) => state],
      ["behind", ({ behind }) => behind],
      ["waiting", ({ waiting }) => waiting],
      ["parked", ({ parked }) => parked],
    ],
    parkedLine: ({ event, stream, version, type, attempts, reason }) =>
      `${event}  ${stream} v${version}  ${type}  ${count(attempts, "attempt")}: ${reason}`,
  });

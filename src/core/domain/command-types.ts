/** The types of a command as an app writes it: `decide`, `onConflict`, `undo` and their arguments. */
import type { CommandRequest, Rebase, Rejection } from "./definition.ts";
import type { DomainEvent, Draft } from "./event.ts";
import type { OutputOf, Schema } from "./schema.ts";

/** A draft of any event in a map from event type to data. */
export type DraftOf<Events> = { [Type in keyof Events & string]: Draft<Type, Events[Type]> }[keyof Events & string];

/** Any event of one aggregate, by its map from event type to data. */
export type EventOf<Events, Aggregate extends string = string> = {
  [Type in keyof Events & string]: DomainEvent<Type, Events[Type], Aggregate>;
}[keyof Events & string];

/** The result of `decide`: one event, several events, none (`[]`), or a rejection. */
export type Verdict<Drafts> = DraftOf<Drafts> | readonly DraftOf<Drafts>[] | Rejection;

/**
 * The third argument of `decide`.
 *
 * @example
 * decide: (state, input, { emit, reject, id }) =>
 *   state ? reject("already-added") : [emit("TaskAdded", input), emit("NoteAdded", { note: id() })],
 */
export type CommandContext<Drafts> = {
  /** Returns a draft of an event of this aggregate. Data may be left out if `{}` is enough. */
  readonly emit: <Type extends keyof Drafts & string>(
    type: Type,
    ...data: Record<never, never> extends Drafts[Type] ? [data?: Drafts[Type]] : [data: Drafts[Type]]
  ) => Draft<Type, Drafts[Type]>;
  /**
   * Returns a rejection. `code` is the domain's own code, such as `no-such-task`. `message` is for people.
   *
   * @default message is the code
   */
  readonly reject: (code: string, message?: string) => Rejection;
  /** Returns a new id, which is the same on each device that decides this commit. Never use a random id. */
  readonly id: () => string;
  /** The person who made the commit. */
  readonly actor: string;
  /**
   * Milliseconds since the epoch: the author's time, or the server's time if the command has `time: "server"`. Never
   * use a clock.
   */
  readonly time: number;
  /** The stream of this command, such as `task/t1`. */
  readonly stream: string;
};

/**
 * The argument of an `onConflict` function.
 *
 * @example
 * onConflict: ({ theirs, reject, rebase }) =>
 *   theirs.some((event) => event.type === "TaskRenamed") ? reject("renamed-meanwhile") : rebase(),
 */
export type ConflictContext<State, Input, Drafts, Events, Name extends string> = CommandContext<Drafts> & {
  /** The current state of the stream. */
  readonly state: State;
  /** The command's input. */
  readonly input: Input;
  /** The events that the author expected. */
  readonly mine: readonly DraftOf<Events>[];
  /**
   * The other authors' events that came first, or the latest of them: at most 10,000 of a stream, and on the server 4
   * MiB for a commit. It always has the last one of each stream.
   */
  readonly theirs: readonly EventOf<Events, Name>[];
  /** Returns the request to decide again on the current state. */
  readonly rebase: () => Rebase;
};

/** The commands of one stream, without the id. `undo` gets them. */
export type StreamCommands<Inputs> = {
  readonly [K in keyof Inputs]: (...input: InputArgument<Inputs[K]>) => CommandRequest;
};

/** No argument if the command has no input, and an optional one if `undefined` is a valid input. */
export type InputArgument<Input> = [Input] extends [undefined]
  ? []
  : undefined extends Input
    ? [input?: Input]
    : [input: Input];

/** The options of a command. `S` is the schema of its input. `States` are the states that it reads, by name. */
export type CommandOptions<Name extends string, State, Drafts, Events, Inputs, S, States> = {
  /**
   * The schema of the input, or `input(schema).next(…)` for an input that changed.
   *
   * @default the command has no input
   */
  readonly input?: S & (S extends Schema ? unknown : Schema);
  /**
   * Decides the command. It must be pure and synchronous, because other devices and the server decide the command
   * again.
   */
  readonly decide: (state: State, input: OutputOf<S>, context: CommandContext<Drafts> & States) => Verdict<Drafts>;
  /**
   * The result if other authors' events came first. `rebase` decides again, `keep` keeps the events, `reject` rejects.
   * A function merges: it returns events, a rejection, or `rebase()`.
   *
   * @default "rebase"
   */
  readonly onConflict?:
    | "rebase"
    | "keep"
    | "reject"
    | ((conflict: ConflictContext<State, OutputOf<S>, Drafts, Events, Name> & States) => Verdict<Drafts> | Rebase);
  /**
   * Returns the command that reverts this one, or null if there is none.
   *
   * @default the command cannot be undone
   */
  readonly undo?: (facts: {
    /** The state before the command. */
    readonly before: State;
    /** The command's input. */
    readonly input: OutputOf<S>;
    /** The events of the command. */
    readonly events: readonly DraftOf<Events>[];
    /** The commands of the same stream. */
    readonly command: StreamCommands<Inputs>;
  }) => CommandRequest | null | undefined | false;
  /**
   * The time that `decide` gets. With `server`, the device uses its own time as a forecast until the server decides.
   *
   * @default "author"
   */
  readonly time?: "author" | "server";
};

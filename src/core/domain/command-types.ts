/**
 * Commands as an app writes them: the types of `decide`, `onConflict`, `undo` and what they are told.
 *
 * Place: types only. `define-command` makes a CommandDefinition of what is written here.
 */
import type { CommandRequest, Rebase, Rejection } from "./definition.ts";
import type { DomainEvent, Draft } from "./event.ts";
import type { OutputOf, Schema } from "./schema.ts";

/** Any of the drafts of a map from event type to data. */
export type DraftOf<Events> = { [Type in keyof Events & string]: Draft<Type, Events[Type]> }[keyof Events & string];

/** Any of the events of a map from event type to data, of one aggregate. */
export type EventOf<Events, Aggregate extends string = string> = {
  [Type in keyof Events & string]: DomainEvent<Type, Events[Type], Aggregate>;
}[keyof Events & string];

/** What `decide` may give: an event, several, none (`[]`), or a rejection. */
export type Verdict<Drafts> = DraftOf<Drafts> | readonly DraftOf<Drafts>[] | Rejection;

/** What `decide` is told besides state and input. */
export type CommandContext<Drafts> = {
  /** An event of this aggregate. Data may be left out where `{}` is enough. */
  readonly emit: <Type extends keyof Drafts & string>(
    type: Type,
    ...data: Record<never, never> extends Drafts[Type] ? [data?: Drafts[Type]] : [data: Drafts[Type]]
  ) => Draft<Type, Drafts[Type]>;
  /** A refusal. `code` is the domain's own word, such as `no-such-task`; `message` is for people. */
  readonly reject: (code: string, message?: string) => Rejection;
  /** A new id, the same wherever this commit is decided: never use a random one. */
  readonly id: () => string;
  readonly actor: string;
  /** Milliseconds since the epoch: the author's claim, or the server's time for a command with `time: "server"`. Never use a clock. */
  readonly time: number;
  /** This stream, such as `task/t1`. */
  readonly stream: string;
};

/** What a merge function is told. */
export type ConflictContext<State, Input, Drafts, Events, Name extends string> = CommandContext<Drafts> & {
  readonly state: State;
  readonly input: Input;
  /** The events that the author meant. */
  readonly mine: readonly DraftOf<Events>[];
  /** The events of others that came first. */
  readonly theirs: readonly EventOf<Events, Name>[];
  /** Decide again on the current state. */
  readonly rebase: () => Rebase;
};

/** The commands of one stream, ready to be given to `undo`: without the id. */
export type StreamCommands<Inputs> = {
  readonly [K in keyof Inputs]: (...input: InputArgument<Inputs[K]>) => CommandRequest;
};

/** No argument for a command without input; an optional one where `undefined` is an input. */
export type InputArgument<Input> = [Input] extends [undefined]
  ? []
  : undefined extends Input
    ? [input?: Input]
    : [input: Input];

/** A command. `S` is its input's schema, `States` the states that it reads, by name. */
export type CommandOptions<Name extends string, State, Drafts, Events, Inputs, S, States> = {
  /** The schema of the input, or `input(schema).next(…)` for one that changed. Left out: the command takes none. */
  readonly input?: S & (S extends Schema ? unknown : Schema);
  readonly decide: (state: State, input: OutputOf<S>, context: CommandContext<Drafts> & States) => Verdict<Drafts>;
  /** What becomes of it when others came first: `rebase` (the default) decides again, `keep` lets it stand, `reject` refuses; or a function that merges. */
  readonly onConflict?:
    | "rebase"
    | "keep"
    | "reject"
    | ((conflict: ConflictContext<State, OutputOf<S>, Drafts, Events, Name> & States) => Verdict<Drafts> | Rebase);
  /** The command that takes this one back, or null where there is none. */
  readonly undo?: (facts: {
    readonly before: State;
    readonly input: OutputOf<S>;
    readonly events: readonly DraftOf<Events>[];
    readonly command: StreamCommands<Inputs>;
  }) => CommandRequest | null | undefined | false;
  /** `server`: decided with the server's time; the device's own is a guess until then. Default: `author`. */
  readonly time?: "author" | "server";
};

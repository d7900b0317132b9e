/**
 * Calls of a server's log with one wrong argument each, as a program without types may make them. The same calls run on
 * Node and in an object.
 */
import { DacapoError } from "../../src/core/values/errors.ts";
import { board, task } from "./board-domain.ts";

const WRONG = Symbol("the wrong argument");

type Wrong = readonly [call: string, args: readonly unknown[], wrong: readonly unknown[]];

const NOT_OPTIONS = [null, 1, "text", true, [], () => 1];
const NOT_HANDLES = [null, undefined, 1, true, [], {}, () => 1];
const NOT_TEXTS = [null, 1, "text", {}, [1], () => 1];
const NOT_TEXT = [null, 1, {}, [], true, () => 1];
const NOT_COUNTS = [null, -1, 1.5, "1", Number.NaN, {}, true];
const NOT_FUNCTIONS = [1, "text", {}, true];
const NOT_CURSORS = [1, "text", {}, true, []];

const add = task.command.add("t1", { title: "Milk", column: "todo" });
const REPEAT = { from: "beginning", effects: "repeat" };

/** `handles` are the names of a subscriber and of a process manager of the server. */
function wrongCalls(handles: { readonly subscribers: string; readonly processes: string }): readonly Wrong[] {
  const option = (call: string, first: unknown, name: string, wrong: readonly unknown[]): Wrong => [
    call,
    [first, { [name]: WRONG }],
    wrong,
  ];
  const followers = (["subscribers", "processes"] as const).flatMap((kind): Wrong[] => {
    const name = handles[kind];
    return [
      ...["parked", "pause", "resume"].map((verb): Wrong => [`${kind}.${verb}`, [WRONG], [...NOT_HANDLES, "nobody"]]),
      [`${kind}.retry`, [WRONG], NOT_HANDLES],
      [`${kind}.retry`, [name, WRONG], NOT_TEXTS],
      [`${kind}.skip`, [WRONG, "event", "why"], NOT_HANDLES],
      [`${kind}.skip`, [name, WRONG, "why"], NOT_TEXT],
      [`${kind}.skip`, [name, "event", WRONG], [undefined, ...NOT_TEXT]],
      [`${kind}.reset`, [WRONG, REPEAT], NOT_HANDLES],
      [`${kind}.reset`, [name, WRONG], [undefined, ...NOT_OPTIONS, { from: "beginning" }, { effects: "repeat" }]],
      [`${kind}.reset`, [name, { ...REPEAT, from: WRONG }], [null, undefined, 1, "now", {}, true]],
      [`${kind}.reset`, [name, { ...REPEAT, from: { cursor: WRONG } }], [null, ...NOT_CURSORS]],
    ];
  });
  const onHandle = ["status", "job", "rebuild", "populate", "purge", "verify", "startVerify", "parked"];
  const jobs = ["rebuild", "populate", "verify", "startVerify"].flatMap((verb): Wrong[] => [
    [`models.${verb}`, [board, WRONG], NOT_OPTIONS],
    option(`models.${verb}`, board, "onProgress", NOT_FUNCTIONS),
    option(`models.${verb}`, board, "duty", [0, 2, "1", true, Number.NaN]),
  ]);
  const ranges: Wrong[] = [
    ["models.replay", [WRONG], [undefined, ...NOT_OPTIONS]],
    ["models.replay", [{ into: WRONG }], [undefined, null, ...NOT_FUNCTIONS]],
    ["models.replay", [{ into: () => {}, after: WRONG }], NOT_COUNTS],
    ["models.replay", [{ into: () => {}, types: WRONG }], NOT_TEXTS],
    ["models.replayIntoScratch", [board, WRONG], NOT_OPTIONS],
    option("models.replayIntoScratch", board, "to", NOT_COUNTS),
    option("models.replayIntoScratch", board, "streams", NOT_TEXTS),
  ];
  return [
    ["execute", [WRONG], [...NOT_HANDLES.filter((value) => !Array.isArray(value)), [null], []]],
    ["execute", [add, WRONG], NOT_OPTIONS],
    ...["load", "exists", "history"].map((call): Wrong => [call, [WRONG, "t1"], [...NOT_HANDLES, "task", board]]),
    ...["load", "exists", "history"].map((call): Wrong => [call, [task, WRONG], [undefined, ...NOT_TEXT]]),
    ["stateAt", [WRONG, "t1", { version: 1 }], NOT_HANDLES],
    ["stateAt", [task, "t1", WRONG], [undefined, {}, ...NOT_OPTIONS, { version: 1, position: 1 }]],
    ["stateAt", [task, "t1", { version: WRONG }], NOT_COUNTS],
    ["stateAt", [task, "t1", { position: WRONG }], NOT_COUNTS],
    ["history", [task, "t1", WRONG], NOT_OPTIONS],
    ["history", [task, "t1", { after: WRONG }], NOT_COUNTS],
    ["rows", [WRONG], [...NOT_HANDLES, "nothing"]],
    ["rows", [board, WRONG], NOT_OPTIONS],
    option("rows", board, "keys", NOT_TEXTS),
    ...["prefix", "from", "to", "after"].map((name) => option("rows", board, name, NOT_TEXT)),
    option("rows", board, "limit", [0, ...NOT_COUNTS]),
    option("rows", board, "at", NOT_CURSORS),
    option("rows", board, "waitMs", [-1, "1", true, {}]),
    option("rows", board, "older", [true, "yes", 1]),
    ["query", [WRONG, () => "select 1"], [...NOT_HANDLES, board]],
    ...followers,
    ["processes.commands", [handles.processes, WRONG], NOT_OPTIONS],
    ["processes.commands", [handles.processes, { after: WRONG }], NOT_TEXT],
    ["processes.commands", [handles.processes, { limit: WRONG }], [0, ...NOT_COUNTS]],
    ...onHandle.map((verb): Wrong => [`models.${verb}`, [WRONG], NOT_HANDLES.filter((one) => !Array.isArray(one))]),
    ...jobs,
    ...ranges,
    ["models.populateStreams", [board, WRONG], [undefined, ...NOT_TEXTS, []]],
    ["models.retry", [board, WRONG], [undefined, ...NOT_TEXT]],
    ["models.delete", [board, WRONG], [undefined, ...NOT_TEXT]],
  ];
}

/** The calls that no typed error refused: each with its wrong argument and its result. */
export async function acceptedCalls(
  log: object,
  handles: { readonly subscribers: string; readonly processes: string },
  more: readonly Wrong[] = [],
): Promise<readonly string[]> {
  const accepted: string[] = [];
  for (const [call, args, wrong] of [...wrongCalls(handles), ...more])
    for (const value of wrong) {
      const found = await resultOf(log, call, filled(args, value));
      if (found !== null) accepted.push(`${call}(${shownOf(args)}) with ${shownOf(value)}: ${found}`);
    }
  return accepted;
}

export { WRONG };

function filled(given: unknown, value: unknown): unknown {
  if (given === WRONG) return value;
  if (Array.isArray(given)) return given.map((one) => filled(one, value));
  const isPlain = typeof given === "object" && given !== null && Object.getPrototypeOf(given) === Object.prototype;
  // A handle stays as it is, because the server compares it.
  if (!isPlain || "definition" in given) return given;
  return Object.fromEntries(Object.entries(given).map(([key, one]) => [key, filled(one, value)]));
}

/** Null: a typed error refused the call. */
async function resultOf(log: object, path: string, args: unknown): Promise<string | null> {
  try {
    let owner: unknown = null;
    let call: unknown = log;
    for (const name of path.split(".")) {
      owner = call;
      const next: unknown = Reflect.get(Object(call), name);
      call = next;
    }
    if (typeof call !== "function" || !Array.isArray(args)) return "there is no such call";
    const result: unknown = await Reflect.apply(call, owner, args);
    // A list of events checks its arguments at the call, on both sides.
    if (typeof result === "object" && result !== null && Symbol.asyncIterator in result) return "a list of events";
    return shownOf(result);
  } catch (error) {
    return error instanceof DacapoError && ["invalid", "definition", "rejected"].includes(error.code)
      ? null
      : String(error);
  }
}

function shownOf(value: unknown): string {
  const text = JSON.stringify(value, (_, one: unknown) => (typeof one === "symbol" ? "WRONG" : one));
  return String(text ?? value).slice(0, 120);
}

/**
 * A hostile member, who sends forged, stolen, mutated or random pushes under a verified principal.
 *
 * It sends straight to the network, as any client with a token can.
 *
 * Guarantees of the server, which the simulation checks: the member gets only its own records, no text of another log,
 * and other authors' pushes still succeed.
 */
import { uuidv7, UUID_RANDOM_BYTES } from "../../core/values/id.ts";
import type { Json } from "../../core/values/json.ts";
import type { SeededRandom } from "../seeded-random.ts";
import { nature } from "./scheduler.ts";
import { HOSTILE, type World } from "./world.ts";
import { parseOwnJson } from "../../core/values/json.ts";

type Loose = { [key: string]: Json | undefined };

export function hostilePush(world: World, random: SeededRandom): void {
  const log = random.pick(world.logs());
  const heard = world.tap.pushes.filter((push) => push.log === log);
  const stolen = heard.length > 0 ? random.pick(heard).text : '{"after":null,"domain":1,"commits":[]}';
  const text = forge(world, log, random, stolen);
  const link = { cutUp: () => false, cutDown: () => false, slow: () => null };
  void world.network.call(nature, link, { kind: "push", log, actor: HOSTILE, text }).then((reply) => {
    world.scheduler.note(`the hostile member hears ${reply?.code ?? "nothing"}`);
    const told = reply?.code === "ok" ? readAnswer(reply.text) : null;
    if (told) checkAnswer(world, text, told);
  });
}

function forge(world: World, log: string, random: SeededRandom, stolen: string): string {
  const push = parseOwnJson<{ after: Json; domain: number; commits: Loose[] }>(stolen);
  const own = (commit: Loose): Loose => ({ ...commit, actor: HOSTILE });
  const fresh = (commit: Loose): Loose => ({
    ...own(commit),
    id: uuidv7(Date.UTC(2025, 5, 1) + world.scheduler.now, world.randomBytes(UUID_RANDOM_BYTES)),
  });
  const atStart = { ...push, after: null };
  switch (random.below(8)) {
    case 0: // Another author's commits, unchanged.
      return stolen;
    case 1: // Other authors' ids under the own name, which are squatted if they arrive first.
      return JSON.stringify({ ...atStart, commits: push.commits.map(own) });
    case 2: // Ids of other authors' pending commits, which are not pushed yet.
      return JSON.stringify({
        ...atStart,
        commits: push.commits.map((commit) => ({ ...own(commit), id: pendingId(world, log, random) ?? commit["id"] })),
      });
    case 3: // A false `seen`, too low or too high, and forged events.
      return JSON.stringify({
        ...atStart,
        commits: push.commits.map((commit) => ({
          ...fresh(commit),
          commands: forgeCommands(commit["commands"], random),
        })),
      });
    case 4:
      return JSON.stringify({ ...atStart, commits: push.commits.map(fresh), domain: random.below(2_000_000) });
    case 5:
      return mutate(JSON.stringify({ ...atStart, commits: push.commits.map(fresh) }), random);
    case 6: // New commits in another author's name.
      return JSON.stringify({
        ...atStart,
        commits: push.commits.map((commit) => ({ ...fresh(commit), actor: commit["actor"] })),
      });
    default:
      return stolen.slice(0, random.below(stolen.length));
  }
}

function pendingId(world: World, log: string, random: SeededRandom): string | null {
  const commits = world.devices
    .filter(({ options }) => options.log === log)
    .flatMap(({ database }) => [...database.open().pending.values()])
    .flatMap((text) => /"id":"([0-9a-f-]{36})"/.exec(text)?.[1] ?? []);
  return commits.length > 0 ? random.pick(commits) : null;
}

function forgeCommands(commands: Json | undefined, random: SeededRandom): Json {
  if (!Array.isArray(commands)) return [];
  const seen = random.pick([0, 1, 1_000_000]);
  return commands.map((command: Loose) => ({
    ...command,
    seen,
    reads: [],
    events: [{ type: "Forged", v: 1, data: { by: HOSTILE } }],
  })) as Json;
}

function mutate(text: string, random: SeededRandom): string {
  const noise = [
    "-1",
    "1e400",
    '"\\ud800"',
    "null",
    '{"__proto__":{"polluted":true}}',
    `${"[".repeat(100)}${"]".repeat(100)}`,
    '"x"',
    "true",
    "9007199254740993",
  ];
  const values = [...text.matchAll(/:("(?:[^"\\]|\\.)*"|-?[0-9.]+|null|true|false)/g)];
  if (values.length === 0) return text;
  const value = random.pick(values);
  return `${text.slice(0, value.index + 1)}${random.pick(noise)}${text.slice(value.index + value[0].length)}`;
}

type PlainAnswer = {
  readonly outcomes: readonly { readonly id: string; readonly outcome: string; readonly code?: string }[];
};

/** Null if the text was truncated on the way. */
function readAnswer(text: string): PlainAnswer | null {
  try {
    return parseOwnJson<PlainAnswer>(text);
  } catch {
    return null;
  }
}

/** The server may say nothing about another author's commit, except that its id is taken. */
function checkAnswer(world: World, push: string, told: PlainAnswer): void {
  for (const { id, outcome, code } of told.outcomes) {
    const isOthers = world.tap.pushed.some(
      (commit) => commit.actor !== HOSTILE && commit.text.includes(`"id":"${id}"`),
    );
    if (outcome === "rejected" && isOthers && code !== "id-taken" && !push.includes(id))
      world.tap.problems.add(`8: the hostile member was told ${code ?? ""} of another's commit`);
    if (outcome === "recorded" && isOthers) world.squatted.push(id);
  }
}

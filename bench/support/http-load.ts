// Devices that push over HTTP: each has a connection, sends one commit and waits for its answer.
import { Agent, request } from "node:http";
import { pushBodies } from "./push-bodies.ts";

export type Load = {
  readonly clients: number;
  /** If there are more logs than clients, each client pushes to its logs in turn. */
  readonly logs: number;
  /** Events of each commit, each in a new stream. */
  readonly events: number;
};

export type Measured = {
  readonly commits: number;
  readonly ms: number;
  /** Milliseconds of each push. */
  readonly times: readonly number[];
  /** Processor time, if the work was done in this process. */
  readonly cpuMs?: number;
};

/** The bytes of records that a device requests before it knows its link, as in `firstCallSize` of the client. */
const FIRST_ANSWER_BYTES = 64 * 1024;
let devices = 0;

/**
 * Pushes for some milliseconds, or a number of times. A device requests records as Dacapo's client does: none, if the
 * log has records that it lacks, because those come by its socket or by a pull.
 *
 * @param urls the nodes of the server, which devices use in turn
 */
export async function pushLoad(
  urls: readonly string[],
  load: Load,
  name: string,
  until: { readonly ms: number } | { readonly pushes: number },
): Promise<Measured> {
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
  const times: number[] = [];
  const start = performance.now();
  const isGoing = (n: number): boolean => ("ms" in until ? performance.now() - start < until.ms : n < until.pushes);
  const device = async (index: number): Promise<void> => {
    const actor = `device-${index}`;
    const bodies = pushBodies(actor, devices++ % 0x10000, load.events);
    const node = urls[index % urls.length] ?? "";
    const headers = { authorization: `Bearer ${actor}`, "content-type": "application/json" };
    const cursors = new Map<number, string>();
    let bytes = FIRST_ANSWER_BYTES;
    for (let n = index; isGoing(n); n += load.clients) {
      const log = n % load.logs;
      const url = `${node}/logs/${name}-${log}/commits`;
      const body = bodies.next(cursors.get(log) ?? null, bytes);
      const sentAt = performance.now();
      const { status, text } = await post(url, agent, headers, body);
      times.push(performance.now() - sentAt);
      if (status !== 200 || !text.startsWith('{"outcomes":[{') || text.includes('"outcome":"rejected"'))
        throw new Error(`The push was refused: ${status} ${text.slice(0, 500)}`);
      cursors.set(log, /"at":"([^"]+)"/.exec(text)?.[1] ?? "");
      bytes = text.endsWith('"more":false}') ? FIRST_ANSWER_BYTES : 0;
    }
  };
  try {
    await Promise.all(Array.from({ length: load.clients }, (_, index) => device(index)));
  } finally {
    agent.destroy();
  }
  return { commits: times.length, ms: performance.now() - start, times };
}

function post(
  url: string,
  agent: Agent,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { method: "POST", agent, headers: { ...headers, "content-length": Buffer.byteLength(body) } },
      (response) => {
        const pieces: Buffer[] = [];
        response.on("data", (piece: Buffer) => pieces.push(piece));
        response.on("error", reject);
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString("latin1") }),
        );
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

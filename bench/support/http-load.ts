// Devices that push over HTTP: each has a connection, sends one commit and waits for its answer.
import { Agent, request } from "node:http";
import { pushBodies } from "./push-bodies.ts";

export type Load = {
  readonly clients: number;
  readonly logs: number;
  /** Events of each commit, each in a new stream. */
  readonly events: number;
};

export type Measured = {
  readonly commits: number;
  readonly ms: number;
  /** Milliseconds of each push. */
  readonly times: readonly number[];
};

/** The bytes of records that a device requests before it knows its link, as in `firstCallSize` of the client. */
const FIRST_ANSWER_BYTES = 64 * 1024;
let devices = 0;

/**
 * Pushes for some milliseconds. A device requests records as Dacapo's client does: none, if the log has records that it
 * lacks, because those come by its socket or by a pull.
 *
 * @param urls the nodes of the server, which devices use in turn
 */
export async function pushLoad(urls: readonly string[], load: Load, name: string, ms: number): Promise<Measured> {
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
  const times: number[] = [];
  const start = performance.now();
  const device = async (index: number): Promise<void> => {
    const actor = `device-${index}`;
    const bodies = pushBodies(actor, devices++ % 0x10000, load.events);
    const url = `${urls[index % urls.length] ?? ""}/logs/${name}-${index % load.logs}/commits`;
    const headers = { authorization: `Bearer ${actor}`, "content-type": "application/json" };
    let after: string | null = null;
    let bytes = FIRST_ANSWER_BYTES;
    while (performance.now() - start < ms) {
      const body = bodies.next(after, bytes);
      const sentAt = performance.now();
      const { status, text } = await post(url, agent, headers, body);
      times.push(performance.now() - sentAt);
      if (status !== 200 || !text.startsWith('{"outcomes":[{') || text.includes('"outcome":"rejected"'))
        throw new Error(`The push was refused: ${status} ${text.slice(0, 500)}`);
      after = /"at":"([^"]+)"/.exec(text)?.[1] ?? after;
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

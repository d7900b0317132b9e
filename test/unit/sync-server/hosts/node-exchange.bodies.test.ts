// Bodies and responses over a real connection, through Node's own streams.
import { Agent, type ClientRequest, request } from "node:http";
import { afterEach, expect, test } from "vitest";
import { task } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { runningServer } from "../../../support/running-server.ts";

const { start, stopAll } = runningServer();
const agents: Agent[] = [];
afterEach(async () => {
  for (const agent of agents.splice(0)) agent.destroy();
  await stopAll();
});

/** A device with one connection. Without `content-length` it sends its bodies in chunks. */
function device(url: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  agents.push(agent);
  return (headers: Record<string, string> = {}) => {
    const sent = request(`${url}/logs/board/commits`, {
      method: "POST",
      agent,
      headers: { authorization: "Bearer token-of-ada", "content-type": "application/json", ...headers },
    });
    return { sent, answered: answerTo(sent) };
  };
}

function answerTo(sent: ClientRequest): Promise<string> {
  return new Promise((resolve, reject) => {
    sent.on("error", reject);
    sent.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => (text += piece));
      response.on("end", () =>
        resolve(
          `${response.statusCode} ${response.headers["content-type"]} ${response.headers["cache-control"]} ${text}`,
        ),
      );
      response.on("error", reject);
    });
  });
}

test("nodeExchange: a push in many pieces, cut inside characters, is read like a whole one", async () => {
  const { url, person } = await start();
  const ada = person("ada");
  const title = "Milk & 🥛 für 3 €";
  const bytes = Buffer.from(
    JSON.stringify({
      after: null,
      domain: 1,
      commits: [ada.commit(task.command.add("t1", { title, column: "todo" }))],
    }),
  );
  const { sent, answered } = device(url)();
  for (let at = 0; at < bytes.length; at += 7) {
    sent.write(bytes.subarray(at, at + 7));
    await new Promise((resolve) => setImmediate(resolve));
  }
  sent.end();
  expect(await answered).toMatch(
    /^200 application\/json no-store \{"outcomes":\[\{"id":"[0-9a-f-]+","outcome":"recorded".*für 3 €.*"more":false\}$/,
  );
  expect((await ada.pull()).records[0]?.events[0]?.data).toEqual({ title, column: "todo" });
});

test("P22 nodeExchange: an endless body is counted and refused, and its memory is released", async () => {
  const { url, person } = await start({
    limits: { pushBytesMax: 1_000_000, readingBytesMax: 1_500_000, readingBytesPerActorMax: 1_500_000 },
  });
  for (let n = 0; n < 3; n++) {
    const { sent, answered } = device(url)();
    sent.on("error", () => {});
    let isAnswered = false;
    const answer = answered.finally(() => (isAnswered = true));
    for (let piece = 0; !isAnswered && piece < 10_000; piece++) {
      if (!sent.write(Buffer.alloc(64 * 1024, 32)))
        await Promise.race([new Promise((resolve) => sent.once("drain", resolve)), answer]);
    }
    expect(await answer).toContain("push-too-large");
    sent.destroy();
  }
  const ada = person("ada");
  expect(
    (await ada.push([ada.commit(task.command.add("t1", { title: "Milk", column: "todo" }))])).outcomes,
  ).toHaveLength(1);
});

test("nodeExchange: a push that breaks off releases its memory, and nothing is stored", async () => {
  const failures: unknown[] = [];
  const { url, person } = await start({
    limits: { readingBytesMax: 1_000, readingBytesPerActorMax: 1_000 },
    onError: (error) => failures.push(error),
  });
  const ada = person("ada");
  const push = () =>
    ada.request("commits", {
      after: null,
      domain: 1,
      commits: [ada.commit(task.command.add(crypto.randomUUID(), { title: "Milk", column: "todo" }))],
    });
  const { sent, answered } = device(url)({ "content-length": "2000" });
  const broken = answered.catch(() => "broken off");
  sent.write(Buffer.alloc(900, 32));
  await until(async () => (await push()).status === 503, "the unfinished body counts");
  sent.destroy();
  expect(await broken).toBe("broken off");
  await until(async () => (await push()).status === 200, "the memory is released");
  expect(failures).toEqual([]);
});

test("nodeExchange: after a refusal the same connection can send again", async () => {
  const { url, person } = await start();
  const ada = person("ada");
  const send = device(url);
  const refused = send({ "content-encoding": "br" });
  refused.sent.end("x".repeat(100_000));
  expect(await refused.answered).toContain("unsupported-media-type");
  const { sent, answered } = send();
  sent.end(
    JSON.stringify({
      after: null,
      domain: 1,
      commits: [ada.commit(task.command.add("t1", { title: "Milk", column: "todo" }))],
    }),
  );
  expect(await answered).toContain('"outcome":"recorded"');
});

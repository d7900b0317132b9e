/**
 * Hostile inputs from a seed: the bytes to send, and the answer that came back.
 *
 * Each kind has a weight. Together they reach every entry of the server: requests, bodies, cursors, names, tickets,
 * the handshake, frames.
 */
import { gzipSync } from "node:zlib";
import type { SeededRandom } from "../support/random.ts";
import { hostileFrames } from "./frames.ts";
import { mutate, nastyText, randomBytes, scramble } from "./mutate.ts";
import { sendRaw } from "./raw.ts";
import type { Answer, Target } from "./target.ts";

export type Input = { readonly kind: string; readonly send: () => Promise<Answer> };

type Kind = {
  readonly name: string;
  readonly weight: number;
  readonly send: (target: Target, random: SeededRandom) => Promise<Answer>;
};

const KINDS: readonly Kind[] = [
  {
    name: "mutated push",
    weight: 40,
    send: (target, random) => target.push(mutate(target.goodPush(1 + random.below(3)), random)),
  },
  { name: "scrambled push", weight: 10, send: (target, random) => target.push(scramble(target.goodPush(), random)) },
  { name: "random body", weight: 5, send: (target, random) => target.push(randomBytes(random, 2_000)) },
  { name: "monstrous body", weight: 6, send: (target, random) => target.push(random.pick(MONSTERS)(target)) },
  { name: "body of another kind", weight: 4, send: (target, random) => sendOddBody(target, random) },
  { name: "broken framing", weight: 4, send: (target, random) => sendBrokenFraming(target, random) },
  {
    name: "bad cursor",
    weight: 6,
    send: (target, random) =>
      target.send(
        "GET",
        `/sync/logs/${target.log}/records?${random.pick(["after", "limit", "after=1&after"])}=${query(random)}`,
      ),
  },
  { name: "bad name", weight: 7, send: (target, random) => sendBadName(target, random) },
  {
    name: "bad credentials",
    weight: 3,
    send: (target, random) =>
      target.send("GET", `/sync/logs/${target.log}`, {
        headers: {
          authorization: random.pick([
            "",
            "Bearer",
            "Bearer ",
            "Basic eDp5",
            `Bearer ${"x".repeat(8_000)}`,
            "Bearer a b",
            "bearer ../..",
            "Bearer %00",
          ]),
        },
      }),
  },
  {
    name: "odd method",
    weight: 2,
    send: (target, random) =>
      sendRaw({
        port: target.port,
        bytes: `${random.pick(["PUT", "DELETE", "TRACE", "CONNECT", "PATCH", "OPTIONS", "HEAD", "PROPFIND", "get", "\u0000GET"])} /sync/logs/${target.log} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${target.actor}\r\n\r\n`,
      }),
  },
  { name: "hostile handshake", weight: 6, send: (target, random) => sendHandshake(target, random) },
  {
    name: "raw bytes",
    weight: 2,
    send: (target, random) =>
      sendRaw({
        port: target.port,
        bytes: randomBytes(random, 500),
        ending: random.pick(["wait", "reset", "half-close"]),
      }),
  },
  { name: "hostile frames", weight: 5, send: (target, random) => sendFrames(target, random) },
];

const ALL = KINDS.reduce((total, { weight }) => total + weight, 0);

export function nextInput(target: Target, random: SeededRandom): Input {
  let at = random.below(ALL);
  const kind = KINDS.find(({ weight }) => (at -= weight) < 0) ?? random.pick(KINDS);
  return { kind: kind.name, send: () => kind.send(target, random) };
}

const MIB = 1024 * 1024;

/** Each text is JSON, or almost JSON. */
const MONSTERS: readonly ((target: Target) => string | Buffer)[] = [
  () => "[".repeat(1_000_000),
  () => `${"[".repeat(500_000)}${"]".repeat(500_000)}`,
  () => `{"after":null,"domain":1,"commits":[${"[".repeat(400_000)}${"]".repeat(400_000)}]}`,
  (target) => target.goodPush().replace('"A note"', `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`),
  (target) => target.goodPush().replace('"A note"', `"${"x".repeat(300_000)}"`),
  (target) => target.goodPush().replace('"A note"', "1e999999"),
  (target) => target.goodPush().replace('"meta":null', '"meta":{"__proto__":{"polluted":true}}'),
  (target) => target.goodPush().replace('"meta":null', '"meta":{"constructor":{"prototype":{"polluted":true}}}'),
  (target) => target.goodPush().replace('"A note"', '"\\ud800"'),
  (target) => target.goodPush(501),
  (target) => target.goodPush().replace('"commits":[', `"commits":[${"1,".repeat(300_000)}`),
  (target) =>
    target
      .goodPush()
      .replace('"events":[]', `"events":[${'{"type":"A","v":1,"data":0},'.repeat(9_999)}{"type":"A","v":1,"data":0}]`),
  (target) => target.goodPush().replace('"seen":0', '"seen":9007199254740991'),
  (target) => target.goodPush().replaceAll(target.actor, "ada"),
  (target) => target.goodPush().replace(/"time":[0-9.]+/, '"time":8640000000000001'),
  (target) => target.goodPush().replace(/"time":[0-9.]+/, '"time":8640000000000000'),
  (target) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(target.goodPush())]),
  (target) => Buffer.from(target.goodPush(), "utf16le"),
  () => `"${"\\u0000".repeat(170_000)}"`,
  () => "1".repeat(MIB),
  () => Buffer.alloc(MIB + 1, " "),
  () => " ".repeat(MIB),
];

function sendOddBody(target: Target, random: SeededRandom): Promise<Answer> {
  const push = target.goodPush();
  switch (random.below(5)) {
    case 0:
      return target.push(gzipSync(push), { "content-encoding": "gzip" });
    case 1:
      return target.push(gzipSync(Buffer.alloc(50 * MIB)), {
        "content-encoding": random.pick(["gzip", "GZIP", "br, gzip", "deflate"]),
      });
    case 2:
      return target.push(push, {
        "content-type": random.pick([
          "text/plain",
          "application/x-www-form-urlencoded",
          "multipart/form-data; boundary=x",
          "application/json; charset=utf-16",
          "application/jsonx",
          "",
        ]),
      });
    case 3:
      return target.push(Buffer.alloc(2 * MIB, "a"));
    default:
      return target.send("POST", `/sync/logs/${target.log}/tickets`, { body: randomBytes(random, 500) });
  }
}

function sendBrokenFraming(target: Target, random: SeededRandom): Promise<Answer> {
  const begin = `POST /sync/logs/${target.log}/commits HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${target.actor}\r\ncontent-type: application/json\r\n`;
  const bytes = random.pick<() => readonly (string | Buffer)[]>([
    () => [`${begin}content-length: 100\r\n\r\n{}`],
    () => [`${begin}content-length: 2\r\n\r\n{}GET / HTTP/1.1\r\nhost: x\r\n\r\n`],
    () => [`${begin}content-length: -1\r\n\r\n{}`],
    () => [`${begin}content-length: 2\r\ncontent-length: 4\r\n\r\n{}{}`],
    () => [`${begin}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
    () => [`${begin}content-length: 99999999999999999999\r\n\r\n{}`],
    () => [
      `${begin}transfer-encoding: chunked\r\n\r\n`,
      ...Array.from({ length: 20 }, () => `20000\r\n${"a".repeat(0x20000)}\r\n`),
      "0\r\n\r\n",
    ],
    () => [`${begin}transfer-encoding: chunked\r\n\r\nzz\r\n`],
    () => [`${begin}transfer-encoding: chunked\r\n\r\nfffffffff\r\naaa`],
    () => [`${begin}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    () => [`${begin}expect: 100-continue\r\ncontent-length: 2000000\r\n\r\n`],
    () => [`${begin}x: ${"y".repeat(20_000)}\r\n\r\n`],
    () => [begin, ...Array.from({ length: 3_000 }, (_, n) => `x${n}: y\r\n`), "\r\n"],
    () => [`${begin}content-length: 2\r\n x: folded\r\n\r\n{}`],
  ])();
  return sendRaw({ port: target.port, bytes, ending: random.pick(["wait", "wait", "wait", "reset", "half-close"]) });
}

function sendBadName(target: Target, random: SeededRandom): Promise<Answer> {
  const name = random.chance(0.5)
    ? query(random)
    : random.pick([
        "..",
        "%2e%2e",
        "%00",
        "%",
        "%zz",
        "a%2fb",
        ".a",
        "x".repeat(129),
        "x".repeat(15_000),
        "__proto__",
        "a b",
        "%F0%9F%98%80",
        "%ff%fe",
        ";",
        "logs?x",
        "a#b",
      ]);
  const path = random.pick([
    `/sync/logs/${name}`,
    `/sync/logs/${name}/records`,
    `/sync/logs/${target.log}/streams/${name}/x`,
    `/sync/logs/${target.log}/streams/task/${name}?after=${query(random)}`,
    `/sync/logs/${name}/tickets`,
    `/sync/${name}`,
    `//${name}/sync/logs`,
  ]);
  return sendRaw({
    port: target.port,
    bytes: `GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${target.actor}\r\nconnection: close\r\n\r\n`,
  });
}

async function sendHandshake(target: Target, random: SeededRandom): Promise<Answer> {
  const ticket = random.chance(0.5)
    ? await target.ticket(random.pick([target.log, "another"]))
    : random.pick([query(random), "", "x".repeat(10_000), "A".repeat(300)]);
  const path = `/sync/logs/${target.log}/live?ticket=${random.chance(0.2) ? ticket.slice(1) : ticket}${random.chance(0.3) ? `&after=${query(random)}` : ""}`;
  const line = random.pick([
    `GET ${path}`,
    `GET //evil.com${path}`,
    "GET //evil.com/ws",
    `GET http://evil.com${path}`,
    `POST ${path}`,
    "GET /sync/logs/%2e%2e/live",
    "GET /sync/logs/a%2fb/live",
    "GET /sync/logs/%/live",
    "GET /",
    "GET *",
  ]);
  const headers = [
    "host: x",
    "upgrade: websocket",
    "connection: Upgrade",
    "sec-websocket-version: 13",
    "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
    "origin: https://evil.com",
  ];
  const kept = headers.filter(() => random.chance(0.8));
  const odd = random.chance(0.4)
    ? [
        random.pick([
          "sec-websocket-key: x",
          "sec-websocket-version: 99",
          "sec-websocket-extensions: permessage-deflate; client_max_window_bits",
          "sec-websocket-protocol: a, b, a",
          "upgrade: h2c",
          `cookie: ${"c".repeat(9_000)}`,
          "sec-websocket-extensions: ;;;==",
          "host: evil.com",
        ]),
      ]
    : [];
  const bytes = `${line} HTTP/1.1\r\n${[...kept, ...odd].join("\r\n")}\r\n\r\n`;
  // Bytes directly behind the handshake, before the server can accept it.
  return sendRaw({
    port: target.port,
    bytes: random.chance(0.3) ? [bytes, randomBytes(random, 100)] : bytes,
    ending: random.pick(["wait", "wait", "reset", "half-close"]),
  });
}

async function sendFrames(target: Target, random: SeededRandom): Promise<Answer> {
  const handshake = `GET /sync/logs/${target.log}/live?ticket=${await target.ticket()} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;
  const frames = Array.from({ length: 1 + random.below(3) }, () => hostileFrames(random, target.client)).flat();
  return sendRaw({
    port: target.port,
    bytes: [handshake, ...frames],
    ending: random.pick(["wait", "wait", "reset", "half-close"]),
  });
}

function query(random: SeededRandom): string {
  const text = random.pick([
    nastyText(random).slice(0, 8_000),
    "1-0",
    "0-a",
    "1-",
    "-",
    "1-zz!",
    "9".repeat(17) + "-a",
    "null",
    "NaN",
    "-5",
    "1e9",
    "0x10",
    "99999999999999999999",
    `${random.below(100)}-${"a".repeat(random.below(70))}`,
  ]);
  return encodeURIComponent(text.toWellFormed());
}

// The sync server of a duo, in a worker of the page: the server of the package.
import type { DomainEvent } from "dacapo";
import { syncServer } from "dacapo/sync-server";
import { believeTheName } from "../authorize.ts";
import { domain } from "../domain.ts";
import { DuoSocket } from "./duo-socket.ts";
import { DUO_SYNC, type ToServer, toServerChannel, type ToSide, toSidesChannel } from "./duo.ts";
import { keptStore } from "./kept-store.ts";
import { sampleBoard } from "./sample.ts";
import { chooseLanguage, wordsIn } from "../words/language.ts";

/** Messages of the page to this worker, and of this worker to the page. */
export type ToDuoServer = { readonly cable: "in" | "out" };
export type FromDuoServer = { readonly kind: "ready" } | { readonly kind: "event"; readonly event: DomainEvent };

const [duo = "", spoken = "", cable = "in"] = self.name.split(" ");
const sides = new BroadcastChannel(toSidesChannel(duo));
const sockets = new Map<string, DuoSocket>();
let isIn = cable === "in";

addEventListener("message", ({ data }: MessageEvent<ToDuoServer>) => {
  isIn = data.cable === "in";
  if (!isIn) for (const socket of sockets.values()) socket.close();
});

// The sides open after this, once the page heard that the server is ready.
const server = syncServer({ domain, store: await keptStore(duo), authorize: believeTheName });
const incoming = new BroadcastChannel(toServerChannel(duo));
incoming.onmessage = ({ data }: MessageEvent<ToServer>) => void receive(data);

const log = server.log(duo);
for (const { actor, commands, first } of sampleBoard(wordsIn(chooseLanguage([spoken])))) {
  // A page that was loaded again has them already.
  if (!(await log.exists(...first))) await log.execute(commands, { actor });
}
tell({ kind: "ready" });
for await (const { event } of log.subscribe({ from: "beginning" })) tell({ kind: "event", event });

function tell(message: FromDuoServer): void {
  self.postMessage(message);
}

function send(message: ToSide): void {
  sides.postMessage(message);
}

async function receive(message: ToServer): Promise<void> {
  const { from } = message;
  if (message.kind === "call") {
    const { call } = message;
    const answer = isIn ? await answerOf(message.request) : null;
    // A cable that is pulled meanwhile loses the answer, as a network does.
    return send({ kind: "answer", to: from, call, answer: isIn ? answer : null });
  }
  const { socket } = message;
  const key = `${from} ${socket}`;
  if (message.kind === "open") return open(from, socket, message.url);
  if (message.kind === "frame") sockets.get(key)?.receive(message.text);
  else sockets.get(key)?.close();
}

async function answerOf({ url, method, headers, body }: (ToServer & { kind: "call" })["request"]) {
  const request = new Request(withoutPrefix(url), { method, headers: headers.map(([...pair]) => pair), body });
  // Firefox has no `body` in a request. The server reads it as a stream, so that it can count the bytes.
  if (body !== null) Object.defineProperty(request, "body", { value: new Blob([body]).stream() });
  const response = await server.fetch(request);
  return { status: response.status, headers: [...response.headers], body: await response.arrayBuffer() };
}

async function open(from: string, socket: number, url: string): Promise<void> {
  const key = `${from} ${socket}`;
  const open = new DuoSocket(
    (text) => send({ kind: "frame", to: from, socket, text }),
    () => {
      sockets.delete(key);
      send({ kind: "closed", to: from, socket });
    },
  );
  sockets.set(key, open);
  if (!isIn) return open.close();
  const opening = await server.live.open(new Request(withoutPrefix(url).replace(/^ws/, "http")), duo);
  if (opening.kind === "refused" || !isIn) return open.close();
  send({ kind: "opened", to: from, socket });
  open.join(opening.join);
}

function withoutPrefix(url: string): string {
  return url.replace(DUO_SYNC, "");
}

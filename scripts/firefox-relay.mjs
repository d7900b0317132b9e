#!/usr/bin/env node
// Starts Firefox for Playwright, and passes the messages of WebDriver BiDi between the two.
//
// Playwright always sends `emulation.setMediaFeaturesOverride`. Firefox 153 does not know this command, and Playwright
// then stops. So this relay answers an unknown `emulation` command with success. All other messages pass unchanged.
//
// Playwright runs this file as the browser, on the machine's own Node. So it is plain JavaScript.
import { spawn } from "node:child_process";
import { WebSocket, WebSocketServer } from "ws";

const announcement = /WebDriver BiDi listening on (ws:\/\/\S+)/;
const firefox = spawn(process.env.DACAPO_FIREFOX ?? "firefox", process.argv.slice(2), {
  stdio: ["ignore", "ignore", "pipe"],
});
firefox.on("error", (error) => {
  console.error(`Firefox did not start: ${error.message}`);
  process.exit(1);
});
firefox.on("exit", (code) => process.exit(code ?? 1));
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => firefox.kill(signal));
process.on("exit", () => firefox.kill("SIGKILL"));

let printed = "";
firefox.stderr.on("data", (chunk) => {
  process.stderr.write(String(chunk).replace(announcement, "Firefox is ready"));
  if (printed === null) return;
  printed += chunk;
  const [, address] = announcement.exec(printed) ?? [];
  if (!address) return;
  printed = null;
  relayTo(address);
});

function relayTo(address) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 }, () =>
    console.error(`WebDriver BiDi listening on ws://127.0.0.1:${server.address().port}`),
  );
  server.on("connection", (playwright, request) => {
    const browser = new WebSocket(address + request.url, { perMessageDeflate: false });
    const early = [];
    /** Ids of the `emulation` commands that Firefox has not answered yet. */
    const emulations = new Set();
    playwright.on("message", (data) => {
      const text = new TextDecoder().decode(data);
      const { id, method } = JSON.parse(text);
      if (method.startsWith("emulation.")) emulations.add(id);
      if (browser.readyState === WebSocket.OPEN) browser.send(text);
      else early.push(text);
    });
    browser.on("open", () => {
      for (const text of early.splice(0)) browser.send(text);
    });
    browser.on("message", (data) => {
      const text = new TextDecoder().decode(data);
      const answer = emulations.size > 0 ? JSON.parse(text) : {};
      const unknown = emulations.delete(answer.id) && answer.error === "unknown command";
      playwright.send(unknown ? JSON.stringify({ type: "success", id: answer.id, result: {} }) : text);
    });
    playwright.on("close", () => {
      browser.close();
      // Because Playwright's process may have been killed. Otherwise Firefox ends by itself.
      setTimeout(() => firefox.kill("SIGKILL"), 5_000);
    });
    browser.on("close", () => playwright.close());
    browser.on("error", () => playwright.close());
  });
}

// The option `sync.url`, as a person writes it.
import { expect, test } from "vitest";
import { syncAddress } from "../../../../src/client/page/sync-options.ts";
import { containing } from "../../../support/matchers.ts";

const here = "https://app.example.org/boards/7?as=ada#top";

test("syncAddress: a path and a whole URL lead to the same server from each page", () => {
  for (const written of [
    "/sync",
    "/sync/",
    "/sync//",
    "https://app.example.org/sync",
    "https://app.example.org//sync/",
  ])
    expect(syncAddress(written, here), written).toBe("https://app.example.org/sync");
  expect(syncAddress("http://localhost:8787/api//sync", here)).toBe("http://localhost:8787/api/sync");
  expect(syncAddress("HTTPS://Sync.Example.org", here)).toBe("https://sync.example.org");
  expect(syncAddress("/", here)).toBe("https://app.example.org");
});

test("syncAddress: refuses each other form and says how to write it", () => {
  const wrong: readonly unknown[] = [
    "",
    "sync",
    "./sync",
    "../sync",
    "//sync",
    "http:///sync",
    "https:/example.org/sync",
    "https://",
    "localhost:8787/sync",
    "example.org/sync",
    "ws://example.org/sync",
    "wss://example.org/sync",
    "file:///sync",
    "/sync?team=7",
    "https://example.org/sync#live",
    "https://ada:secret@example.org/sync",
    "\\\\example.org\\sync",
    "https://exa mple.org/sync",
    " /sync",
    undefined,
    null,
  ];
  for (const written of wrong) {
    // Untyped, because an unset variable of a build is undefined.
    expect(() => syncAddress(written as string, here), String(written)).toThrow(
      expect.objectContaining({
        code: "definition",
        fix: containing('"/sync" or "https://example.org/sync"'),
      }) as Error,
    );
  }
});

test.each([
  ["/sync", "http://192.168.1.7:5173/", "http://192.168.1.7:5173/sync"],
  ["http://127.0.0.1:8787/sync", "https://example.org/", "http://127.0.0.1:8787/sync"],
  ["http://[::1]:8787/sync", "https://example.org/", "http://[::1]:8787/sync"],
  ["http://sync.example.org/", "http://example.org/", "http://sync.example.org"],
])("syncAddress: %j on the page %j is %j", (written, page, address) => {
  expect(syncAddress(written, page)).toBe(address);
});

test.each([
  ["/sync", "about:srcdoc", "is not the address of a sync server"],
  ["http://192.168.1.7:8787/sync", "https://example.org/", "because the page is on https"],
  ["http://localhost.example.org/", "https://example.org/", "because the page is on https"],
])("syncAddress: refuses %j on the page %j", (written, page, why) => {
  const read = () => syncAddress(written, page);
  expect(read).toThrow(expect.objectContaining({ code: "definition", message: containing(why) }) as Error);
});

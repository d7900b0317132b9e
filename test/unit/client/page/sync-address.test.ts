import { expect, test } from "vitest";
import { syncAddress } from "../../../../src/client/page/sync-address.ts";
import { containing } from "../../../support/matchers.ts";

test.each([
  ["/sync", "http://192.168.1.7:5173/", "http://192.168.1.7:5173/sync"],
  ["sync", "https://example.org/app/", "https://example.org/app/sync"],
  ["http://localhost:8787/sync", "https://example.org/", "http://localhost:8787/sync"],
  ["http://127.0.0.1:8787/sync", "https://example.org/", "http://127.0.0.1:8787/sync"],
  ["http://[::1]:8787/sync", "https://example.org/", "http://[::1]:8787/sync"],
  ["http://sync.example.org/", "http://example.org/", "http://sync.example.org/"],
  ["https://sync.example.org/", "http://example.org/", "https://sync.example.org/"],
])("syncAddress: %j on the page %j is %j", (url, page, address) => {
  expect(syncAddress(url, page)).toBe(address);
});

test.each([
  ["http://", "https://example.org/", "is not the address of a sync server"],
  ["ws://example.org/sync", "https://example.org/", "is not the address of a sync server"],
  ["/sync", "about:srcdoc", "is not the address of a sync server"],
  ["http://192.168.1.7:8787/sync", "https://example.org/", "because the page is on https"],
  ["http://localhost.example.org/", "https://example.org/", "because the page is on https"],
])("syncAddress: refuses %j on the page %j", (url, page, why) => {
  const read = () => syncAddress(url, page);
  expect(read).toThrow(expect.objectContaining({ code: "definition", message: containing(why) }));
});

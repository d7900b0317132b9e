// The tests of the board that need a server again, with the sync server in workerd.
process.env["DACAPO_BOARD_SERVER"] = "edge";
await import("./board.test.ts");
await import("./offline.test.ts");
await import("./conflicts.test.ts");

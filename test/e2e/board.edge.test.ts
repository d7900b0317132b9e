// All tests of the board again, with the sync server in workerd.
process.env["DACAPO_BOARD_SERVER"] = "edge";
await import("./board.test.ts");

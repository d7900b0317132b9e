// Old pages and a restored server again, with the sync server in workerd.
process.env["DACAPO_BOARD_SERVER"] = "edge";
await import("./releases.test.ts");

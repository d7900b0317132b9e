// Loaded before a server that `npm start` runs: ends it when the process that started it is gone,
// even when that one was killed and could tell nobody.
process.once("disconnect", () => process.exit(0));
process.channel?.unref();

// `npm start` loads this before its server. It ends the server when the parent process is gone, also when the parent
// was killed and sent no signal.
process.once("disconnect", () => process.exit(0));
process.channel?.unref();

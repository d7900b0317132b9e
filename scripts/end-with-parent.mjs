// Loaded before a server that `npm start` runs. It stops the server when its parent process is gone, even if the parent
// was killed and could send no message.
process.once("disconnect", () => process.exit(0));
process.channel?.unref();

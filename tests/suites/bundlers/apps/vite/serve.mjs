// The argument is the name of the package: which Vite.
const { createServer } = await import(process.argv[2]);

const server = await createServer({ root: import.meta.dirname, logLevel: "error", server: { host: "127.0.0.1", port: 0 } });
await server.listen();
console.log(`listening on http://127.0.0.1:${server.httpServer.address().port}`);

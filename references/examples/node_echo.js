// An echo server with Node.js: `node node_echo.js PORT`. It ends when stdin closes.
const net = require("node:net");

// allowHalfOpen: a client that has sent its last request still gets its replies.
const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
  socket.on("error", () => socket.destroy()); // the client left
  socket.pipe(socket); // with back-pressure: it stops to read while too much is unsent
});

server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 }, () => {
  console.log(`ready port=${server.address().port}`);
});
process.stdin.on("end", () => process.exit(0)).resume();

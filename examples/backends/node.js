/** A session backend in Node: greets whoever the edge says is there, and counts them. */
import { createServer } from "node:http";
import process from "node:process";

let visits = 0;

createServer((request, response) => {
  const user = request.headers["x-verified-username"] ?? "stranger";
  response.end(`Hello ${user}, visit ${++visits}, from Node\n`);
}).listen(process.env.PORT);

// The platform sends SIGTERM, and waits before it kills: save what must stay.
process.on("SIGTERM", () => {
  console.log(`saved ${visits} visits`);
  process.exit();
});

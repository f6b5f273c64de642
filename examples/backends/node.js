/** A session backend in Node: greets the user whom the edge has verified. */
import { createServer } from "node:http";
import process from "node:process";

createServer((request, response) => {
  const user = request.headers["x-verified-username"] ?? "stranger";
  response.end(`Hello ${user} from Node\n`);
}).listen(process.env.PORT);

// The platform sends SIGTERM, and waits before it kills: save what must stay.
process.on("SIGTERM", () => {
  console.log("saved");
  process.exit();
});

/** A session backend in Bun: greets whoever the edge says is there, and counts them. */
import process from "node:process";

let visits = 0;

Bun.serve({
  port: Number(process.env.PORT),
  fetch({ headers }) {
    const user = headers.get("x-verified-username") ?? "stranger";
    return new Response(`Hello ${user}, visit ${++visits}, from Bun\n`);
  },
});

// The platform sends SIGTERM, and waits before it kills: save what must stay.
process.on("SIGTERM", () => {
  console.log(`saved ${visits} visits`);
  process.exit();
});

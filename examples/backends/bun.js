/** A session backend in Bun: greets the user whom the edge has verified. */
import process from "node:process";

Bun.serve({
  port: Number(process.env.PORT),
  fetch({ headers }) {
    const user = headers.get("x-verified-username") ?? "stranger";
    return new Response(`Hello ${user} from Bun\n`);
  },
});

// The platform sends SIGTERM, and waits before it kills: save what must stay.
process.on("SIGTERM", () => {
  console.log("saved");
  process.exit();
});

/** A session backend in Deno: greets the user whom the edge has verified. */
Deno.serve({ port: Number(Deno.env.get("PORT")) }, ({ headers }) => {
  const user = headers.get("x-verified-username") ?? "stranger";
  return new Response(`Hello ${user} from Deno\n`);
});

// The platform sends SIGTERM, and waits before it kills: save what must stay.
Deno.addSignalListener("SIGTERM", () => {
  console.log("saved");
  Deno.exit();
});

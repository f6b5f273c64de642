/** A session backend in Deno: greets whoever the edge says is there, and counts them. */
let visits = 0;

Deno.serve({ port: Number(Deno.env.get("PORT")) }, ({ headers }) => {
  const user = headers.get("x-verified-username") ?? "stranger";
  return new Response(`Hello ${user}, visit ${++visits}, from Deno\n`);
});

// The platform sends SIGTERM, and waits before it kills: save what must stay.
Deno.addSignalListener("SIGTERM", () => {
  console.log(`saved ${visits} visits`);
  Deno.exit();
});

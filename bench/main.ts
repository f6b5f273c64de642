/**
 * `deno task bench [area ...]`: every benchmark, or those of the areas named.
 * Figures are ratios of medians of alternating runs; absolute times would say more about
 * the machine than about the code.
 */
const AREAS: Record<string, () => Promise<() => Promise<void>>> = {
  dev: async () => (await import("./dev.ts")).benchDev,
  cold: async () => (await import("./cold.ts")).benchCold,
  platform: async () => (await import("./platform.ts")).benchPlatform,
  loud: async () => (await import("./loud.ts")).benchLoud,
  proxy: async () => (await import("./proxy.ts")).benchProxy,
  hop: async () => (await import("./hop.ts")).benchHop,
  sockets: async () => (await import("./sockets.ts")).benchSockets,
  soak: async () => (await import("./soak.ts")).soak,
  deltas: async () => (await import("./deltas.ts")).benchDeltas,
  feedme: async () => (await import("./feedme.ts")).benchFeedme,
  feedme_server: async () =>
    (await import("./feedme_server.ts")).benchFeedmeServer,
  socketcluster: async () =>
    (await import("./socketcluster.ts")).benchSocketCluster,
  status: async () => (await import("./status.ts")).benchStatus,
};

const wanted = Deno.args.length > 0 ? Deno.args : Object.keys(AREAS);
for (const area of wanted) {
  const load = AREAS[area];
  if (!load) {
    console.error(
      `no benchmark of ${JSON.stringify(area)}: ${
        Object.keys(AREAS).join(", ")
      }`,
    );
    Deno.exit(2);
  }
  await (await load())();
}

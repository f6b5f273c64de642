/** The guide for Docker in docs/production.md: its two programs run as they stand there. */
import { fileURLToPath } from "node:url";
import { config } from "../kit/config.ts";
import { meetInRoom, programOf } from "../kit/guide.ts";
import { folder, startProgram } from "../kit/program.ts";
import { serveModule, testOnDocker } from "../engines/containers.ts";

testOnDocker(
  "docker guide - two users meet in one room",
  async (daemon) => {
    await using files = await folder({ "room.ts": programOf("room.ts") });
    const { path } = files;
    await using serving = await serveModule(daemon, `${path}/room.ts`);
    await Deno.writeTextFile(`${path}/token`, `${serving.token}\n`);
    const app = programOf("app.ts")
      .replace("https://rooms.example.com", serving.apiUrl)
      .replace("/etc/feedline/token", `${path}/token`);
    await Deno.writeTextFile(`${path}/app.ts`, app);
    await using program = await startProgram(
      Deno.execPath(),
      [
        "run",
        "-A",
        `--config=${
          fileURLToPath(new URL(`../../${config}`, import.meta.url))
        }`,
        `${path}/app.ts`,
      ],
      { DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0", NO_COLOR: "1" },
      "stderr",
    );
    const [port] = program.said.match(/(?<=:)\d+/)!;
    await meetInRoom(Number(port));
  },
);

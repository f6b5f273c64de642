/** Opens a page in the user's browser. */

/** Opens `url`; does nothing on a machine without a browser. */
export async function openBrowser(url: string): Promise<void> {
  const [command, ...args] = {
    darwin: ["open"],
    windows: ["cmd", "/c", "start", ""],
  }[Deno.build.os as string] ?? ["xdg-open"];
  await new Deno.Command(command!, {
    args: [...args, url],
    stdout: "null",
    stderr: "null",
  }).output().catch(() => {});
}

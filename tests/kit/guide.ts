/** The guides of docs/production.md, which end with two users in one room. */
import { assertEquals } from "@std/assert";
import { deadline } from "@std/async";

const page = await Deno.readTextFile(
  new URL("../../docs/production.md", import.meta.url),
);

/** The first program of the page that names itself in its first line. */
export function programOf(name: string): string {
  const [, code] = page.match(
    new RegExp("```ts ignore\\n(// " + name + "\\n[^]*?)```"),
  )!;
  return code!;
}

/** Two users, as in the guide's two terminals: Bob reads what Ada writes. */
export async function meetInRoom(port: number): Promise<void> {
  const join = async (name: string) => {
    const socket = new WebSocket(
      `ws://127.0.0.1:${port}/rooms/blue/backend/?as=${name}`,
    );
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", reject);
    });
    return socket;
  };
  const [ada, bob] = [await join("ada"), await join("bob")];
  const heard = new Promise((resolve) =>
    bob.addEventListener("message", ({ data }) => resolve(data))
  );
  ada.send("hello");
  assertEquals(await deadline(heard, 30_000), "ada: hello");
  for (const socket of [ada, bob]) {
    const closed = new Promise((resolve) =>
      socket.addEventListener("close", resolve)
    );
    socket.close();
    await closed;
  }
}

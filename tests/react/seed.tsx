/** @jsxImportSource react */
/** @jsxImportSourceTypes @types/react */
/**
 * The sample program of @jamsocket/socketio's documentation: the import line is changed,
 * and `connectResponse`, `someValue` and the comment have something behind them.
 */
// @ts-types="@types/react"
import { StrictMode, useEffect } from "react";
// @ts-types="@types/react-dom/client"
import { createRoot } from "react-dom/client";
import {
  type ConnectResponse,
  SessionBackendProvider,
  SocketIOProvider,
  useEventListener,
  useReady,
  useSend,
} from "@feedline/feedline/socketio";

let connectResponse: ConnectResponse;
let someValue = 0;
const received: string[] = [];

function Root() {
  return (
    <SessionBackendProvider connectResponse={connectResponse}>
      <SocketIOProvider url={connectResponse.url}>
        <MyComponent />
      </SocketIOProvider>
    </SessionBackendProvider>
  );
}

function MyComponent() {
  const ready = useReady();
  const sendEvent = useSend();

  useEffect(() => {
    if (ready) {
      sendEvent("some-event", someValue);
    }
  }, [ready]);

  useEventListener("another-event", (args) => {
    received.push(String(args));
  });

  // The sample has no output.
  return <b>{ready ? "ready" : "not ready"}</b>;
}

/** What the test does: asks the edge for a backend, and shows the program again. */
const root = createRoot(document.getElementById("root")!);
const page = {
  received,
  problems: [] as string[],
  async connect(strict: boolean) {
    const answer = await fetch("/rooms/room-1/connect", { method: "POST" });
    connectResponse = await answer.json();
    someValue++;
    root.render(
      strict
        ? (
          <StrictMode>
            <Root />
          </StrictMode>
        )
        : <Root />,
    );
  },
  leave: () => root.unmount(),
};
for (const name of ["error", "warn"] as const) {
  console[name] = (...parts: unknown[]) => page.problems.push(parts.join(" "));
}
Object.assign(globalThis, { page });

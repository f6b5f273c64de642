/** Who is here, where they point, and how the backend is. */
import {
  type CSSProperties,
  useEffect,
  useState,
  useSyncExternalStore,
} from "react";
import {
  useBackendState,
  useConnectionState,
  useReconnect,
} from "@feedline/feedline/react";
import {
  joinPresence,
  type Presence,
  type PresenceSnapshot,
} from "@feedline/feedline/feed/feedme";
import { at, board, type Pointing, useFeedmeClient } from "./api.ts";

export type People = PresenceSnapshot<Pointing>;
const NOBODY: People = { people: {}, me: undefined, stale: true };

/** Joins the others: who is here, and a function that says where this page points. */
export function usePeople(): [People, (pointing: Pointing) => void] {
  const client = useFeedmeClient();
  const [presence, setPresence] = useState<Presence<Pointing>>();
  useEffect(() => {
    if (!client) return;
    const joined = joinPresence(client, {
      feed: "people",
      action: "point",
      data: { at: null },
    });
    setPresence(joined);
    return () => {
      setPresence(undefined);
      joined.close();
    };
  }, [client]);
  const people = useSyncExternalStore(
    (listener) => presence?.subscribe(listener) ?? (() => {}),
    () => presence?.getSnapshot() ?? NOBODY,
  );
  return [people, (pointing) => presence?.set(pointing)];
}

export function Header({ people }: { people: People["people"] }) {
  return (
    <header>
      <h1>
        Feedline board in React <small>{board}</small>
      </h1>
      <ul aria-label="Who is here">
        {Object.entries(people).map(([id, { user }]) => (
          <li key={id} title={user ?? "guest"} style={colored(user)}>
            {user?.slice(0, 2)}
          </li>
        ))}
      </ul>
    </header>
  );
}

export function Status() {
  const { phase, state, error } = useBackendState();
  const connection = useConnectionState(useFeedmeClient());
  const again = useReconnect();
  const ended = phase === "ended" || phase === "failed";
  return (
    <footer>
      <b className={phase}>{state?.status ?? phase}</b>
      <span>{error ? String(error) : connection ?? "not connected"}</span>
      {ended && <button type="button" onClick={again}>Start it again</button>}
      {phase === "ready" && (
        <button
          type="button"
          onClick={() => fetch(at("end"), { method: "POST" })}
        >
          Kill the backend
        </button>
      )}
    </footer>
  );
}

export function Cursors({ people: { people, me } }: { people: People }) {
  return Object.entries(people).map(([id, { user, data: { at } }]) =>
    at && id !== me && (
      <i
        key={id}
        className="cursor"
        style={{
          ...colored(user),
          left: `${at.x * 100}%`,
          top: `${at.y * 100}%`,
        }}
      >
        {user}
      </i>
    )
  );
}

/** A colour for a person that is the same in every tab. */
function colored(user: string | null): CSSProperties {
  const hue = ((user?.length ?? 0) + (user?.charCodeAt(0) ?? 0)) * 137.5 % 360;
  return { "--who": `hsl(${hue} 50% 42%)` } as CSSProperties;
}

/** The hooks, with the types of the board that the backend serves; and its address. */
import { feedmeHooks } from "@feedline/feedline/react";
import type { BoardApi } from "../board/app.ts";

export type { BoardApi };
/** One note. */
export type Note = BoardApi["feeds"]["board"]["data"]["notes"][string];

/** What a page says about its user. */
export type Pointing = BoardApi["actions"]["point"]["args"]["data"];

export const {
  FeedmeProvider,
  useAction,
  useFeed,
  useFeedAction,
  useFeedmeClient,
} = feedmeHooks<BoardApi>();

const query = new URLSearchParams(location.search);
/** The board's name. */
export const board = query.get("board") ?? "plans";
/** The user's name, which the demo's edge trusts. */
export const name = query.get("as") ?? "guest";
/** The board's path at the edge. */
export const at = (path: string) =>
  `/boards/${encodeURIComponent(board)}/${path}?as=${encodeURIComponent(name)}`;

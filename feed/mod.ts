/**
 * Live data over one WebSocket between a session backend and its users, with one of two
 * protocols: {@linkcode feedme} or {@linkcode socketcluster}.
 *
 * ```ts
 * import { feedme } from "@feedline/feedline/feed";
 *
 * const client = feedme.feedmeClient({
 *   transport: feedme.webSocketTransport({ url: "ws://localhost:1" }),
 * });
 * console.log(client.state()); // disconnected
 * client.destroy();
 * ```
 *
 * If you use only one of them, import `@feedline/feedline/feed/feedme` or
 * `@feedline/feedline/feed/socketcluster`.
 *
 * @module
 */
export * as feedme from "./feedme/mod.ts";
export * as socketcluster from "./socketcluster/mod.ts";

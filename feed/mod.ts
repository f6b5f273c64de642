/**
 * Live data over one WebSocket between a session backend and its users, by either
 * of two protocols: {@linkcode feedme} and {@linkcode socketcluster}.
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
 * An application that uses one of them imports `@feedline/feedline/feed/feedme` or
 * `@feedline/feedline/feed/socketcluster`.
 *
 * @module
 */
export * as feedme from "./feedme/mod.ts";
export * as socketcluster from "./socketcluster/mod.ts";

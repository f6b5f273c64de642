/**
 * The Feedme client as a classic script: it sets the global `feedmeClient`, a function
 * as in npm's feedme-client. Everything else that `./feed/feedme` exports is a property
 * of it, e.g. `feedmeClient.webSocketTransport`, so that one script tag is enough.
 */
import * as feedme from "../feed/feedme/mod.ts";

const { feedmeClient, ...others } = feedme;

Object.assign(globalThis, {
  feedmeClient: Object.assign(
    (options: feedme.FeedmeClientOptions) => feedmeClient(options),
    others,
  ),
});

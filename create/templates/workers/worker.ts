/** The edge as a Cloudflare Worker. Wrangler serves the page from `public/`. */
import { edge } from "./edge.ts";

export default edge();

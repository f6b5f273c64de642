/**
 * Prints what a server renders for a connect response, and ends. Not TypeScript: the
 * types of React's server bring Node's, which would replace Deno's in every file.
 */
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { ServerRendered } from "./server_rendered.ts";

const given = JSON.parse(Deno.args[0]);
console.log(renderToString(createElement(ServerRendered, { given })));

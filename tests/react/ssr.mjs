/**
 * Prints what a server renders for a connect response, and ends. Not TypeScript: the
 * types of React's server bring Node's, which would replace Deno's in every file.
 */
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import * as components from "./server_rendered.ts";

const [name, given] = Deno.args;
console.log(
  renderToString(createElement(components[name], { given: JSON.parse(given) })),
);

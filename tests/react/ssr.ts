/** Prints what a server renders for a connect response, and ends. */
// @ts-types="@types/react"
import { createElement } from "react";
// @ts-types="@types/react-dom/server"
import { renderToString } from "react-dom/server";
import { ServerRendered } from "./server_rendered.ts";

const given = JSON.parse(Deno.args[0]!);
console.log(renderToString(createElement(ServerRendered, { given })));

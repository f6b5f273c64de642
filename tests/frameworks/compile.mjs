/**
 * Compiles a component from the standard input for the framework that the argument names,
 * to a module on the standard output. Not TypeScript: the types of Babel bring Node's,
 * which would replace Deno's in every file.
 */
import { transformAsync } from "@babel/core";
import solid from "babel-preset-solid";
import { compile as svelte } from "svelte/compiler";
import { compileScript, parse } from "vue/compiler-sfc";

const compilers = {
  vue(source) {
    const { descriptor } = parse(source);
    return compileScript(descriptor, { id: "page", inlineTemplate: true })
      .content;
  },
  svelte: (source) => svelte(source, { generate: "client" }).js.code,
  solid: async (source) =>
    (await transformAsync(source, {
      presets: [solid],
      filename: "page.jsx",
      babelrc: false,
      configFile: false,
    })).code,
};

const source = await new Response(Deno.stdin.readable).text();
console.log(await compilers[Deno.args[0]](source));

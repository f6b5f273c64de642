/**
 * Compiles a module from the standard input the way that React Native's bundler does, to
 * CommonJS on the standard output. Not TypeScript: the types of Babel bring Node's, which
 * would replace Deno's in every file.
 */
import { transformAsync } from "@babel/core";
import preset from "@react-native/babel-preset";

const code = await new Response(Deno.stdin.readable).text();
const result = await transformAsync(code, {
  // Helpers inside, so that nothing has to be found at run time.
  presets: [[preset, { enableBabelRuntime: false }]],
  filename: "feedline.js",
  babelrc: false,
  configFile: false,
  compact: true,
});
console.log(result.code);

/**
 * The options of each command, in one table: the parser, the help, completions,
 * `feedline.json` and its schema are made from it.
 */
import type { Options } from "./arguments.ts";

const CONTAINERS = {
  "docker-host": {
    kind: "text",
    value: "url",
    about: "address of the container engine, unix:///… or tcp://…",
    default: "DOCKER_HOST, or Docker's own socket",
  },
  network: {
    kind: "list",
    value: "name",
    about:
      "network of the containers; repeatable: a spawn request may name any of them, the first is the default",
  },
  mounts: {
    kind: "text",
    value: "folder",
    about: "folder for the persistent folders of backends",
  },
  env: {
    kind: "variables",
    value: "name=value",
    about: "variable for each backend; repeatable",
  },
} as const satisfies Options;

const LISTENING = {
  port: {
    kind: "port",
    value: "n",
    about: "port of the API and the page; 0 lets the system choose",
    default: 8080,
  },
  "proxy-port": {
    kind: "port",
    value: "n",
    about: "port for connections to backends; 0 lets the system choose",
    default: 9090,
  },
  host: {
    kind: "text",
    value: "address",
    about: "address to listen on; any other lets other machines in",
    default: "localhost",
  },
} as const satisfies Options;

/** What `feedline.json` can set for `dev`, and the command line too. */
const DEV_SETTINGS = {
  ...LISTENING,
  "allow-host": {
    kind: "list",
    value: "name",
    about: "accept requests for this host name too; repeatable",
  },
  watch: { kind: "flag", about: "end backends when their code changes" },
  "log-requests": {
    kind: "flag",
    about: "print a line for each request to a backend",
  },
  "deno-config": {
    kind: "text",
    value: "file",
    about: "configuration file for deno run, if backends are a module",
  },
  "startup-timeout": {
    kind: "seconds",
    value: "s",
    about: "time a backend has to start, in seconds",
    default: 30,
  },
  grace: {
    kind: "seconds",
    value: "s",
    about:
      "time a backend has to end after SIGTERM, before SIGKILL, in seconds",
    default: 10,
  },
  image: {
    kind: "text",
    value: "image",
    about: "run each backend as a container, with Docker or Podman",
  },
  ...CONTAINERS,
} as const satisfies Options;

/** What `feedline.json` can set for `serve`, and the command line too. */
const SERVE_SETTINGS = {
  image: {
    kind: "text",
    value: "image",
    about: "the image that each backend runs",
  },
  "token-file": {
    kind: "text",
    value: "file",
    about:
      "file with the API token; FEEDLINE_TOKEN sets it too. Without one, it listens on loopback addresses only.",
  },
  "public-url": {
    kind: "text",
    value: "url",
    about: "URL of your reverse proxy in front of it",
  },
  state: {
    kind: "text",
    value: "folder",
    about: "folder for secrets, revocations and states",
    default: ".feedline",
  },
  name: {
    kind: "text",
    value: "name",
    about: "name of the platform, if an engine has several",
    default: "feedline",
  },
  "token-lifetime": {
    kind: "seconds",
    value: "s",
    about: "time a connection URL is valid, in seconds",
    default: 86_400,
  },
  ...LISTENING,
  "startup-timeout": {
    kind: "seconds",
    value: "s",
    about: "time a backend has until it answers, in seconds",
    default: 300,
  },
  grace: {
    kind: "seconds",
    value: "s",
    about:
      "time a backend has to end after its stop signal, before SIGKILL, in seconds",
    default: 30,
  },
  ...CONTAINERS,
  log: {
    kind: "format",
    value: "format",
    about: "text, or json for one object a line",
    default: "text",
  },
} as const satisfies Options;

/** What only the command line can set. */
const ALWAYS = {
  config: {
    kind: "text",
    value: "file",
    about: "file with defaults of these options",
    default: "feedline.json",
  },
  help: { kind: "flag", about: "show this help" },
  version: { kind: "flag", about: "show the version" },
} as const satisfies Options;

/** The program that each backend runs; on the command line it needs no option. */
const PROGRAM = {
  module: {
    kind: "text",
    about: "the module that each backend runs, with deno run -A",
  },
  args: { kind: "list", about: "arguments for the module" },
  command: {
    kind: "list",
    about: "the program that each backend runs, and its arguments",
  },
} as const satisfies Options;

/** The options of `dev`. */
export const DEV_OPTIONS = { ...DEV_SETTINGS, ...ALWAYS } as const;

/** The options of `serve`. */
export const SERVE_OPTIONS = { ...SERVE_SETTINGS, ...ALWAYS } as const;

/** The options of `list`, `logs`, `terminate` and `open`. */
export const ORDER_OPTIONS = {
  port: {
    kind: "port",
    value: "n",
    about: "port of the platform's API",
    default: 8080,
  },
  url: {
    kind: "text",
    value: "url",
    about: "URL of the platform's API, if it is elsewhere",
  },
  "token-file": {
    kind: "text",
    value: "file",
    about: "file with the API token; FEEDLINE_TOKEN sets it too",
  },
  follow: { kind: "flag", about: "go on printing until the backend ends" },
  hard: { kind: "flag", about: "kill the backend at once" },
  json: { kind: "flag", about: "print JSON, one object a line" },
  help: ALWAYS.help,
} as const satisfies Options;

/** The objects of `feedline.json`, with the keys that each may have. */
export const FILE_SECTIONS = {
  dev: { ...PROGRAM, ...DEV_SETTINGS },
  serve: SERVE_SETTINGS,
} as const satisfies Record<string, Options>;

/** What the exit codes of the command mean. */
export const EXIT_CODES = {
  0: "it did what you asked for, or you ended it",
  1: "something failed, for example because a port is in use",
  2: "the arguments or feedline.json are wrong",
} as const;

/** An exit code of the command. */
export type ExitCode = keyof typeof EXIT_CODES;

/** The form that connects to a backend, and starts it if none holds the key. */
export const SPAWN_SCRIPT: string = String.raw`
import { identities } from "./backend.js";
import { $, post, showProblem } from "./dom.js";
import { select } from "./model.js";

export function wireSpawn() {
  $("spawn").onsubmit = async (event) => {
    event.preventDefault();
    let request;
    try {
      request = readForm();
    } catch (error) {
      return showProblem(error.message);
    }
    // The names that the client libraries use for a dev platform.
    const answer = await post("v2/service/-/-/connect", request);
    if (!answer) return;
    $("key").value = "";
    const { user, auth } = request;
    if (user || auth) identities.set(answer.backend_id, { user, auth });
    // The page may not know it yet; its lines then follow.
    select(answer.backend_id);
  };
}

/** The connect request; throws what is wrong with it. */
function readForm() {
  const request = {};
  const spawn = {};
  const value = (id) => $(id).value.trim();
  if ($("key").value) request.key = $("key").value;
  if (value("user")) request.user = value("user");
  if (value("auth")) request.auth = readAuth(value("auth"));
  const env = readEnv($("env").value);
  if (env) spawn.executable = { env };
  if (value("idle")) spawn.max_idle_seconds = Number(value("idle"));
  if (value("lifetime")) spawn.lifetime_limit_seconds = Number(value("lifetime"));
  if (value("tag")) spawn.tag = value("tag");
  if (Object.keys(spawn).length > 0) request.spawn = spawn;
  return request;
}

function readAuth(text) {
  let auth;
  try {
    auth = JSON.parse(text);
  } catch {
    throw new Error("auth is not JSON; write an object such as {\"role\": \"editor\"}");
  }
  if (typeof auth !== "object" || auth === null || Array.isArray(auth)) {
    throw new Error("auth must be a JSON object such as {\"role\": \"editor\"}");
  }
  return auth;
}

function readEnv(text) {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  if (lines.length === 0) return undefined;
  return Object.fromEntries(lines.map((line) => {
    const end = line.indexOf("=");
    if (end < 1) throw new Error("each line of env must have the form NAME=value");
    return [line.slice(0, end).trim(), line.slice(end + 1)];
  }));
}
`;

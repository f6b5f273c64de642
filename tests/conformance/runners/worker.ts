/** workerd: the far ends come as a request, the outcomes are the answer. */
import { collect } from "../../kit/wait.ts";
import { areas } from "../cases/mod.ts";

import { run } from "../suite.ts";

export default {
  async fetch(request: Request): Promise<Response> {
    const { far, only } = await request.json();
    return Response.json(await collect(run(areas, far, only)));
  },
};

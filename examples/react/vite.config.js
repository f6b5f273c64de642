import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  // The edge of `deno task demo`, for `npm run dev` beside it.
  server: {
    proxy: { "/boards": { target: "http://localhost:8000", ws: true } },
  },
});

import process from "node:process";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The edge, which `npm run dev` starts beside Vite. The short form of a proxy,
// "/rooms": "http://…", would change the Host header, and the edge refuses that.
const target = `http://localhost:${process.env.EDGE_PORT ?? 8000}`;

export default defineConfig({
  plugins: [react()],
  server: {
    proxy: {
      "/sign-in": { target },
      "/rooms": { target, ws: true },
    },
  },
});

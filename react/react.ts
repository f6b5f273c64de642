/**
 * The only import of React. The specifier is written out here, because Deno downloads
 * what `deno.json` lists for everyone, and only pages with hooks need React; see
 * docs/decisions/0019-react-and-socket-io-are-written-out-where-they-are-imported.md.
 */
// deno-lint-ignore-file no-import-prefix
// @ts-types="npm:@types/react@^19"
export {
  createContext,
  createElement,
  useCallback,
  useContext,
  useEffect,
  useInsertionEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "npm:react@^19";
// @ts-types="npm:@types/react@^19"
export type { Context, ReactElement, ReactNode } from "npm:react@^19";

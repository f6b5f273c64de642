/** Checks a page for mistakes that keep people out, with axe: https://github.com/dequelabs/axe-core */
import axe from "axe-core";
import type { Page } from "playwright-core";

interface Result {
  violations: {
    id: string;
    help: string;
    nodes: { target: string[]; failureSummary?: string }[];
  }[];
}

/** Each violation on the page as it is, with the elements concerned. */
export async function violations(page: Page): Promise<string[]> {
  // Not as a script element, which the page's policy may forbid.
  await page.evaluate(axe.source);
  const result = await page.evaluate<Result>("axe.run(document)");
  return result.violations.map(({ id, help, nodes }) =>
    `${id}: ${help}\n` +
    nodes.map(({ target, failureSummary = "" }) =>
      `  ${target.join(" ")}: ${failureSummary.replaceAll("\n", " ")}`
    ).join("\n")
  );
}

/** The window of a laptop, and of a small phone. */
export const WINDOWS = {
  desktop: { width: 1280, height: 800 },
  phone: { width: 375, height: 720 },
} as const;

/** Violations in both colour schemes, on a desktop and on a phone. */
export async function allViolations(
  page: Page,
  look: (name: string) => Promise<void> = async () => {},
): Promise<string[]> {
  const all: string[] = [];
  for (const [name, size] of Object.entries(WINDOWS)) {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme });
      await look(`${name}-${colorScheme}`);
      const here = await violations(page);
      all.push(...here.map((each) => `${name}, ${colorScheme}: ${each}`));
    }
  }
  return all;
}

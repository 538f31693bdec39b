// Writes the picture of a report that the docs show: npm run screenshot -- MANIFEST PICTURE

import { readFileSync, statSync } from "node:fs";
import { READERS, open, start } from "./browser.js";
import { simulate } from "./report.js";

const LARGEST = 300 * 1024;
const [fleet, picture] = process.argv.slice(2);
if (!fleet || !picture) {
  throw new Error("usage: npm run screenshot -- MANIFEST PICTURE.png");
}

const report = simulate(readFileSync(fleet, "utf8"), "--from", "campaign");
const browser = await start();
try {
  const { context, page, troubles } = await open(browser, report.html, {
    ...READERS["a desktop, light"], viewport: { width: 1000, height: 1560 },
  });
  await page.locator("#views input").last().check();
  await page.screenshot({ path: picture });
  await context.close();
  if (troubles.length > 0) {
    throw new Error(troubles.join("\n"));
  }
} finally {
  await browser.close();
  report.remove();
}
const size = statSync(picture).size;
if (size > LARGEST) {
  throw new Error(`${picture} has ${size} bytes, more than ${LARGEST}`);
}
console.log(`wrote ${picture}, ${size} bytes`);

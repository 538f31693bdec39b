// Opens a report in Debian's Chromium and keeps account of everything that it asks for, says and fails at.

import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
/** No page takes longer to be there. */
const LIMIT = 20_000;

/** As what the page is seen. */
export const READERS = {
  "a desktop, light": { viewport: { width: 1280, height: 900 }, colorScheme: "light" },
  "a desktop, dark": { viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
  "a phone, light": { viewport: { width: 360, height: 740 }, colorScheme: "light", isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
  "a phone, dark": { viewport: { width: 360, height: 740 }, colorScheme: "dark", isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
};

/** A browser; the caller closes it. */
export const start = () => {
  if (!existsSync(CHROMIUM)) {
    throw new Error(`there is no ${CHROMIUM}: install Debian's package chromium, or name another with CHROMIUM`);
  }
  // As root Chromium's own sandbox cannot start; the pages are ours and may fetch nothing.
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
};

/** The page of a file, as this reader sees it, with its troubles and requests; it is closed with its context. */
export const open = async (browser, file, reader) => {
  const context = await browser.newContext({ ...reader, timezoneId: "Asia/Kolkata" });
  context.setDefaultTimeout(LIMIT);
  const page = await context.newPage();
  const seen = { troubles: [], requests: [] };
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") {
      seen.troubles.push(message.text());
    }
  });
  page.on("pageerror", (error) => seen.troubles.push(String(error)));
  page.on("dialog", (dialog) => {
    seen.troubles.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => seen.requests.push(request.url()));
  const address = pathToFileURL(file).href;
  await page.goto(address, { waitUntil: "load" });
  return { context, page, address, ...seen };
};

/** For each plot, how many of its pixels are drawn on in a colour that is no grey. */
export const drawn = (page) => page.$$eval(".plot canvas", (canvases) => canvases.map((canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let coloured = 0;
  for (let at = 0; at < data.length; at += 4) {
    const [red, green, blue, opacity] = data.subarray(at, at + 4);
    if (opacity > 0 && Math.max(red, green, blue) - Math.min(red, green, blue) > 40) {
      coloured += 1;
    }
  }
  return coloured;
}));

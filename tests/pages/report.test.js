// The report of `apifleet simulate`, as people see it: on a desktop and a phone, in light and dark.

import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { after, before, test } from "node:test";
import { READERS, drawn, open, start } from "./browser.js";
import { manifest, simulate } from "./report.js";

const PLOTS = ["demand", "replicas", "latency", "unserved"];
const LARGEST = 500 * 1024;
/** A name that would run a program of its own wherever it is not escaped. */
const HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'{{7*7}}";

let browser;
let usual;
let hostile;
let long;

before(async () => {
  usual = simulate(manifest("shop-api"), "--from", "campaign");
  hostile = simulate(manifest(HOSTILE), "--from", "campaign", "--baseline", "hpa");
  long = simulate(manifest("shop-api"), "--from", "campaign", "--start", "2026-12-08", "--end", "2026-12-13", "--baseline", "hpa");
  browser = await start();
});

after(async () => {
  await browser?.close();
  [usual, hostile, long].forEach((report) => report?.remove());
});

for (const [name, reader] of Object.entries(READERS)) {
  test(`the report is whole on ${name}`, async () => {
    const { context, page, address, troubles, requests } = await open(browser, usual.html, reader);
    assert.deepEqual(troubles, []);
    assert.deepEqual(requests, [address], "it asks for nothing but itself");
    const pixels = await drawn(page);
    assert.equal(pixels.length, PLOTS.length);
    // Nothing unserved is a line of no height at most; every other plot has curves.
    PLOTS.forEach((plot, at) => assert.ok(plot === "unserved" || pixels[at] > 100, `${plot} is empty: ${pixels}`));
    const [inner, whole] = await page.evaluate(() => [window.innerWidth, document.documentElement.scrollWidth]);
    assert.ok(whole <= inner, `${whole} pixels wide on a screen of ${inner}`);
    await context.close();
  });

  test(`everything can be read on ${name}`, async () => {
    const { context, page } = await open(browser, usual.html, reader);
    const weak = await page.evaluate(() => {
      const light = (colour) => {
        const parts = colour.match(/[\d.]+/g).slice(0, 3).map((part) => part / 255)
          .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
      };
      const paper = light(getComputedStyle(document.body).backgroundColor);
      const contrast = (element) => {
        const ink = light(getComputedStyle(element).color);
        return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
      };
      const texts = [...document.querySelectorAll("h1, h2, p, th, td, dt, dd, figcaption, summary, label")];
      return texts.filter((element) => contrast(element) < 4.5).map((element) => element.textContent.trim());
    });
    assert.deepEqual(weak, [], "contrast below 4.5");
    const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(dark !== "rgb(255, 255, 255)", reader.colorScheme === "dark");
    await context.close();
  });
}

test("the answer stands at the top, in one sentence, and agrees with the program's", async () => {
  const { context, page } = await open(browser, usual.html, READERS["a phone, light"]);
  const answer = page.locator("#answer");
  const box = await answer.boundingBox();
  assert.ok(box.y + box.height < READERS["a phone, light"].viewport.height, "seen without scrolling");
  const text = (await answer.textContent()).trim();
  assert.ok(text.endsWith(".") && text.split(/\.\s/).length === 1, `one sentence: ${text}`);
  const ours = usual.answer.policies[0];
  const minutes = ours.violatingMinutes === 0 ? "none" : ours.violatingMinutes.toLocaleString("en");
  assert.ok(text.includes(`, ${minutes} of `), `${minutes}: ${text}`);
  await context.close();
});

test("the page carries the same figures as the program's answer", async () => {
  const { context, page } = await open(browser, usual.html, READERS["a desktop, light"]);
  const carried = await page.evaluate(() => JSON.parse(document.getElementById("data").textContent));
  assert.deepEqual(carried.policies, usual.answer.policies);
  await context.close();
});

test("policies can be added to the plots, and taken away", async () => {
  const { context, page, troubles } = await open(browser, usual.html, READERS["a desktop, dark"]);
  const lines = () => page.locator("#demand .u-series").count();
  const before = await lines();
  const boxes = page.locator("#policies input");
  assert.equal(await boxes.count(), usual.answer.policies.length);
  await boxes.nth(2).check();
  assert.equal(await lines(), before + 1);
  await boxes.nth(0).uncheck();
  await boxes.nth(1).uncheck();
  await boxes.nth(2).uncheck();
  assert.equal(await lines(), before - 2, "time and demand are left");
  assert.deepEqual(troubles, []);
  await context.close();
});

test("a plot tells the values under the pointer", async () => {
  const { context, page } = await open(browser, usual.html, READERS["a desktop, light"]);
  const over = page.locator("#demand .u-over");
  await over.hover();
  const values = await page.locator("#demand .u-value").allTextContents();
  assert.ok(values.every((value) => value !== "-" && value !== "--"), values.join(" | "));
  await context.close();
});

test("several days have an overview and their worst day by the minute", async () => {
  const { context, page, troubles } = await open(browser, long.html, READERS["a phone, dark"]);
  const views = page.locator("#views input");
  assert.equal(await views.count(), 2);
  await views.nth(1).check();
  const step = await page.evaluate(() => JSON.parse(document.getElementById("data").textContent).views[1].stepSeconds);
  assert.equal(step, 60);
  assert.ok((await drawn(page))[0] > 100);
  assert.deepEqual(troubles, []);
  await context.close();
});

test("a turned phone has plots of its new width", async () => {
  const { context, page } = await open(browser, usual.html, READERS["a phone, light"]);
  await page.setViewportSize({ width: 740, height: 360 });
  await page.waitForFunction(() => document.querySelector(".uplot .u-wrap").clientWidth > 600);
  const [inner, whole] = await page.evaluate(() => [window.innerWidth, document.documentElement.scrollWidth]);
  assert.ok(whole <= inner, `${whole} pixels wide on a screen of ${inner}`);
  await context.close();
});

test("names of others are shown, and never run", async () => {
  const { context, page, troubles } = await open(browser, hostile.html, READERS["a desktop, light"]);
  assert.deepEqual(troubles, []);
  assert.ok((await page.locator("h1").textContent()).includes(HOSTILE));
  assert.equal(await page.locator("img").count(), 0);
  assert.equal(await page.locator("script").count(), 3);
  await context.close();
});

test("a script that is not the report's does not run in it", async () => {
  const { context, page, troubles } = await open(browser, usual.html, READERS["a desktop, light"]);
  const ran = await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.body.append(script);
    return window.ran === true;
  });
  assert.equal(ran, false);
  assert.ok(troubles.some((trouble) => trouble.includes("Content Security Policy")), troubles.join("\n"));
  await context.close();
});

test("the report is small and reaches for nothing", () => {
  for (const report of [usual, long]) {
    const size = statSync(report.html).size;
    assert.ok(size < LARGEST, `${size} bytes`);
    const text = readFileSync(report.html, "utf8");
    assert.equal(/(src|href)\s*=\s*["']?(https?:)?\/\//.test(text), false, "an address in it");
  }
});

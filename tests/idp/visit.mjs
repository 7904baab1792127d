// A visit by a person with a real browser, step by step; prints what they saw as one JSON document.
import { chromium } from 'playwright-core';

const { program, application, user, password, query, stepMilliseconds } = JSON.parse(process.env.CUBEGATE_VISIT);
const browser = await chromium.launch({
  executablePath: program,
  timeout: stepMilliseconds,
  args: [
    '--no-sandbox',
    '--disable-dev-shm-usage',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-gpu',
    '--no-first-run',
    '--renderer-process-limit=1',
  ],
});
const context = await browser.newContext();
const page = await context.newPage();
page.setDefaultTimeout(stepMilliseconds);

// Where a navigation ended: an address, whether a login form is there, and what the page says.
const seen = async () => ({
  url: page.url(),
  asksForPassword: (await page.locator('input[type=password]').count()) > 0,
  text: await page.textContent('body'),
});
const open = async (path) => {
  await page.goto(application + path);
  return seen();
};
const logIn = async () => {
  await page.fill('input[name=username]', user);
  await page.fill('input[name=password]', password);
  await Promise.all([page.waitForURL(`${application}/**`), page.click('[type=submit]')]);
  return seen();
};
// What a script of the page gets.
const ask = () =>
  page.evaluate(async ([path, body]) => {
    const answer = await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
    return { status: answer.status, text: await answer.text() };
  }, query);

const report = {};
report.first = await open('/whoami');
report.wrongPassword = await (async () => {
  await page.fill('input[name=username]', user);
  await page.fill('input[name=password]', 'not it');
  await Promise.all([page.waitForLoadState(), page.click('[type=submit]')]);
  await page.waitForSelector('input[type=password]');
  return seen();
})();
report.loggedIn = await logIn();
report.answer = await ask();
report.cookiesOfScripts = await page.evaluate(() => document.cookie);
report.cookies = (await context.cookies(application)).map(({ name, httpOnly, sameSite }) => ({ name, httpOnly, sameSite }));
// A second page of the same browser needs no password.
const second = await context.newPage();
await second.goto(`${application}/whoami`);
report.second = { url: second.url(), text: await second.textContent('body') };
await second.close();

await page.goto(`${application}/logout`);
report.loggedOut = await seen();
report.cookiesAfterwards = (await context.cookies(application)).map(({ name }) => name);
report.again = await open('/whoami');
await browser.close();
console.log(JSON.stringify(report));

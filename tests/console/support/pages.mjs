// Every page of the console, for the tests that go over all of them and for the screenshots: its address and a heading by which it is
// there, in both languages. `act` does what a picture needs besides, such as a question to a model.

export const PAGES = [
  { name: "overview", path: "/", en: "Overview", zh: "概览" },
  { name: "requests", path: "/requests", en: "Requests", zh: "请求日志" },
  {
    name: "request",
    path: "/requests",
    en: "Requests",
    zh: "请求日志",
    act: async (page, { gw }) => {
      const [row] = await gw.db("SELECT id FROM request_log WHERE provider_name = 'backup' ORDER BY id DESC LIMIT 1");
      await page.goto(`${page.url()}/${row.id}`);
      await page.getByRole("dialog").getByText("backup").first().waitFor();
    },
  },
  { name: "usage", path: "/usage", en: "Usage & cost", zh: "用量与费用" },
  {
    name: "playground",
    path: "/playground?model=gpt-5,openai/gpt-5-mini",
    en: "Playground",
    zh: "试用场",
    act: async (page) => {
      const box = page.locator("textarea[data-filter]");
      await box.fill(
        page.viewportSize().width < 720
          ? "What is a circuit breaker?"
          : "What does a circuit breaker do? 断路器有什么作用？",
      );
      await box.press("Control+Enter");
      await page.locator(".md").first().waitFor();
      await page.waitForTimeout(3000);
    },
  },
  { name: "connect", path: "/connect", en: "Connect a client", zh: "接入客户端" },
  { name: "start", path: "/start", en: "Getting started", zh: "快速开始" },
  { name: "keys", path: "/keys", en: "Keys", zh: "密钥（令牌）" },
  { name: "new-key", path: "/keys?new=1", en: "Keys", zh: "密钥（令牌）" },
];

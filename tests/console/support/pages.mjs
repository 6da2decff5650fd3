// Every page of the console, for the tests that go over all of them and for the screenshots: its address and a heading by which it is
// there, in both languages. `as` is who opens it: a user, or null without a sign-in; else the admin token. `picture: false` has none in
// docs/console.md. `act` does what a picture needs besides, such as a question to a model.

import { SESSION } from "./content.mjs";

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
      await page
        .getByText(/^(Served by|服务方)$/)
        .first()
        .waitFor();
    },
  },
  { name: "conversations", path: "/conversations", en: "Conversations", zh: "会话" },
  { name: "alerts", path: "/alerts", en: "Alerts", zh: "告警" },
  { name: "rules", path: "/alerts?of=rules", en: "Alerts", zh: "告警", picture: false },
  { name: "new-rule", path: "/alerts?of=rules&new=1", en: "Alerts", zh: "告警", picture: false },
  { name: "notifications", path: "/notifications", en: "Notifications", zh: "通知", picture: false },
  { name: "new-notification", path: "/notifications?new=1", en: "Notifications", zh: "通知", picture: false },
  { name: "connect", path: "/connect", en: "Connect a client", zh: "接入客户端" },
  { name: "own-account", path: "/account", en: "Your account", zh: "我的账户", as: "ada@example.org" },
  { name: "sign-in", path: "/sign-in?failed=account_exists", en: "Sign in", zh: "登录", as: null },
  { name: "start", path: "/start", en: "Getting started", zh: "快速开始" },
  { name: "providers", path: "/providers", en: "Providers", zh: "提供商（渠道）" },
  { name: "new-provider", path: "/providers/new", en: "Providers", zh: "提供商（渠道）" },
  {
    name: "provider",
    path: "/providers/2",
    en: "Providers",
    zh: "提供商（渠道）",
    act: (page) =>
      page
        .getByRole("dialog")
        .getByRole("heading", { name: /^(Models|模型) \(\d/ })
        .waitFor(),
  },
  { name: "submissions", path: "/submissions", en: "Submissions", zh: "提交审核", picture: false },
  {
    name: "submission",
    path: "/submissions",
    en: "Submissions",
    zh: "提交审核",
    act: async (page) => {
      await page
        .getByText(/^nearby~/)
        .first()
        .click();
      await page
        .getByRole("dialog")
        .getByRole("heading", { name: /^(History|历史)$/ })
        .waitFor();
    },
  },
  { name: "probes", path: "/probes", en: "Probe tasks", zh: "探测任务", picture: false },
  { name: "new-probe", path: "/probes?new=1", en: "Probe tasks", zh: "探测任务", picture: false },
  { name: "models", path: "/models", en: "Models", zh: "模型" },
  { name: "new-model", path: "/models/new", en: "Models", zh: "模型" },
  {
    name: "explain",
    path: "/models?of=providers&explain=gpt-5",
    en: "Models",
    zh: "模型",
    act: (page) => page.getByRole("dialog").getByText("backup").first().waitFor(),
  },
  {
    name: "sticky-session",
    path: `/models?do=session&session=${SESSION}`,
    en: "Models",
    zh: "模型",
    act: (page) =>
      page
        .getByRole("dialog")
        .getByRole("button", { name: /^(Unbind|解除绑定)$/ })
        .waitFor(),
  },
  { name: "keys", path: "/keys", en: "Keys", zh: "密钥（令牌）" },
  { name: "new-key", path: "/keys?new=1", en: "Keys", zh: "密钥（令牌）" },
  { name: "limits", path: "/limits", en: "Limits", zh: "限额" },
  { name: "new-limit", path: "/limits?new=1", en: "Limits", zh: "限额", picture: false },
  { name: "credits", path: "/credits", en: "Credits", zh: "额度" },
  { name: "account", path: "/credits/search", en: "Credits", zh: "额度", picture: false },
  { name: "prices", path: "/credits?view=prices", en: "Credits", zh: "额度", picture: false },
  { name: "guards", path: "/guards", en: "Content rules", zh: "内容规则", picture: false },
  {
    name: "new-guard",
    path: "/guards?do=rule",
    en: "Content rules",
    zh: "内容规则",
    act: async (page) => {
      await page.getByLabel(/^(Name|名称)$/).fill("private-data");
      for (const name of [/^(mail addresses|邮箱地址)$/, /^(keys and tokens|服务密钥与令牌)/])
        await page.getByLabel(name).check();
      await page.locator("label", { hasText: /^(mask|遮盖)$/ }).click();
      await page.getByRole("button", { name: /^(Try it|试用)$/ }).click();
      await page.locator("mark").first().waitFor();
    },
  },
  { name: "tools", path: "/tools", en: "Tools (MCP)", zh: "工具（MCP）", picture: false },
  { name: "new-server", path: "/tools/new", en: "Tools (MCP)", zh: "工具（MCP）", picture: false },
  {
    name: "server",
    path: "/tools/modern",
    en: "Tools (MCP)",
    zh: "工具（MCP）",
    act: (page) => page.getByRole("dialog").getByText("Echo: Says it again.").waitFor(),
  },
  { name: "sets", path: "/tools?of=sets", en: "Tools (MCP)", zh: "工具（MCP）" },
  { name: "new-set", path: "/tools/new?of=sets", en: "Tools (MCP)", zh: "工具（MCP）", picture: false },
  { name: "calls", path: "/tools?of=calls", en: "Tools (MCP)", zh: "工具（MCP）" },
  { name: "bridge", path: "/bridge", en: "Bridge", zh: "Bridge 代理", act: openAgents },
  { name: "new-agent", path: "/bridge?new=1", en: "Bridge", zh: "Bridge 代理", picture: false },
  {
    name: "agent",
    path: "/bridge",
    en: "Bridge",
    zh: "Bridge 代理",
    act: (page, ctx) => openAgent(page, ctx, "try", /^(Call|调用)$/),
  },
  {
    name: "agent-tools",
    path: "/bridge",
    en: "Bridge",
    zh: "Bridge 代理",
    picture: false,
    act: (page, ctx) => openAgent(page, ctx, "tools", /^(Accept|接受)$/),
  },
  { name: "users", path: "/users", en: "Users", zh: "用户" },
  { name: "registration", path: "/users?of=registration", en: "Users", zh: "用户" },
  { name: "roles", path: "/roles", en: "Roles", zh: "角色", picture: false },
  { name: "role", path: "/roles/pricing", en: "Roles", zh: "角色" },
  { name: "teams", path: "/teams", en: "Teams", zh: "团队", picture: false },
  {
    name: "team",
    path: "/teams",
    en: "Teams",
    zh: "团队",
    act: async (page) => {
      await page.getByText("Search", { exact: true }).first().click();
      await page.getByRole("dialog").getByText("Crawler").waitFor();
    },
  },
  { name: "identity", path: "/identity", en: "Sign-in & directories", zh: "登录与目录", picture: false },
  { name: "new-identity", path: "/identity/new", en: "Sign-in & directories", zh: "登录与目录", picture: false },
  {
    name: "directories",
    path: "/identity?of=directories",
    en: "Sign-in & directories",
    zh: "登录与目录",
  },
  {
    name: "new-directory",
    path: "/identity/new?of=directories",
    en: "Sign-in & directories",
    zh: "登录与目录",
    picture: false,
  },
  { name: "audit", path: "/audit", en: "Audit log", zh: "审计日志" },
  { name: "settings", path: "/settings", en: "System", zh: "系统" },
  { name: "backups", path: "/settings?of=backups", en: "System", zh: "系统", picture: false },
  { name: "exports", path: "/settings?of=exports", en: "System", zh: "系统", picture: false },
];

/** The agents of the key that has one. */
async function openAgents(page, { toolKey }) {
  await page.goto(`${new URL(page.url()).origin}/console/bridge?key=${toolKey.id}`);
  await page.getByText("ada-laptop").first().waitFor();
}

/** A view of the agent of `withTools`, until there is a button of this name. A page that watches an agent never has no request. */
async function openAgent(page, { toolKey }, view, button) {
  await page.goto(`${new URL(page.url()).origin}/console/bridge/ada-laptop?key=${toolKey.id}&view=${view}`);
  await page.getByRole("dialog").getByRole("button", { name: button }).first().waitFor();
}

/** Opens a page as who it is for. */
export function openAs(ctx, { path, as }, options) {
  if (as) return ctx.openAs(as, path, options);
  return ctx.open(path, as === null ? { ...options, signedIn: false } : options);
}

// What permissions allow, in Chinese; in English the API says it. One that is not here is shown as the API says it.

import { usePreferences } from "../lib/preferences.ts";
import type { PermissionCode } from "../api/schema.d.ts";

const ZH: Partial<Record<PermissionCode, string>> = {
  admin_view_providers: "查看提供商、其预设与设置（不含密钥）",
  manage_providers: "创建、修改和删除提供商",
  manage_own_providers: "创建、修改、共享、测试、暂停和删除自己的私有提供商",
  submit_shared_provider: "将自己的私有提供商提交审核，以及撤回",
  review_shared_provider: "审核提交的提供商：查看全部提交、运行检查、通过或拒绝",
  operate_providers: "暂停、恢复和测试提供商，结束粘滞会话",
  view_provider_health: "查看提供商的健康状况与探测结果",
  manage_provider_keys: "查看（已遮盖）和修改提供商的上游密钥",
  view_models: "查看模型与逻辑模型",
  manage_models: "创建、修改和删除模型与逻辑模型",
  manage_configuration: "以文件导出和导入提供商、模型与逻辑模型",
  view_routing_decisions: "查看请求将如何路由，以及会话绑定在哪里",
  view_all_api_keys: "查看所有 API 密钥（不含明文）",
  manage_all_api_keys: "创建、修改、轮换和删除所有人的 API 密钥",
  manage_own_api_keys: "查看、创建、修改、轮换和删除自己的 API 密钥",
  view_limits: "查看限额及其余量",
  view_own_limits: "查看自己的限额及其余量",
  manage_limits: "设置和移除限额",
  view_prices: "查看价格",
  manage_prices: "设置和移除价格",
  view_all_statistics: "查看所有请求的统计",
  view_own_statistics: "查看自己请求的统计",
  view_all_requests: "查看所有密钥的请求日志",
  view_own_requests: "查看自己密钥的请求日志",
  view_all_conversations: "阅读所有密钥的会话",
  view_own_conversations: "阅读自己密钥的会话",
  manage_all_conversations: "删除所有密钥的会话",
  manage_own_conversations: "删除自己密钥的会话",
  view_all_credits: "查看所有额度账户及其流水",
  view_own_credits: "查看自己的额度账户及其流水",
  manage_credits: "为账户充值、授予额度、签发额度令牌",
  view_users: "查看用户及其角色",
  manage_users: "创建用户、设置角色与密码、终止账户",
  manage_registration: "查看和修改谁可以注册，以及发出邀请",
  manage_identity_providers: "查看、添加、修改和移除登录服务",
  manage_user_permissions: "查看权限与角色；创建、修改和删除角色；直接授予用户权限",
  view_teams: "查看所有团队及其成员",
  view_own_teams: "查看自己所在的团队及其成员",
  manage_teams: "创建、修改和删除团队，决定其成员",
  manage_own_teams: "修改自己拥有的团队，决定其成员",
  view_alerts: "查看告警及其规则",
  manage_alerts: "创建、修改、静默和删除告警规则，确认告警",
  manage_webhooks: "查看、创建、修改、测试和删除 Webhook，重放投递",
  view_guards: "查看内容规则与守卫",
  manage_guards: "创建、修改、测试和删除内容规则与守卫",
  manage_tools: "查看、创建、修改、测试和删除工具服务器，并接受其工具",
  manage_notifications: "向用户发送通知，以及撤回",
  view_system_status: "查看部署的状态",
  view_audit: "读取和校验审计日志",
  manage_system: "清除缓存，重放或删除死信",
  rotate_system_secret_key: "用当前主密钥重新密封所有机密",
  export_all_data: "将所有密钥的请求日志与会话导出为文件",
  manage_backups: "创建、下载、上传、恢复和删除备份",
};

/** What a permission allows, where the language of the person has words for it. */
export function usePermissionNames(): (code: string) => string | undefined {
  const isChinese = usePreferences().language === "zh";
  return (code) => (isChinese ? ZH[code as PermissionCode] : undefined);
}

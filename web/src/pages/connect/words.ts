// The words of connecting a client.

import { words } from "../../i18n/t.ts";

export const useWords = words(
  {
    title: "Connect a client",
    intro: "Programs need three things: an address, a key and a model.",
    address: "Address",
    key: "Key",
    keyHint: "The key itself is shown once, when it is made. Here it stands for $NEXUS_API_KEY.",
    noKey: "There is no key yet.",
    makeKey: "Make a key",
    setKey: "Put the key into the environment once",
    yourKey: "your key",
    model: "Model",
    shell: "Shell",
    client: "Program",
    noModels: "This key is offered no model. Add a provider, or use demo/echo.",
    waiting: (key: string) => `Waiting for a request with “${key}”…`,
    arrived: "A request has arrived.",
    open: "Open it",
    fieldsHint: "In the settings of its model services, add a service that is compatible with OpenAI:",
  },
  {
    title: "接入客户端",
    intro: "程序需要三样东西：地址、密钥和模型。",
    address: "地址",
    key: "密钥",
    keyHint: "密钥本身只在创建时显示一次，此处以 $NEXUS_API_KEY 代替。",
    noKey: "还没有密钥。",
    makeKey: "创建密钥",
    setKey: "先将密钥放入环境变量",
    yourKey: "您的密钥",
    model: "模型",
    shell: "终端",
    client: "程序",
    noModels: "此密钥没有可用模型。请添加提供商，或使用 demo/echo。",
    waiting: (key: string) => `正在等待“${key}”的请求…`,
    arrived: "已收到请求。",
    open: "查看",
    fieldsHint: "在其模型服务设置中，添加一个兼容 OpenAI 的服务：",
  },
);

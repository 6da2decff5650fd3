// Reads and writes of KV; called by src/platform/kv.rs.

export function nexus_kv_get(env, name) {
  return env.KV.get(name);
}

export function nexus_kv_put(env, name, value, expirationTtl) {
  return env.KV.put(name, value, { expirationTtl });
}

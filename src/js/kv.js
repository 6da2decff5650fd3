// Reads of KV; called by src/platform/kv.rs.

export function nexus_kv_get(env, name) {
  return env.KV.get(name);
}

// Compression by the platform; called by src/platform/gzip.rs.

export async function nexus_gzip(bytes) {
  const compressed = new Response(bytes).body.pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(compressed).arrayBuffer());
}

/** The bytes of one gzip member; `null` as soon as they are more than `limit`. */
export async function nexus_gunzip(bytes, limit) {
  const chunks = [];
  let length = 0;
  for await (const chunk of new Response(bytes).body.pipeThrough(new DecompressionStream("gzip"))) {
    length += chunk.byteLength;
    if (length > limit) return null;
    chunks.push(chunk);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}

// A connection that stands between an agent and a gateway: encrypted, or to a gateway that is replaced by another one.
import net from "node:net";
import tls from "node:tls";

/**
 * Listens on a port of this machine and passes bytes on to `target`, the address of a gateway, which may be changed. `certificate` is the
 * key and the certificate of a server that speaks TLS.
 */
export async function startRelay({ target, certificate } = {}) {
  const relay = { target, open: 0 };
  const sockets = new Set();
  const pass = (socket) => {
    relay.open += 1;
    sockets.add(socket);
    const { hostname, port } = new URL(relay.target);
    const through = net.connect(Number(port), hostname);
    for (const [one, other] of [
      [socket, through],
      [through, socket],
    ]) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
      one.pipe(other);
    }
    socket.on("close", () => sockets.delete(socket));
  };
  const server = certificate ? tls.createServer(certificate, pass) : net.createServer(pass);
  // A client that does not trust the certificate leaves.
  server.on("tlsClientError", () => {});
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const scheme = certificate ? "https" : "http";
  relay.url = `${scheme}://localhost:${server.address().port}`;
  relay.stop = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return relay;
}

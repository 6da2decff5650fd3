// Starts a gateway that has the embedded provider alone, for contract.py: an upstream of the tests would not expect what it
// sends. Otherwise as serve.mjs.
import { startGateway } from "../../support/gateway.mjs";

const gw = await startGateway();
const { key } = await gw.createKey({ name: "contract" });
console.log(JSON.stringify({ base_url: `${gw.url}/v1`, api_key: key, admin_token: gw.adminToken, upstream_url: null }));

process.stdin.resume();
process.stdin.once("end", async () => {
  await gw.stop();
  process.exit(0);
});

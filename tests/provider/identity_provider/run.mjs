// A real OpenID Connect provider for tests, on this machine, at a port the system gives: it says which, in one line of
// JSON. Four clients that differ in what their ID tokens are signed with, and one more that is somebody else's.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { once } from "node:events";

console.info = console.warn = () => {}; // it warns of what is made for development, which this is
const { Provider } = await import("oidc-provider");

const { redirect, secret } = JSON.parse(process.argv[2]);
const key = (kind, kid, options, more) => ({
  ...generateKeyPairSync(kind, options).privateKey.export({ format: "jwk" }), use: "sig", kid, ...more,
});
const keys = [
  key("ec", "ec", { namedCurve: "P-256" }, { alg: "ES256" }),
  key("rsa", "rs", { modulusLength: 2048 }, { alg: "RS256" }),
  key("rsa", "ps", { modulusLength: 2048 }, { alg: "PS256" }),
  key("ed25519", "ed", {}, { alg: "EdDSA" }),
];
const client = (name, algorithm, way) => ({
  client_id: name, client_secret: secret, redirect_uris: [redirect], response_types: ["code"],
  grant_types: ["authorization_code"], id_token_signed_response_alg: algorithm, token_endpoint_auth_method: way,
});

const server = createServer();
server.listen(0, "127.0.0.1");
await once(server, "listening");
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [
    client("guitu-ES256", "ES256", "client_secret_basic"),
    client("guitu-RS256", "RS256", "client_secret_basic"),
    client("guitu-PS256", "PS256", "client_secret_basic"),
    client("guitu-EdDSA", "EdDSA", "client_secret_basic"),
    client("others", "ES256", "client_secret_basic"),
  ],
  cookies: { keys: ["of this run"] },
  enabledJWA: { idTokenSigningAlgValues: ["ES256", "RS256", "PS256", "EdDSA"] },
  features: { devInteractions: { enabled: true } },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  jwks: { keys },
});
server.on("request", provider.callback());
process.stdout.write(`${JSON.stringify({ issuer })}\n`);
process.stdin.resume().on("end", () => process.exit(0)); // whoever started it is gone

// An OpenID provider: `node provider.mjs PORT KEY…`. Keys are files, made where they are not there; the first one signs.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { basename } from 'node:path';
import Provider from 'oidc-provider';

const [port, ...files] = process.argv.slice(2);

const key = (file) => {
  if (!existsSync(file)) {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const jwk = { ...privateKey.export({ format: 'jwk' }), kid: basename(file), use: 'sig', alg: 'RS256' };
    writeFileSync(file, JSON.stringify(jwk), { mode: 0o600 });
  }
  return JSON.parse(readFileSync(file, 'utf8'));
};

const api = {
  audience: 'https://api.securitycenter.microsoft.com',
  scope: 'Software.Read.All Machine.Read.All',
  accessTokenFormat: 'jwt',
  accessTokenTTL: 600,
  jwt: { sign: { alg: 'RS256' } },
};

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: 'siem',
      client_secret: 'a-secret-of-the-test',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
  ],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'https://api.securitycenter.microsoft.com',
      getResourceServerInfo: () => api,
    },
  },
  jwks: { keys: files.map(key) },
});

provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));

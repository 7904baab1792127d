// An OpenID provider for tests, on npm `oidc-provider`. It reads one JSON document from CUBEGATE_PROVIDER:
//
//   port       where to listen, on loopback
//   client     {id, secret, redirectUris, postLogoutRedirectUris, backChannelLogoutUri}
//   report     {id, secret, roles} of a client that comes by itself
//   accessTokenSeconds  how long access tokens live; 300 when left out
//   users      {name: {password, email, roles: [...]}}
//   literal    name of the literal claim that carries the roles under the scope `email`
//   audience   audience of JWT access tokens, which are issued when the client asks for the resource `api`
//   api        URL of that resource
//   foreignApi URL of a resource of somebody else, with an audience of its own
//
// Beside the protocol it has `POST /test/roles`: {user, roles}, from now on; and `POST /test/sign`: {header, claims, key: "own" | "foreign" | "none"} → a JWT.
// With "own" it is signed as the provider signs; that is how a test gets tokens that are wrong in one thing only.
// A `kid` of "own" in the header stands for that of the provider's key, which is new at each start.
import { createHash, randomUUID } from 'node:crypto';
import { Provider } from 'oidc-provider';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';

const settings = JSON.parse(process.env.CUBEGATE_PROVIDER);
const issuer = `http://127.0.0.1:${settings.port}`;
const { client, users } = settings;

const own = await generateKeyPair('RS256', { extractable: true });
const foreign = await generateKeyPair('RS256', { extractable: true });
const ownJwk = { ...(await exportJWK(own.privateKey)), alg: 'RS256', use: 'sig', kid: randomUUID() };

const claimsOf = (name) => {
  const { email, roles } = users[name];
  return {
    sub: createHash('sha256').update(name).digest('hex').slice(0, 16),
    preferred_username: name,
    email,
    email_verified: true,
    resource_access: { [client.id]: { roles } },
    [settings.literal]: roles,
  };
};
const nameOf = (accountId) => Object.keys(users).find((name) => claimsOf(name).sub === accountId);

const scopes = 'openid profile email roles';
const resources = {
  [settings.api]: { scope: scopes, audience: settings.audience, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } },
  [settings.foreignApi]: { scope: scopes, audience: 'somebody-else', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } },
};

const provider = new Provider(issuer, {
  jwks: { keys: [ownJwk] },
  cookies: { keys: ['cookies of a test'] },
  clients: [
    {
      client_id: client.id,
      client_secret: client.secret,
      grant_types: ['authorization_code', 'refresh_token', 'password'],
      response_types: ['code'],
      redirect_uris: client.redirectUris,
      post_logout_redirect_uris: client.postLogoutRedirectUris,
      backchannel_logout_uri: client.backChannelLogoutUri,
      backchannel_logout_session_required: true,
    },
    {
      client_id: settings.report.id,
      client_secret: settings.report.secret,
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
    },
  ],
  findAccount: (_ctx, id) => {
    const name = nameOf(id);
    return name && { accountId: id, claims: () => claimsOf(name) };
  },
  scopes: scopes.split(' '),
  claims: {
    openid: ['sub'],
    profile: ['preferred_username'],
    email: ['email', 'email_verified', settings.literal],
    roles: ['resource_access'],
  },
  pkce: { required: () => true },
  // The library does not speak to private addresses; here everybody is on loopback.
  fetch: (url, { dispatcher: _guarded, ...options }) => globalThis.fetch(url, options),
  issueRefreshToken: async (_ctx, { grantTypes }) => grantTypes.includes('refresh_token'),
  rotateRefreshToken: true,
  ttl: { RefreshToken: 3600, AccessToken: settings.accessTokenSeconds ?? 300, AuthorizationCode: 60, Grant: 3600, IdToken: 300, Interaction: 600, Session: 3600 },
  // A JWT access token must say by itself what userinfo says of an opaque one.
  extraTokenClaims: (_ctx, token) => {
    if (token.kind === 'ClientCredentials') {
      return { preferred_username: token.clientId, resource_access: { [client.id]: { roles: settings.report.roles } } };
    }
    const name = token.resourceServer && nameOf(token.accountId);
    if (!name) return undefined;
    const { sub: _sub, ...claims } = claimsOf(name);
    return claims;
  },
  features: {
    devInteractions: { enabled: true },
    introspection: { enabled: settings.introspection ?? true },
    clientCredentials: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    backchannelLogout: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, resource) => {
        const found = resources[resource];
        if (!found) throw new Error(`no such resource: ${resource}`);
        return found;
      },
    },
  },
});

// The resource-owner password grant, which the library leaves to its users.
provider.registerGrantType(
  'password',
  async (ctx) => {
    const { username, password, scope, resource } = ctx.oidc.params;
    if (!password || users[username]?.password !== password) {
      ctx.status = 400;
      ctx.body = { error: 'invalid_grant', error_description: 'wrong user name or password' };
      return;
    }
    const accountId = claimsOf(username).sub;
    const asked = [...new Set((scope ?? 'openid').split(' '))].filter((name) => scopes.split(' ').includes(name)).join(' ');
    const grant = new provider.Grant({ accountId, clientId: ctx.oidc.client.clientId });
    grant.addOIDCScope(asked);
    const token = new provider.AccessToken({ accountId, client: ctx.oidc.client, gty: 'password', scope: asked });
    if (resource) {
      grant.addResourceScope(resource, asked);
      token.resourceServer = new provider.ResourceServer(resource, resources[resource]);
    }
    token.grantId = await grant.save();
    ctx.oidc.entity('AccessToken', token);
    ctx.body = { access_token: await token.save(), expires_in: token.expiration, token_type: token.tokenType, scope: asked };
  },
  ['username', 'password', 'scope', 'resource'],
  [],
);

const bodyOf = async (request) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

provider.use(async (ctx, next) => {
  if (ctx.method === 'POST' && ctx.path === '/test/sign') {
    const { header, claims, key } = JSON.parse(await bodyOf(ctx.req));
    if (header.kid === 'own') header.kid = ownJwk.kid;
    if (key === 'none') {
      const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
      ctx.body = `${part(header)}.${part(claims)}.`;
      return;
    }
    const signer = new SignJWT(claims).setProtectedHeader(header);
    ctx.body = await signer.sign((key === 'own' ? own : foreign).privateKey);
    return;
  }
  if (ctx.method === 'POST' && ctx.path === '/test/roles') {
    const { user, roles } = JSON.parse(await bodyOf(ctx.req));
    users[user].roles = roles;
    ctx.body = '';
    return;
  }
  // The library's own login form takes any password and makes the login the account's id: check the one, translate the other.
  if (ctx.method === 'POST' && /^\/interaction\/[^/]+$/.test(ctx.path)) {
    const form = new URLSearchParams(await bodyOf(ctx.req));
    if (form.get('prompt') === 'login') {
      const name = form.get('login');
      if (!form.get('password') || users[name]?.password !== form.get('password')) {
        ctx.status = 401;
        ctx.body = 'wrong user name or password';
        return;
      }
      form.set('login', claimsOf(name).sub);
    }
    ctx.req.body = form.toString();
  }
  await next();
});

for (const event of ['server_error', 'authorization.error', 'grant.error', 'userinfo.error', 'introspection.error', 'end_session.error', 'backchannel.error'])
  provider.on(event, (_ctx, error) => console.error(event, error?.message, error?.error_description ?? '', error?.error_detail ?? ''));
provider.listen(settings.port, '127.0.0.1', () => console.log(`ready ${issuer}`));

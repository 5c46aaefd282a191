// Every module that the official client can send with a bind, as an option of ngrok.forward(): what a visitor and the
// application get of it, let through and refused; and the modules that the edge does not have.
'use strict';
const assert = require('node:assert/strict');
const zlib = require('node:zlib');
const h = require('./harness.js');

/** A TCP application that keeps what each connection sent, and ends it when the visitor has. */
async function bytesApplication(cleanup, greeting = '') {
    const app = { connections: 0, seen: '' };
    const server = h.net.createServer({ allowHalfOpen: true }, (socket) => {
        app.connections += 1;
        socket.on('error', () => {});
        socket.on('data', (data) => { app.seen += data.toString('latin1'); });
        socket.on('end', () => socket.end(greeting));
    });
    cleanup(() => server.close());
    app.port = await h.listening(server);
    return app;
}

/** All that a TCP or TLS visitor gets until the end; a reset counts as an end. */
async function exchange(visitor, text) {
    const chunks = [];
    visitor.on('data', (chunk) => chunks.push(chunk));
    visitor.on('error', () => {});
    const closed = new Promise((resolve) => visitor.on('close', resolve));
    visitor.end(text);
    await closed;
    return Buffer.concat(chunks).toString('latin1');
}

const tcpVisitor = (listener) => h.net.connect({ port: Number(new URL(listener.url()).port), host: '127.0.0.1',
    allowHalfOpen: true });
const tlsVisitor = (edge, servername) => h.tls.connect({ port: edge.httpsPort, host: '127.0.0.1', servername,
    rejectUnauthorized: false });

const basic = (text) => ({ headers: { authorization: 'Basic ' + Buffer.from(text).toString('base64') } });
const json = (answer) => JSON.parse(answer.body);
const check = h.checkAnswer;

h.scenario('module basic_auth', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    const app = await h.application(cleanup);
    const url = (await h.forward(cleanup, edge, app.port, { basic_auth: ['ann:password-1', 'bob:pass:word:2'] })).url();
    for (const options of [{}, basic('ann:password-2'), basic('eve:password-1'), basic('ann'),
        { headers: { authorization: 'Bearer password-1' } }]) {
        const answer = await h.visit(edge, url, options);
        assert.equal(answer.status, 401);
        assert.match(answer.headers['www-authenticate'], /^Basic realm=/);
    }
    assert.equal(app.requests, 0);
    check(await h.visit(edge, url, basic('ann:password-1')), 200);
    check(await h.visit(edge, url, basic('bob:pass:word:2')), 200);
    assert.equal(app.requests, 2);
});

h.scenario('module basic_auth: what is refused at the bind', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    await h.refused(edge, { basic_auth: 'ann:short' }, /ERR_NGROK_360/, /8/);
    await h.refused(edge, { basic_auth: 'a'.repeat(129) + ':password-1' }, /ERR_NGROK_359/);
});

h.scenario('module ip_restriction of http', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    const app = await h.application(cleanup);
    const allowed = await h.forward(cleanup, edge, app.port, { ip_restriction_allow_cidrs: ['127.0.0.0/8', '2001:db8::/32'] });
    check(await h.visit(edge, allowed.url()), 200);
    const others = await h.forward(cleanup, edge, app.port, { ip_restriction_allow_cidrs: ['10.0.0.0/8'] });
    check(await h.visit(edge, others.url()), 403, 3203);
    const denied = await h.forward(cleanup, edge, app.port,
        { ip_restriction_allow_cidrs: ['0.0.0.0/0'], ip_restriction_deny_cidrs: ['127.0.0.1/32'] });
    check(await h.visit(edge, denied.url()), 403, 3203);
    check(await h.visit(edge, denied.url(), { headers: { 'x-forwarded-for': '8.8.8.8' } }), 403, 3203);
    assert.equal(app.requests, 1);
});

h.scenario('module ip_restriction of tcp and tls', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    const app = await bytesApplication(cleanup, 'bye');
    const nobody = { ip_restriction_allow_cidrs: '0.0.0.0/0', ip_restriction_deny_cidrs: '127.0.0.0/8' };
    const somebody = { ip_restriction_allow_cidrs: '127.0.0.1/32' };
    const closed = await h.forward(cleanup, edge, app.port, { proto: 'tcp', ...nobody });
    assert.equal(await exchange(tcpVisitor(closed), 'hello'), '');
    await h.forward(cleanup, edge, app.port, { proto: 'tls', domain: 'closed.localhost', ...nobody });
    assert.equal(await exchange(tlsVisitor(edge, 'closed.localhost'), 'hello'), '');
    assert.equal(app.connections, 0);
    const open = await h.forward(cleanup, edge, app.port, { proto: 'tcp', ...somebody });
    assert.equal(await exchange(tcpVisitor(open), 'hello'), 'bye');
    assert.equal(app.seen, 'hello');
});

h.scenario('module ip_restriction: what is refused at the bind', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    await h.refused(edge, { ip_restriction_allow_cidrs: '10.0.0.0/33' }, /ERR_NGROK_362/, /10\.0\.0\.0\/33/);
    await h.refused(edge, { ip_restriction_deny_cidrs: '10.0.0.0/8' }, /ERR_NGROK_393/, /allow 0\.0\.0\.0\/0/);
});

h.scenario('module circuit_breaker', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    const app = await h.application(cleanup, (request, response) => {
        response.statusCode = request.url === '/bad' ? 500 : 200;
        response.end(request.url);
    });
    const listener = await h.forward(cleanup, edge, app.port, { circuit_breaker: 0.5 });
    for (let i = 0; i < 30; ++i) check(await h.visit(edge, listener.url() + '/good'), 200);
    assert.equal(app.requests, 30);
    let opened;
    for (let i = 0; i < 100 && !opened; ++i) {
        const answer = await h.visit(edge, listener.url() + '/bad');
        if (answer.status === 503) opened = answer;
        else check(answer, 500);
    }
    check(opened, 503, 3202);
    const before = app.requests;
    assert.ok(before > 45, 'opened below its threshold, after ' + before);
    check(await h.visit(edge, listener.url() + '/good'), 503, 3202);
    assert.equal(app.requests, before);
    await h.refused(edge, { circuit_breaker: 1.5 }, /ERR_NGROK_9026/, /error 2215/);
});

h.scenario('module compression', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    const text = 'All work and no play makes Jack a dull boy. '.repeat(5000);
    const app = await h.application(cleanup, (request, response) => {
        const kind = { '/text': 'text/plain', '/picture': 'image/png' }[request.url];
        response.writeHead(200, { 'content-type': kind, 'content-length': text.length });
        response.end(text);
    });
    const listener = await h.forward(cleanup, edge, app.port, { compression: true });
    const url = listener.url();
    for (const [accepted, decode] of [['gzip', zlib.gunzipSync], ['br', zlib.brotliDecompressSync],
        ['deflate', zlib.inflateSync]]) {
        const answer = await h.visit(edge, url + '/text', { headers: { 'accept-encoding': accepted } });
        check(answer, 200);
        assert.equal(answer.headers['content-encoding'], accepted);
        assert.match(answer.headers.vary, /accept-encoding/i);
        assert.ok(answer.body.length < text.length / 20);
        assert.equal(decode(answer.body).toString(), text);
    }
    for (const [path, accepted] of [['/text', 'identity'], ['/text', undefined], ['/picture', 'gzip']]) {
        const headers = accepted ? { 'accept-encoding': accepted } : {};
        const answer = await h.visit(edge, url + path, { headers });
        assert.equal(answer.headers['content-encoding'], undefined);
        assert.equal(answer.headers['content-length'], String(text.length));
        assert.equal(answer.body.toString(), text);
    }
});

h.scenario('module request_header', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    const app = await h.application(cleanup);
    const listener = await h.forward(cleanup, edge, app.port,
        { request_header_add: ['X-Team: blue:green', 'x-literal:${req.method}'], request_header_remove: ['X-Secret', 'x-team'] });
    const sent = { 'x-secret': 'mine', 'X-Team': 'forged', 'x-kept': 'yes' };
    const answer = await h.visit(edge, listener.url(), { headers: sent });
    check(answer, 200);
    const { headers } = json(answer);
    assert.equal(headers['x-team'], 'blue:green');
    assert.equal(headers['x-literal'], '${req.method}');
    assert.equal(headers['x-secret'], undefined);
    assert.equal(headers['x-kept'], 'yes');
});

h.scenario('module request_header: another Host for the application', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    const app = await h.application(cleanup);
    const listener = await h.forward(cleanup, edge, app.port, { request_header_add: 'host:app.intern:8080' });
    const answer = await h.visit(edge, listener.url());
    check(answer, 200);
    const { headers } = json(answer);
    assert.equal(headers.host, 'app.intern:8080');
    assert.equal(headers['x-forwarded-host'], new URL(listener.url()).host);
});

h.scenario('module request_header: what frames a request is refused', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    await h.refused(edge, { request_header_add: 'transfer-encoding:chunked' }, /ERR_NGROK_9026/, /transfer-encoding/);
    await h.refused(edge, { request_header_remove: 'content-length' }, /ERR_NGROK_9026/, /content-length/);
});

h.scenario('module response_header', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    const app = await h.application(cleanup, (request, response) => {
        response.writeHead(200, { 'x-powered-by': 'secrets', 'x-kept': 'yes' });
        response.end('hi');
    });
    const listener = await h.forward(cleanup, edge, app.port, { response_header_remove: 'X-Powered-By',
        response_header_add: ['strict-transport-security: max-age=1', 'X-Colour:blue'] });
    const answer = await h.visit(edge, listener.url());
    check(answer, 200);
    assert.equal(answer.headers['strict-transport-security'], 'max-age=1');
    assert.equal(answer.headers['x-colour'], 'blue');
    assert.equal(answer.headers['x-powered-by'], undefined);
    assert.equal(answer.headers['x-kept'], 'yes');
    assert.equal(answer.body.toString(), 'hi');
});

h.scenario('module user_agent_filter', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    const app = await h.application(cleanup);
    const listener = await h.forward(cleanup, edge, app.port,
        { allow_user_agent: ['^good/(\\d)+'], deny_user_agent: ['bot', '^curl/'] });
    const as = (name) => h.visit(edge, listener.url(), { headers: { 'user-agent': name } });
    check(await as('evil bot'), 403, 3211);
    check(await as('curl/8.0'), 403, 3211);
    assert.equal(app.requests, 0);
    check(await as('good/1 bot'), 200);
    await h.refused(edge, { deny_user_agent: 'a(' }, /ERR_NGROK_9026/, /error 2090/);
});

h.scenario('module user_agent_filter: nobody is denied, but who says nothing', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    const app = await h.application(cleanup);
    const listener = await h.forward(cleanup, edge, app.port, { allow_user_agent: '^good/' });
    check(await h.visit(edge, listener.url(), { headers: { 'user-agent': 'good/1' } }), 200);
    check(await h.visit(edge, listener.url(), { headers: { 'user-agent': 'other/1' } }), 200);
    check(await h.visit(edge, listener.url()), 403, 3211);
});

const hmac = (secret, text) => h.crypto.createHmac('sha256', secret).update(text).digest('hex');

h.scenario('module verify_webhook: GitHub', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    const app = await h.application(cleanup);
    const listener = await h.forward(cleanup, edge, app.port,
        { verify_webhook_provider: 'github', verify_webhook_secret: 'a secret' });
    const body = JSON.stringify({ action: 'opened', text: 'ü'.repeat(50000) });
    const post = (signature, text = body) => h.visit(edge, listener.url() + '/hook', { method: 'POST', body: text,
        headers: signature ? { 'x-hub-signature-256': signature } : {} });
    check(await post(), 403, 3204);
    check(await post('sha256=' + hmac('another', body)), 403, 3204);
    check(await post('sha256=' + hmac('a secret', body), body + ' '), 403, 3204);
    assert.equal(app.requests, 0);
    const answer = await post('sha256=' + hmac('a secret', body));
    check(answer, 200);
    assert.equal(json(answer).body, body);
});

h.scenario('module verify_webhook: Slack, with its time', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    const app = await h.application(cleanup);
    const listener = await h.forward(cleanup, edge, app.port,
        { verify_webhook_provider: 'slack', verify_webhook_secret: 'a secret' });
    const body = 'token=x&command=%2Fdeploy';
    const post = (seconds, secret = 'a secret') => h.visit(edge, listener.url(), { method: 'POST', body,
        headers: { 'x-slack-request-timestamp': String(seconds), 'content-type': 'application/x-www-form-urlencoded',
            'x-slack-signature': 'v0=' + hmac(secret, `v0:${seconds}:${body}`) } });
    const now = Math.floor(Date.now() / 1000);
    check(await post(now, 'another'), 403, 3204);
    check(await post(now - 3600), 403, 3204);
    const answer = await post(now);
    check(answer, 200);
    assert.equal(json(answer).body, body);
    assert.equal(app.requests, 1);
});

h.scenario('module verify_webhook: what is refused at the bind', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    for (const provider of ['sns', 'nobody']) {
        await h.refused(edge, { verify_webhook_provider: provider, verify_webhook_secret: 'x' }, /ERR_NGROK_9026/, /error 2203/,
            new RegExp(provider));
    }
});

h.scenario('module mutual_tls_cas', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    const app = await h.application(cleanup);
    const robot = h.makeCertificate('robot.test'), other = h.makeCertificate('other.test');
    const listener = await h.forward(cleanup, edge, app.port, { mutual_tls_cas: [robot.cert.toString()] });
    const as = (certificate) => h.visit(edge, listener.url(), { agent: new h.https.Agent(certificate) });
    await assert.rejects(as({}), /alert number 116/);
    await assert.rejects(as(other), /alert number (42|46|48)/);
    assert.equal(app.requests, 0);
    const answer = await as(robot);
    check(answer, 200);
    assert.equal(json(answer).headers['ngrok-mtls-subject-cn'], 'robot.test');
    await h.refused(edge, { mutual_tls_cas: ['no PEM'] }, /ERR_NGROK_9026/, /error 2203/, /MutualTLSCA/);
});

const v1 = 'PROXY TCP4 127\\.0\\.0\\.1 127\\.0\\.0\\.1 \\d+ \\d+\\r\\n';
const v2 = '\\r\\n\\r\\n\\0\\r\\nQUIT\\n\\x21\\x11\\0\\x0c[^]{12}';

h.scenario('module proxy_proto of tcp and tls', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    for (const [version, header] of [['1', v1], ['2', v2]]) {
        const app = await bytesApplication(cleanup, 'bye');
        const tcp = await h.forward(cleanup, edge, app.port, { proto: 'tcp', proxy_proto: version });
        assert.equal(await exchange(tcpVisitor(tcp), 'hello'), 'bye');
        assert.match(app.seen, new RegExp(`^${header}hello$`));
        const through = await bytesApplication(cleanup);
        const domain = `through${version}.localhost`;
        await h.forward(cleanup, edge, through.port, { proto: 'tls', domain, proxy_proto: version });
        const visitor = tlsVisitor(edge, domain); // whose handshake nobody answers
        visitor.on('error', () => {});
        await h.eventually('the handshake came', async () => through.seen.includes(domain));
        assert.match(through.seen, new RegExp(`^${header}\\x16\\x03`));
        visitor.destroy();
    }
});

h.scenario('module proxy_proto of http: before each stream of requests', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    for (const [version, header] of [['1', v1], ['2', v2]]) {
        const app = { seen: '' };
        const server = h.net.createServer((socket) => socket.on('data', (data) => {
            app.seen += data.toString('latin1');
            if (app.seen.endsWith('\r\n\r\n')) socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi');
        }));
        cleanup(() => server.close());
        const listener = await h.forward(cleanup, edge, await h.listening(server), { proxy_proto: version });
        const answer = await h.visit(edge, listener.url() + '/p');
        check(answer, 200);
        assert.match(app.seen, new RegExp(`^${header}GET /p HTTP/1\\.1\\r\\n`));
    }
});

h.scenario('modules that the edge does not have are refused by name', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    const missing = /ERR_NGROK_9026/;
    await h.refused(edge, { websocket_tcp_converter: true }, missing, /WebsocketTCPConverter/);
    await h.refused(edge, { oauth_provider: 'google' }, missing, /OAuth/);
    await h.refused(edge, { oauth_provider: 'github', oauth_client_id: 'id', oauth_client_secret: 'secret', oauth_scopes: 'repo',
        oauth_allow_domains: 'example.com', oauth_allow_emails: 'a@example.com' }, missing, /OAuth/);
    await h.refused(edge, { oidc_issuer_url: 'https://issuer.test', oidc_client_id: 'id', oidc_client_secret: 'secret' },
        missing, /OIDC/);
    const ca = h.makeCertificate('a.test').cert.toString();
    await h.refused(edge, { proto: 'tls', mutual_tls_cas: [ca] }, missing, /MutualTLSAtEdge/);
    await h.refused(edge, { binding: 'kubernetes' }, /ERR_NGROK_15005/, /kubernetes/);
});

// Traffic policies that come with the official client's binds: as YAML, as JSON, in the old form, and refused ones.
'use strict';
const assert = require('node:assert/strict');
const zlib = require('node:zlib');
const h = require('./harness.js');

const yaml = `
on_http_request:
  - name: nobody from here
    expressions: ["req.url.path.startsWith('/closed')"]
    actions:
      - type: deny
        config: {status_code: 418}
  - expressions: ["req.method == 'DELETE'"]
    actions:
      - type: custom-response
        config: {status_code: 405, body: "\${req.method} is not for you", headers: {allow: GET}}
  - expressions: ["req.url.path == '/old'"]
    actions: [{type: redirect, config: {to: /new, status_code: 308}}]
  - actions:
      - type: add-headers
        config: {headers: {x-from: "\${conn.client_ip}"}}
      - type: url-rewrite
        config: {from: "/v1/(.*)", to: "/v2/$1"}
on_http_response:
  - actions:
      - type: add-headers
        config: {headers: {x-status: "\${res.status_code}"}}
      - type: compress-response
`;
const asJson = JSON.stringify({
    on_http_request: [
        { expressions: ["req.url.path.startsWith('/closed')"], actions: [{ type: 'deny', config: { status_code: 418 } }] },
        { expressions: ["req.method == 'DELETE'"], actions: [{ type: 'custom-response',
            config: { status_code: 405, body: '${req.method} is not for you', headers: { allow: 'GET' } } }] },
        { expressions: ["req.url.path == '/old'"], actions: [{ type: 'redirect', config: { to: '/new', status_code: 308 } }] },
        { actions: [{ type: 'add-headers', config: { headers: { 'x-from': '${conn.client_ip}' } } },
            { type: 'url-rewrite', config: { from: '/v1/(.*)', to: '/v2/$1' } }] }],
    on_http_response: [{ actions: [{ type: 'add-headers', config: { headers: { 'x-status': '${res.status_code}' } } },
        { type: 'compress-response' }] }],
});

for (const [form, text] of [['YAML', yaml], ['JSON', asJson]]) {
    h.scenario('traffic_policy as ' + form, async (cleanup) => {
        const edge = await h.edgeOf(cleanup);
        const long = 'x'.repeat(5000);
        const app = await h.application(cleanup, (request, response, seen) => {
            response.writeHead(201, { 'content-type': 'application/json' });
            response.end(JSON.stringify({ ...seen, long }));
        });
        const url = (await h.forward(cleanup, edge, app.port, { traffic_policy: text })).url();
        h.checkAnswer(await h.visit(edge, url + '/closed/door'), 418);
        const no = await h.visit(edge, url + '/', { method: 'DELETE' });
        h.checkAnswer(no, 405);
        assert.equal(no.body.toString(), 'DELETE is not for you');
        assert.equal(no.headers.allow, 'GET');
        const moved = await h.visit(edge, url + '/old');
        h.checkAnswer(moved, 308);
        assert.equal(new URL(moved.headers.location, url).href, url + '/new');
        assert.equal(app.requests, 0);
        const answer = await h.visit(edge, url + '/v1/users?id=1', { headers: { 'accept-encoding': 'gzip' } });
        assert.equal(answer.status, 201);
        assert.equal(answer.headers['x-status'], '201');
        assert.equal(answer.headers['content-encoding'], 'gzip');
        const seen = JSON.parse(zlib.gunzipSync(answer.body));
        assert.equal(seen.url, '/v2/users?id=1');
        assert.equal(seen.headers['x-from'], '127.0.0.1');
        assert.equal(seen.long, long);
    });
}

h.scenario('traffic_policy of tcp and tls', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    let connections = 0;
    const server = h.net.createServer((socket) => { connections += 1; socket.end('welcome'); });
    cleanup(() => server.close());
    const port = await h.listening(server);
    const close = 'on_tcp_connect: [{expressions: ["conn.client_ip.startsWith(\'127.\')"], actions: [{type: close-connection}]}]';
    const restrict = 'on_tcp_connect: [{actions: [{type: restrict-ips, config: {allow: [127.0.0.0/8]}}]}]';
    const all = async (listener) => {
        const chunks = [];
        const visitor = h.net.connect(Number(new URL(listener.url()).port), '127.0.0.1');
        visitor.on('error', () => {});
        visitor.on('data', (chunk) => chunks.push(chunk));
        await new Promise((resolve) => visitor.on('close', resolve));
        return Buffer.concat(chunks).toString();
    };
    assert.equal(await all(await h.forward(cleanup, edge, port, { proto: 'tcp', traffic_policy: close })), '');
    assert.equal(connections, 0);
    assert.equal(await all(await h.forward(cleanup, edge, port, { proto: 'tcp', traffic_policy: restrict })), 'welcome');
    const ended = 'on_tcp_connect: [{actions: [{type: terminate-tls, config: {min_version: "1.3"}}]}]';
    await h.forward(cleanup, edge, port, { proto: 'tls', domain: 'ended.localhost', traffic_policy: ended });
    const visitor = h.tls.connect({ port: edge.httpsPort, host: '127.0.0.1', servername: 'ended.localhost', ca: edge.ca });
    const [data] = await h.once(visitor, 'data');
    assert.equal(data.toString(), 'welcome');
    assert.equal(visitor.getProtocol(), 'TLSv1.3');
    visitor.destroy();
    const old = h.tls.connect({ port: edge.httpsPort, host: '127.0.0.1', servername: 'ended.localhost', ca: edge.ca,
        maxVersion: 'TLSv1.2' });
    const [error] = await h.once(old, 'error');
    assert.match(error.message, /alert number 70/);
});

h.scenario('traffic_policy: from a public endpoint to an internal one of another session', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    const app = await h.application(cleanup);
    await h.forward(cleanup, edge, app.port, { domain: 'api.internal', binding: 'internal' });
    const front = await h.forward(cleanup, edge, 1, { traffic_policy:
        'on_http_request: [{actions: [{type: forward-internal, config: {url: "https://api.internal"}}]}]' });
    const answer = await h.visit(edge, front.url() + '/through');
    h.checkAnswer(answer, 200);
    assert.equal(JSON.parse(answer.body).url, '/through');
    const direct = await h.visit(edge, `https://api.internal:${edge.httpsPort}/`).catch((error) => error);
    assert.ok(direct instanceof Error || direct.status === 404, 'an internal endpoint is reached from outside');
    assert.equal(app.requests, 1);
});

h.scenario('policy: the old form', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    const app = await h.application(cleanup);
    const policy = JSON.stringify({
        inbound: [{ name: 'no', expressions: ["req.Method == 'PUT'"],
            actions: [{ type: 'deny', config: { status_code: 405 } }] }],
        outbound: [{ expressions: [], name: 'mark',
            actions: [{ type: 'add-headers', config: { headers: { 'x-old': 'yes' } } }] }],
    });
    const url = (await h.forward(cleanup, edge, app.port, { policy })).url();
    h.checkAnswer(await h.visit(edge, url, { method: 'PUT' }), 405);
    assert.equal(app.requests, 0);
    const answer = await h.visit(edge, url);
    h.checkAnswer(answer, 200);
    assert.equal(answer.headers['x-old'], 'yes');
});

h.scenario('traffic_policy: what is refused, and where it is wrong', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    const invalid = /ERR_NGROK_9026/;
    const rule = (action) => `on_http_request:\n  - actions:\n      - ${action}\n`;
    await h.refused(edge, { traffic_policy: '[' }, invalid, /error 2236: line 2, column 1/);
    await h.refused(edge, { traffic_policy: rule('type: make-coffee') }, invalid, /error 2201/, /line 3/, /make-coffee/);
    await h.refused(edge, { traffic_policy: rule('{type: oauth, config: {provider: google}}') }, invalid, /error 2201/, /line 3/,
        /on_http_request\[0\]\.actions\[0\]\.type/, /oauth/);
    await h.refused(edge, { traffic_policy: rule('{type: openid-connect, config: {}}') }, invalid, /error 2201/, /openid-connect/);
    await h.refused(edge, { traffic_policy: JSON.stringify({ on_http_request: [{ actions: [{ type: 'jwt-validation' }] }] }) },
        invalid, /error 2201/, /jwt-validation/);
    await h.refused(edge, { traffic_policy: rule('{type: deny, config: {status_code: many}}') }, invalid, /error 2203/, /status_code/);
    await h.refused(edge, { traffic_policy: rule('{type: verify-webhook, config: {provider: sns, secret: x}}') },
        invalid, /error 2203/, /sns/);
    await h.refused(edge, { traffic_policy: 'on_http_request: [{expressions: ["req.nothing == 1"], actions: [{type: deny}]}]' },
        /expressions\[0\]/, /nothing/);
    await h.refused(edge, { proto: 'tcp', traffic_policy: rule('type: deny') }, /on_http_request/);
});

// Visitors that speak HTTP/2, before an application of the official client.
'use strict';
const assert = require('node:assert/strict');
const http2 = require('node:http2');
const h = require('./harness.js');

/** A connection of a visitor to `url`, by ALPN. */
async function connect(cleanup, edge, url) {
    const at = new URL(url);
    const client = http2.connect(at.origin, { createConnection: () => h.tls.connect({ host: '127.0.0.1', port: edge.httpsPort,
        servername: at.hostname, ca: edge.ca, ALPNProtocols: ['h2'] }) });
    cleanup(() => client.destroy());
    await h.once(client, 'remoteSettings');
    assert.equal(client.alpnProtocol, 'h2');
    return client;
}

/** As visit(): resolves to {status, headers, body, trailers}; rejects if the stream is reset. */
async function request(client, headers, body) {
    const stream = client.request(headers, { endStream: body === undefined });
    const result = { trailers: {} };
    stream.on('response', (got) => { result.status = got[':status']; result.headers = got; });
    stream.on('trailers', (got) => { result.trailers = got; });
    if (body !== undefined) stream.end(body);
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    return { ...result, body: Buffer.concat(chunks) };
}

async function echoed(cleanup, config) {
    const edge = await h.edgeOf(cleanup);
    const server = h.http.createServer((incoming, response) => {
        response.setHeader('x-asked', incoming.method + ' ' + incoming.url);
        response.setHeader('x-headers', JSON.stringify(incoming.headers));
        response.setHeader('trailer', 'x-end');
        response.on('pipe', () => response.flushHeaders());
        incoming.on('end', () => response.addTrailers({ 'x-end': 'yes' }));
        incoming.pipe(response);
    });
    cleanup(() => server.close());
    const listener = await h.forward(cleanup, edge, await h.listening(server), config);
    return { edge, client: await connect(cleanup, edge, listener.url()), url: listener.url() };
}

h.scenario('h2 visitor: bodies and trailers, and what the edge answers itself', async (cleanup) => {
    const { client, url } = await echoed(cleanup);
    const body = h.crypto.randomBytes(3 << 20);
    const answer = await request(client, { ':method': 'PUT', ':path': '/file?a=1', 'x-forwarded-for': '6.6.6.6' }, body);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['x-asked'], 'PUT /file?a=1');
    assert.equal(h.sha256(answer.body), h.sha256(body));
    assert.equal(answer.trailers['x-end'], 'yes');
    const seen = JSON.parse(answer.headers['x-headers']);
    assert.equal(seen['x-forwarded-for'], '127.0.0.1');
    assert.equal(seen.host, new URL(url).host);
    const other = await request(client, { ':path': '/', ':authority': 'nobody.localhost' });
    assert.equal(other.status, 421);
    assert.equal((await request(client, { ':path': '/' })).status, 200);
});

h.scenario('h2 visitor: 500 requests of one connection, 90 at a time, byte-exact', async (cleanup) => {
    const { client } = await echoed(cleanup);
    let next = 0;
    const worker = async () => {
        while (next < 500) {
            const i = next++;
            const body = h.crypto.randomBytes(i % 7 === 0 ? 200000 + i : 1 + i);
            const answer = await request(client, { ':method': 'POST', ':path': '/' + i }, body);
            assert.equal(answer.status, 200);
            assert.equal(answer.headers['x-asked'], 'POST /' + i);
            assert.equal(h.sha256(answer.body), h.sha256(body));
        }
    };
    await Promise.all(Array.from({ length: 90 }, worker));
    assert.equal(next, 500);
});

// Rust agents die at 512 streams, and count one a moment longer than we see it.
h.scenario('h2 visitors: more requests at once than the agent takes streams, and each is answered by the same session', async (cleanup) => {
    const { edge, url } = await echoed(cleanup);
    const before = await edge.endpoints();
    const clients = await Promise.all(Array.from({ length: 20 }, () => connect(cleanup, edge, url)));
    let left = 6000;
    const worker = async (client) => {
        while (left-- > 0) assert.equal((await request(client, { ':path': '/' })).status, 200);
    };
    await Promise.all(clients.flatMap((client) => Array.from({ length: 32 }, () => worker(client))));
    assert.deepEqual(await edge.endpoints(), before);
});

h.scenario('h2 visitor: a request that is taken back leaves the others alone', async (cleanup) => {
    const { client } = await echoed(cleanup);
    const taken = client.request({ ':method': 'POST', ':path': '/taken-back' });
    taken.on('error', () => {});
    taken.write('some');
    const kept = client.request({ ':method': 'POST', ':path': '/kept' });
    await h.once(taken, 'data');
    taken.close(http2.constants.NGHTTP2_CANCEL);
    await h.once(taken, 'close');
    kept.end('all of it');
    const chunks = [];
    for await (const chunk of kept) chunks.push(chunk);
    assert.equal(Buffer.concat(chunks).toString(), 'all of it');
});

h.scenario('h2 visitor: a module of the bind works as for HTTP/1.1', async (cleanup) => {
    const { client } = await echoed(cleanup, { basic_auth: 'ann:password-1', response_header_add: 'x-colour:blue' });
    const refused = await request(client, { ':path': '/' });
    assert.equal(refused.status, 401);
    const authorization = 'Basic ' + Buffer.from('ann:password-1').toString('base64');
    const answer = await request(client, { ':path': '/', authorization });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['x-colour'], 'blue');
});

/** An application that takes WebSockets and sends each frame's bytes back as they are. */
async function webSockets(cleanup) {
    const server = h.http.createServer((_, response) => response.end('no WebSocket'));
    server.on('upgrade', (incoming, socket) => {
        const accept = h.crypto.createHash('sha1')
            .update(incoming.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
        socket.on('error', () => {});
        if (incoming.url === '/refused') {
            socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno');
            return;
        }
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
            `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${incoming.headers['sec-websocket-protocol']}\r\n\r\n`);
        socket.pipe(socket);
    });
    cleanup(() => server.close());
    return h.listening(server);
}

h.scenario('h2 visitor: WebSockets (RFC 8441), beside each other and beside requests', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    const listener = await h.forward(cleanup, edge, await webSockets(cleanup), {});
    const client = await connect(cleanup, edge, listener.url());
    assert.equal(client.remoteSettings.enableConnectProtocol, true);
    const open = async (path) => {
        const stream = client.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': path,
            'sec-websocket-version': '13', 'sec-websocket-protocol': 'chat' }, { endStream: false });
        const [head] = await h.once(stream, 'response');
        return { stream, head };
    };
    const frames = h.crypto.randomBytes(700000);
    await Promise.all(Array.from({ length: 5 }, async (_, i) => {
        const { stream, head } = await open('/ws' + i);
        assert.equal(head[':status'], 200);
        assert.equal(head['sec-websocket-protocol'], 'chat');
        assert.equal(head['sec-websocket-accept'], undefined); // it is of HTTP/1.1 only
        const got = [];
        stream.end(frames);
        for await (const chunk of stream) got.push(chunk);
        assert.equal(h.sha256(Buffer.concat(got)), h.sha256(frames));
        assert.equal((await request(client, { ':path': '/' })).body.toString(), 'no WebSocket');
    }));
    const { stream, head } = await open('/refused');
    assert.equal(head[':status'], 403);
    stream.destroy();
});

h.scenario('WebSocket over HTTP/1.1: refused by the application, and ended by it', async (cleanup) => {
    const edge = await h.edgeOf(cleanup);
    const listener = await h.forward(cleanup, edge, await webSockets(cleanup), {});
    const at = new URL(listener.url());
    const upgrade = (path) => h.https.request({ host: '127.0.0.1', port: edge.httpsPort, servername: at.hostname, ca: edge.ca,
        path, agent: false, headers: { host: at.host, connection: 'Upgrade', upgrade: 'websocket',
            'sec-websocket-version': '13', 'sec-websocket-protocol': 'chat',
            'sec-websocket-key': h.crypto.randomBytes(16).toString('base64') } }).end();
    const [refused] = await h.once(upgrade('/refused'), 'response');
    assert.equal(refused.statusCode, 403);
    refused.resume();
    const [response, socket] = await h.once(upgrade('/ws'), 'upgrade');
    assert.equal(response.headers['sec-websocket-protocol'], 'chat');
    const chunks = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.end('last words');
    await h.once(socket, 'end');
    assert.equal(Buffer.concat(chunks).toString(), 'last words');
});

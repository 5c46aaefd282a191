// Every kind of endpoint, as listener and as forward, byte-exact.
'use strict';
const assert = require('node:assert/strict');
const h = require('./harness.js');

async function echoHttp(cleanup) {
    const server = h.http.createServer((request, response) => {
        const chunks = [];
        request.on('data', (chunk) => chunks.push(chunk));
        request.on('end', () => {
            const body = Buffer.concat(chunks);
            response.setHeader('x-sha', h.sha256(body));
            response.setHeader('x-headers', JSON.stringify(request.headers));
            response.end(`${request.method} ${request.url} ${body.length}`);
        });
    });
    cleanup(() => server.close());
    return h.listening(server);
}

/** Sends `payload` and gets the same back, meanwhile. */
async function echoes(visitor, payload) {
    const hash = h.crypto.createHash('sha256');
    let missing = payload.length;
    const done = new Promise((resolve, reject) => {
        visitor.on('error', reject);
        visitor.on('close', () => reject(new Error(missing + ' bytes did not come back')));
        visitor.on('data', (data) => {
            hash.update(data);
            missing -= data.length;
            if (missing <= 0) resolve();
        });
    });
    visitor.write(payload);
    await done;
    visitor.destroy();
    assert.equal(missing, 0);
    assert.equal(hash.digest('hex'), h.sha256(payload));
}

async function session(cleanup, edgeOptions, change) {
    const edge = await h.Edge.start(edgeOptions);
    cleanup(() => edge.stop());
    const agent = await h.connect(edge, change);
    cleanup(() => agent.close());
    return { edge, agent };
}

h.scenario('https: forward', async (cleanup) => {
    const { edge, agent } = await session(cleanup);
    const port = await echoHttp(cleanup);
    const listener = await agent.httpEndpoint().domain('app.localhost').listenAndForward('http://127.0.0.1:' + port);
    assert.equal(listener.url(), `https://app.localhost:${edge.httpsPort}`);
    const answer = await h.visit(edge, listener.url() + '/a?b=1', { headers: { 'x-forwarded-for': '6.6.6.6' } });
    assert.equal(answer.status, 200);
    assert.equal(answer.body.toString(), 'GET /a?b=1 0');
    const seen = JSON.parse(answer.headers['x-headers']);
    assert.equal(seen['x-forwarded-for'], '127.0.0.1');
    assert.equal(seen['x-forwarded-proto'], 'https');
    assert.equal(seen['x-forwarded-host'], seen.host);
    const missing = await h.visit(edge, `https://other.localhost:${edge.httpsPort}/`);
    assert.equal(missing.status, 404);
    assert.equal(missing.headers['ngrok-error-code'], 'ERR_NGROK_3200');
});

h.scenario('https: random name, listener that forwards later', async (cleanup) => {
    const { edge, agent } = await session(cleanup);
    const port = await echoHttp(cleanup);
    const listener = await agent.httpEndpoint().listen();
    listener.forward('127.0.0.1:' + port).catch(() => {});
    assert.match(listener.url(), /^https:\/\/[a-z0-9-]+\.localhost:\d+$/);
    assert.equal((await h.visit(edge, listener.url() + '/x')).body.toString(), 'GET /x 0');
});

h.scenario('http: plain endpoint', async (cleanup) => {
    const { edge, agent } = await session(cleanup);
    const port = await echoHttp(cleanup);
    const listener = await agent.httpEndpoint().scheme('HTTP').domain('plain.localhost')
        .listenAndForward('http://127.0.0.1:' + port);
    assert.equal(listener.url(), `http://plain.localhost:${edge.httpPort}`);
    const answer = await h.visit(edge, listener.url() + '/p');
    assert.equal(answer.body.toString(), 'GET /p 0');
    assert.equal(JSON.parse(answer.headers['x-headers'])['x-forwarded-proto'], 'http');
    const secure = await h.visit(edge, `https://plain.localhost:${edge.httpsPort}/`);
    assert.equal(secure.status, 404);
});

h.scenario('tcp: both ways, byte-exact, half close', async (cleanup) => {
    const { agent } = await session(cleanup);
    const upstream = h.net.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
    cleanup(() => upstream.close());
    const port = await h.listening(upstream);
    const listener = await agent.tcpEndpoint().listenAndForward('tcp://127.0.0.1:' + port);
    const at = new URL(listener.url());
    assert.equal(at.protocol, 'tcp:');
    const payload = h.crypto.randomBytes(3 << 20);
    const visitor = h.net.connect({ port: Number(at.port), host: '127.0.0.1', allowHalfOpen: true });
    const chunks = [];
    visitor.on('data', (chunk) => chunks.push(chunk));
    visitor.end(payload);
    await h.once(visitor, 'end');
    assert.equal(h.sha256(Buffer.concat(chunks)), h.sha256(payload));
});

h.scenario('tls: passed through untouched', async (cleanup) => {
    const { edge, agent } = await session(cleanup);
    const own = h.makeCertificate('secret.localhost');
    const upstream = h.tls.createServer(own, (socket) => socket.pipe(socket));
    cleanup(() => upstream.close());
    const port = await h.listening(upstream);
    const listener = await agent.tlsEndpoint().domain('secret.localhost').listenAndForward('tcp://127.0.0.1:' + port);
    assert.equal(listener.proto(), 'tls');
    const visitor = h.tls.connect({ port: edge.httpsPort, host: '127.0.0.1', servername: 'secret.localhost', ca: own.cert });
    await h.once(visitor, 'secureConnect');
    assert.equal(visitor.getPeerCertificate().subject.CN, 'secret.localhost');
    visitor.write('through');
    const [data] = await h.once(visitor, 'data');
    assert.equal(data.toString(), 'through');
    visitor.destroy();
});

/** All that a visitor with these options gets for one line or request; an error has the alert's number in its message. */
async function talk(edge, name, text, options = {}) {
    const visitor = h.tls.connect({ port: edge.httpsPort, host: '127.0.0.1', servername: name, rejectUnauthorized: false, ...options });
    const chunks = [];
    visitor.on('data', (chunk) => chunks.push(chunk));
    const ended = h.once(visitor, 'end');
    visitor.write(text);
    await ended;
    visitor.destroy();
    return Buffer.concat(chunks).toString();
}

h.scenario('https: client certificates, which the application learns of', async (cleanup) => {
    const { edge, agent } = await session(cleanup);
    const port = await echoHttp(cleanup);
    const ours = h.makeCertificate('robot.test');
    const foreign = h.makeCertificate('robot.test');
    await agent.httpEndpoint().domain('closed.localhost').mutualTlsca(ours.cert).listenAndForward('http://127.0.0.1:' + port);
    const request = 'GET / HTTP/1.1\r\nHost: closed.localhost\r\nClient-Cert: :Zm9yZ2Vk:\r\nConnection: close\r\n\r\n';
    await assert.rejects(talk(edge, 'closed.localhost', request), /alert number 116/);
    await assert.rejects(talk(edge, 'closed.localhost', request, foreign), /alert number (42|46|48)/);
    const answer = await talk(edge, 'closed.localhost', request, ours);
    const seen = JSON.parse(/x-headers: (.*)\r\n/i.exec(answer)[1]);
    const der = ours.cert.toString().replace(/-----[^-]*-----|\n/g, '');
    assert.equal(seen['client-cert'], `:${der}:`);
    assert.equal(seen['ngrok-mtls-subject-cn'], 'robot.test');
});

h.scenario('tls: ends at the edge with the certificate of the agent, client certificates too', async (cleanup) => {
    const { edge, agent } = await session(cleanup);
    const own = h.makeCertificate('ended.localhost');
    const robot = h.makeCertificate('robot.test');
    const upstream = h.net.createServer((socket) => socket.once('data', (data) => socket.end('plain: ' + data)));
    cleanup(() => upstream.close());
    const port = await h.listening(upstream);
    await agent.tlsEndpoint().domain('ended.localhost').termination(own.cert, own.key).mutualTlsca(robot.cert)
        .listenAndForward('tcp://127.0.0.1:' + port);
    await assert.rejects(talk(edge, 'ended.localhost', 'hello'), /alert number 116/);
    const trusting = { rejectUnauthorized: true, ca: own.cert };
    assert.equal(await talk(edge, 'ended.localhost', 'hello', { ...robot, ...trusting }), 'plain: hello');
});

h.scenario('labelled: routed by the edge, refused without a route', async (cleanup) => {
    const { edge, agent } = await session(cleanup, { route: 'https://labels.localhost,team=blue' });
    const port = await echoHttp(cleanup);
    const listener = await agent.labeledListener().label('team', 'blue').listenAndForward('http://127.0.0.1:' + port);
    assert.deepEqual(listener.labels(), { team: 'blue' });
    const answer = await h.visit(edge, `https://labels.localhost:${edge.httpsPort}/l`);
    assert.equal(answer.body.toString(), 'GET /l 0');
    await assert.rejects(agent.labeledListener().label('team', 'red').listen(), /ERR_NGROK_302/);
});

h.scenario('http, tcp, tls and labelled listeners that forward later', async (cleanup) => {
    const { edge, agent } = await session(cleanup, { route: 'https://labels.localhost,team=blue' });
    const web = await echoHttp(cleanup);
    const own = h.makeCertificate('secret.localhost');
    const raw = h.net.createServer((socket) => socket.pipe(socket));
    const secure = h.tls.createServer(own, (socket) => socket.pipe(socket));
    cleanup(() => { raw.close(); secure.close(); });
    const start = async (builder, port) => {
        const listener = await builder.listen();
        listener.forward('127.0.0.1:' + port).catch(() => {});
        return listener;
    };
    const plain = await start(agent.httpEndpoint().scheme('HTTP').domain('plain.localhost'), web);
    assert.equal((await h.visit(edge, plain.url() + '/p')).body.toString(), 'GET /p 0');
    await start(agent.labeledListener().label('team', 'blue'), web);
    assert.equal((await h.visit(edge, `https://labels.localhost:${edge.httpsPort}/l`)).body.toString(), 'GET /l 0');
    const tcp = await start(agent.tcpEndpoint(), await h.listening(raw));
    await echoes(h.net.connect(Number(new URL(tcp.url()).port), '127.0.0.1'), Buffer.from('over tcp'));
    await start(agent.tlsEndpoint().domain('secret.localhost'), await h.listening(secure));
    await echoes(h.tls.connect({ port: edge.httpsPort, host: '127.0.0.1', servername: 'secret.localhost', ca: own.cert }),
        Buffer.from('over tls'));
});

h.scenario('64 MiB both ways over tcp and tls, byte-exact', async (cleanup) => {
    const { edge, agent } = await session(cleanup);
    const own = h.makeCertificate('secret.localhost');
    const raw = h.net.createServer((socket) => socket.pipe(socket));
    const secure = h.tls.createServer(own, (socket) => socket.pipe(socket));
    cleanup(() => { raw.close(); secure.close(); });
    const blob = h.crypto.randomBytes(64 << 20);
    const tcp = await agent.tcpEndpoint().listenAndForward('tcp://127.0.0.1:' + await h.listening(raw));
    await echoes(h.net.connect(Number(new URL(tcp.url()).port), '127.0.0.1'), blob);
    await agent.tlsEndpoint().domain('secret.localhost').listenAndForward('tcp://127.0.0.1:' + await h.listening(secure));
    await echoes(h.tls.connect({ port: edge.httpsPort, host: '127.0.0.1', servername: 'secret.localhost', ca: own.cert }),
        blob);
}, 120);

h.scenario('PROXY protocol 1 and 2 come from the edge', async (cleanup) => {
    const { agent } = await session(cleanup);
    for (const [version, expected] of [['1', /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\nhi$/],
        ['2', /^\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c/]]) {
        const upstream = h.net.createServer((socket) => {
            let all = '';
            socket.on('data', (data) => { all += data.toString('latin1'); });
            socket.on('end', () => { upstream.seen = all; upstream.emit('seen'); socket.end(); });
        });
        cleanup(() => upstream.close());
        const port = await h.listening(upstream);
        const listener = await agent.tcpEndpoint().proxyProto(version).listenAndForward('tcp://127.0.0.1:' + port);
        const visitor = h.net.connect(Number(new URL(listener.url()).port), '127.0.0.1');
        let reset;
        visitor.on('error', (error) => { reset = error; });
        const seen = h.once(upstream, 'seen');
        visitor.end('hi');
        await seen;
        assert.match(upstream.seen, expected);
        await h.once(visitor, 'close');
        assert.equal(reset, undefined, 'the visitor saw ' + reset);
    }
});

h.scenario('upstream down: the agent answers 502; upstream mute: the edge answers 502 with 8012', async (cleanup) => {
    const { edge, agent } = await session(cleanup);
    const closed = h.net.createServer();
    const port = await h.listening(closed);
    closed.close();
    const listener = await agent.httpEndpoint().listenAndForward('http://127.0.0.1:' + port);
    const answer = await h.visit(edge, listener.url() + '/');
    assert.equal(answer.status, 502);
    assert.match(answer.body.toString(), /failed to dial backend/); // the agent says it itself
    // An upstream that takes the connection and ends it: nothing comes from the agent, so that the edge says it.
    const mute = h.net.createServer((socket) => socket.destroy());
    cleanup(() => mute.close());
    const other = await agent.httpEndpoint().listenAndForward('http://127.0.0.1:' + await h.listening(mute));
    const page = await h.visit(edge, other.url() + '/');
    assert.equal(page.status, 502);
    assert.equal(page.headers['ngrok-error-code'], 'ERR_NGROK_8012');
    assert.match(page.body.toString(), /ERR_NGROK_8012/);
});

h.scenario('a name that is taken gives 334, a foreign name 319', async (cleanup) => {
    const { agent } = await session(cleanup);
    await agent.httpEndpoint().domain('taken.localhost').listen();
    await assert.rejects(agent.httpEndpoint().domain('taken.localhost').listen(), /ERR_NGROK_334/);
    await assert.rejects(agent.httpEndpoint().domain('app.example.com').listen(), /ERR_NGROK_319/);
});

h.scenario('WebSocket', async (cleanup) => {
    const { edge, agent } = await session(cleanup);
    const upstream = h.http.createServer();
    upstream.on('upgrade', (request, socket) => {
        const accept = h.crypto.createHash('sha1')
            .update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
            `Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
        socket.pipe(socket);
    });
    cleanup(() => upstream.close());
    const port = await h.listening(upstream);
    const listener = await agent.httpEndpoint().listenAndForward('http://127.0.0.1:' + port);
    const at = new URL(listener.url());
    const request = h.https.request({ host: '127.0.0.1', port: edge.httpsPort, servername: at.hostname, ca: edge.ca, path: '/ws',
        agent: false, headers: { host: at.host, connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13',
            'sec-websocket-key': h.crypto.randomBytes(16).toString('base64') } });
    request.end();
    const [response, socket] = await h.once(request, 'upgrade');
    assert.equal(response.statusCode, 101);
    const frames = h.crypto.randomBytes(300000);
    const got = [];
    let size = 0;
    const done = new Promise((resolve) => socket.on('data', (data) => {
        got.push(data);
        size += data.length;
        if (size >= frames.length) resolve();
    }));
    socket.write(frames);
    await done;
    assert.equal(h.sha256(Buffer.concat(got)), h.sha256(frames));
    socket.destroy();
});

// Many visitors, large transfers, slow readers.
'use strict';
const assert = require('node:assert/strict');
const { Readable } = require('node:stream');
const h = require('./harness.js');

async function serve(cleanup, handler) {
    const edge = await h.Edge.start();
    cleanup(() => edge.stop());
    const server = h.http.createServer({ keepAliveTimeout: 60000 }, handler);
    server.maxRequestsPerSocket = 0;
    cleanup(() => { server.closeAllConnections(); server.close(); });
    const port = await h.listening(server);
    const agent = await h.connect(edge);
    cleanup(() => agent.close());
    const listener = await agent.httpEndpoint().listenAndForward('http://127.0.0.1:' + port);
    return { edge, agent, url: listener.url() };
}

h.scenario('64 MiB down and 64 MiB up, byte-exact', async (cleanup) => {
    const blob = h.crypto.randomBytes(64 << 20);
    const { edge, url } = await serve(cleanup, (request, response) => {
        if (request.method === 'GET') return response.end(blob);
        const hash = h.crypto.createHash('sha256');
        request.on('data', (chunk) => hash.update(chunk));
        request.on('end', () => response.end(hash.digest('hex')));
    });
    const down = await h.visit(edge, url + '/down');
    assert.equal(h.sha256(down.body), h.sha256(blob));
    const up = await h.visit(edge, url + '/up', { method: 'POST', body: blob });
    assert.equal(up.body.toString(), h.sha256(blob));
}, 120);

h.scenario('600 concurrent visitors: all answered or told 503, nothing wedges', async (cleanup) => {
    let release;
    const gate = new Promise((resolve) => { release = resolve; });
    let waiting = 0;
    const { edge, url } = await serve(cleanup, async (request, response) => {
        if (request.url === '/held') {
            waiting += 1;
            await gate;
        }
        response.end('done');
    });
    const [session] = await edge.sessions();
    const visitors = Array.from({ length: 600 }, () => h.visit(edge, url + '/held'));
    // Those beyond the client's stream limit get 503 after the wait; the others hang in the upstream until released.
    await h.eventually('the streams are used up', async () => waiting > 400, 30000);
    const early = [];
    for (const visitor of visitors) visitor.then((answer) => early.push(answer.status), () => early.push(0));
    await h.eventually('the rest was refused', async () => early.length + waiting >= 600, 30000);
    assert.ok(early.every((status) => status === 503), 'early answers: ' + early);
    release();
    const statuses = (await Promise.all(visitors)).map((answer) => answer.status);
    assert.equal(statuses.filter((s) => s === 200).length + statuses.filter((s) => s === 503).length, 600);
    assert.ok(statuses.filter((s) => s === 200).length >= 480);
    assert.equal((await h.visit(edge, url + '/after')).status, 200);
    assert.equal((await edge.sessions())[0], session, 'the session was lost');
}, 120);

h.scenario('visitors who leave: what the client still holds counts, what it let go is free at once', async (cleanup) => {
    const edge = await h.Edge.start();
    cleanup(() => edge.stop());
    const held = new Set();
    let deaf = true; // to the half close that tells the upstream that its visitor left
    const upstream = h.net.createServer({ allowHalfOpen: true }, (socket) => {
        held.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => held.delete(socket));
        socket.on('end', () => { if (!deaf) socket.end(); });
        socket.on('data', (data) => {
            // Longer than any grace that the edge gives to a stream of a visitor who left.
            if (data.includes('/slow')) setTimeout(() => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'), 6000);
            if (data.includes('/quick')) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok');
        });
    });
    const port = await h.listening(upstream);
    cleanup(() => { held.forEach((socket) => socket.destroy()); upstream.close(); });
    const agent = await h.connect(edge);
    cleanup(() => agent.close());
    const listener = await agent.httpEndpoint().scheme('HTTP').listenAndForward('http://127.0.0.1:' + port);
    const url = listener.url();
    const [session] = await edge.sessions();
    const streams = async () => Number((await edge.sessions())[2]);
    const visit = () => {
        const socket = h.net.connect(edge.httpPort, '127.0.0.1');
        socket.on('error', () => {});
        socket.write(`GET /held HTTP/1.1\r\nHost: ${new URL(url).host}\r\n\r\n`);
        return socket;
    };
    for (const wave of [1, 2]) { // 800 in all: the client dies at 512
        const before = held.size;
        const visitors = Array.from({ length: 400 }, visit);
        await h.eventually('the wave arrived', async () => held.size >= Math.min(before + 400, 490), 30000);
        visitors.forEach((socket) => socket.destroy());
        const slow = (await h.visit(edge, url + '/slow')).status;
        assert.equal(slow, wave === 1 ? 200 : 503, 'after wave ' + wave);
    }
    assert.equal((await edge.sessions())[0], session, 'the session was lost');
    deaf = false;
    held.forEach((socket) => socket.end());
    await h.eventually('the client let go', async () => (await streams()) < 10, 30000);
    assert.equal((await h.visit(edge, url + '/quick')).status, 200);
    // An upstream that goes when its visitor goes: no place is held.
    for (let wave = 0; wave < 3; ++wave) {
        const visitors = Array.from({ length: 400 }, visit);
        await h.eventually('the wave arrived', async () => held.size >= 400, 30000);
        visitors.forEach((socket) => socket.destroy());
        await h.eventually('the streams are free', async () => (await streams()) < 10, 4500); // a stream that was reset holds its place for 5 s
    }
    assert.equal((await h.visit(edge, url + '/quick')).status, 200);
}, 120);

h.scenario('2,000 idle keep-alive visitors: a new visitor is answered', async (cleanup) => {
    const { edge, url } = await serve(cleanup, (_, response) => response.end('ok'));
    const [session] = await edge.sessions();
    const agent = new h.https.Agent({ keepAlive: true, maxSockets: 2000, maxFreeSockets: 2000 });
    cleanup(() => agent.destroy());
    const sockets = [];
    for (let batch = 0; batch < 20; ++batch) {
        await Promise.all(Array.from({ length: 100 }, () => new Promise((resolve, reject) => {
            const at = new URL(url);
            const socket = h.tls.connect({ host: '127.0.0.1', port: edge.httpsPort, servername: at.hostname, ca: edge.ca });
            sockets.push(socket);
            socket.on('error', reject);
            socket.on('secureConnect', () => socket.write(`GET / HTTP/1.1\r\nHost: ${at.host}\r\n\r\n`));
            let text = '';
            socket.on('data', (data) => {
                text += data;
                if (text.includes('\r\n\r\nok') || text.includes('ok\r\n0\r\n\r\n')) resolve();
            });
            socket.on('close', () => reject(new Error('closed: ' + text)));
        })));
    }
    cleanup(() => sockets.forEach((socket) => { socket.removeAllListeners('close'); socket.destroy(); }));
    const fresh = await h.visit(edge, url);
    assert.equal(fresh.status, 200);
    assert.ok(sockets.every((socket) => !socket.destroyed));
    assert.equal((await edge.sessions())[0], session);
}, 120);

h.scenario('a 100 MB upload to a slow reader does not hold up small requests', async (cleanup) => {
    let slow;
    const { edge, url } = await serve(cleanup, (request, response) => {
        if (request.method === 'GET') return response.end('quick');
        slow = request;
        let bytes = 0;
        request.on('data', (chunk) => { bytes += chunk.length; });
        request.on('end', () => response.end(String(bytes)));
        request.pause();
    });
    const size = 100e6;
    const block = Buffer.alloc(1 << 16, 'x');
    let sent = 0;
    const body = new Readable({ read() {
        const n = Math.min(block.length, size - sent);
        sent += n;
        this.push(n ? block.subarray(0, n) : null);
    } });
    const upload = h.visit(edge, url + '/up', { method: 'POST', headers: { 'content-length': size }, body });
    await h.eventually('the upload began', async () => slow !== undefined);
    const times = [];
    for (let i = 0; i < 60; ++i) times.push((await h.visit(edge, url + '/small')).ms);
    times.sort((a, b) => a - b);
    assert.ok(times[54] < 250, 'p90 of small requests: ' + times[54] + ' ms');
    assert.ok(sent < 40e6, 'the slow reader did not hold back the visitor: ' + sent);
    slow.resume();
    assert.equal((await upload).body.toString(), String(size));
}, 180);

h.scenario('first byte of a new connection within 5 ms at the median', async (cleanup) => {
    const edge = await h.Edge.start();
    cleanup(() => edge.stop());
    const upstream = h.net.createServer((socket) => socket.on('data', () => socket.end('x')));
    cleanup(() => upstream.close());
    const agent = await h.connect(edge);
    cleanup(() => agent.close());
    const listener = await agent.tcpEndpoint().listenAndForward('tcp://127.0.0.1:' + await h.listening(upstream));
    const port = Number(new URL(listener.url()).port);
    const times = [];
    for (let i = 0; i < 101; ++i) {
        const started = process.hrtime.bigint();
        const socket = h.net.connect(port, '127.0.0.1');
        socket.setNoDelay(true);
        socket.write('?');
        await h.once(socket, 'data');
        times.push(Number(process.hrtime.bigint() - started) / 1e6);
        socket.destroy();
    }
    times.sort((a, b) => a - b);
    console.log('# median ' + times[50].toFixed(2) + ' ms, p90 ' + times[90].toFixed(2) + ' ms');
    assert.ok(times[50] < 5, 'median ' + times[50] + ' ms');
});

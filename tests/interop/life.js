// Sessions: refusal, commands, reconnects.
'use strict';
const assert = require('node:assert/strict');
const h = require('./harness.js');

h.scenario('a wrong token is refused with 107, a malformed one with 105', async (cleanup) => {
    const edge = await h.Edge.start();
    cleanup(() => edge.stop());
    await assert.rejects(h.connect(edge, (b) => b.authtoken('wrong-token')), /ERR_NGROK_107/);
    await assert.rejects(h.connect(edge, (b) => b.authtoken('not a token!')), /ERR_NGROK_105/);
});

async function online(cleanup, edge, change) {
    const server = h.http.createServer((_, response) => response.end('up'));
    cleanup(() => server.close());
    const port = await h.listening(server);
    const agent = await h.connect(edge, change);
    cleanup(() => agent.close());
    const listener = await agent.httpEndpoint().listenAndForward('http://127.0.0.1:' + port);
    const works = async () => (await h.visit(edge, listener.url())).body.toString() === 'up';
    assert.ok(await works());
    return { agent, listener, works };
}

h.scenario('the client comes back with its URL after the edge dropped the link', async (cleanup) => {
    const edge = await h.Edge.start();
    cleanup(() => edge.stop());
    const { works } = await online(cleanup, edge);
    for (let round = 0; round < 3; ++round) {
        const [id] = await edge.sessions();
        assert.equal(await edge.command('disconnect ' + id), 'ok');
        await h.eventually('online again', works);
        const [now] = await edge.sessions();
        assert.notEqual(now, id);
    }
});

h.scenario('the client comes back with its URL after the edge was killed and started anew', async (cleanup) => {
    const ca = h.makeCa();
    const kept = { ...ca, seal_key: '0123456789abcdef0123456789abcdef' };
    let edge = await h.Edge.start(kept);
    cleanup(() => edge.kill());
    const { listener } = await online(cleanup, edge);
    const ports = { agent: '127.0.0.1:' + edge.agentPort, https: '127.0.0.1:' + edge.httpsPort,
        http: '127.0.0.1:' + edge.httpPort };
    await edge.kill();
    edge = await h.Edge.start({ ...kept, ...ports });
    await h.eventually('the same URL works', async () => (await h.visit(edge, listener.url())).status === 200, 30000);
    assert.equal((await edge.endpoints())[0].url, listener.url());
}, 90);

h.scenario('Stop, Restart and Update reach their handlers', async (cleanup) => {
    const edge = await h.Edge.start();
    cleanup(() => edge.stop());
    const seen = [];
    const agent = await h.connect(edge, (b) => {
        b.handleStopCommand(() => { seen.push('stop'); });
        b.handleRestartCommand(() => { seen.push('restart'); });
        b.handleUpdateCommand((update) => { seen.push('update ' + update.version); });
        return b;
    });
    cleanup(() => agent.close());
    const [id] = await edge.sessions();
    assert.equal(await edge.command('stop ' + id), 'ok');
    assert.equal(await edge.command('restart ' + id), 'ok');
    assert.equal(await edge.command('update ' + id + ' 9.9.9'), 'ok');
    await h.eventually('three handlers ran', async () => seen.length === 3);
    assert.deepEqual(seen, ['stop', 'restart', 'update 9.9.9']);
});

h.scenario('a command without a handler is an error, and the session lives', async (cleanup) => {
    const edge = await h.Edge.start();
    cleanup(() => edge.stop());
    const { works } = await online(cleanup, edge);
    const [id] = await edge.sessions();
    assert.match(await edge.command('stop ' + id), /^error /);
    assert.match(await edge.command('stop ts_unknown'), /^error .*333/);
    assert.ok(await works());
});

h.scenario('StopTunnel ends one listener with the edge\'s message', async (cleanup) => {
    const edge = await h.Edge.start();
    cleanup(() => edge.stop());
    const { agent, works } = await online(cleanup, edge);
    const server = h.http.createServer((_, response) => response.end('two'));
    cleanup(() => server.close());
    const second = await agent.httpEndpoint().domain('second.localhost').listen();
    const forwarding = second.forward('127.0.0.1:' + await h.listening(server));
    const endpoint = (await edge.endpoints()).find((e) => e.url.includes('second'));
    assert.equal(await edge.command(`stop-endpoint ${endpoint.id} 399 maintenance tonight`), 'ok');
    await assert.rejects(forwarding, /maintenance tonight/);
    assert.equal((await h.visit(edge, second.url())).status, 404);
    assert.ok(await works());
});

h.scenario('a closed listener is offline at once, its name free again', async (cleanup) => {
    const edge = await h.Edge.start();
    cleanup(() => edge.stop());
    const agent = await h.connect(edge);
    cleanup(() => agent.close());
    for (let round = 0; round < 5; ++round) {
        const listener = await agent.httpEndpoint().domain('again.localhost').listen();
        await listener.close();
        assert.equal((await h.visit(edge, listener.url())).status, 404);
    }
});

h.scenario('a session that the client closed without a word is noticed by the edge', async (cleanup) => {
    const edge = await h.Edge.start();
    cleanup(() => edge.stop());
    const agent = await h.connect(edge, (b) => b.heartbeatInterval(1).heartbeatTolerance(1));
    await agent.close();
    await h.eventually('the edge dropped it', async () => (await edge.sessions()).length === 0, 40000);
}, 60);

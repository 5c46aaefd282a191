// gRPC through the official client: its application protocol http2 makes the edge speak HTTP/2 to the upstream.
'use strict';
const assert = require('node:assert/strict');
const grpc = require('@grpc/grpc-js');
const h = require('./harness.js');

const plain = { requestSerialize: (v) => v, requestDeserialize: (v) => v, responseSerialize: (v) => v, responseDeserialize: (v) => v };
const service = {
    unary: { path: '/adit.Test/unary', requestStream: false, responseStream: false, ...plain },
    upload: { path: '/adit.Test/upload', requestStream: true, responseStream: false, ...plain },
    download: { path: '/adit.Test/download', requestStream: false, responseStream: true, ...plain },
    chat: { path: '/adit.Test/chat', requestStream: true, responseStream: true, ...plain },
    fail: { path: '/adit.Test/fail', requestStream: false, responseStream: false, ...plain },
    stuck: { path: '/adit.Test/stuck', requestStream: false, responseStream: true, ...plain },
};

async function upstream(cleanup, seen) {
    const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
    server.addService(service, {
        unary: (call, done) => {
            seen.metadata = call.metadata.getMap();
            const trailer = new grpc.Metadata();
            trailer.set('x-trailer', 'last');
            done(null, call.request, trailer);
        },
        upload: (call, done) => {
            const hash = h.crypto.createHash('sha256');
            call.on('data', (message) => hash.update(message));
            call.on('end', () => done(null, Buffer.from(hash.digest('hex'))));
        },
        download: (call) => {
            const [size, count] = call.request.toString().split(' ').map(Number);
            for (let i = 0; i < count; ++i) call.write(Buffer.alloc(size, i));
            call.end();
        },
        chat: (call) => {
            call.on('data', (message) => call.write(Buffer.from('re: ' + message)));
            call.on('end', () => call.end());
        },
        fail: (call, done) => done({ code: grpc.status.FAILED_PRECONDITION, details: 'not today' }),
        stuck: (call) => {
            call.write(Buffer.from('started'));
            call.on('cancelled', () => { seen.cancelled = true; });
        },
    });
    cleanup(() => server.forceShutdown());
    return new Promise((resolve, reject) => server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(),
        (error, port) => (error ? reject(error) : resolve(port))));
}

h.scenario('grpc: calls of all four kinds, errors, deadlines and cancelling', async (cleanup) => {
    const edge = await h.Edge.start();
    cleanup(() => edge.stop());
    const agent = await h.connect(edge);
    cleanup(() => agent.close());
    const seen = {};
    const port = await upstream(cleanup, seen);
    await agent.httpEndpoint().domain('grpc.localhost').appProtocol('http2').listenAndForward('http://127.0.0.1:' + port);
    const Client = grpc.makeGenericClientConstructor(service, 'Test');
    const client = new Client('127.0.0.1:' + edge.httpsPort, grpc.credentials.createSsl(Buffer.from(edge.ca)),
        { 'grpc.ssl_target_name_override': 'grpc.localhost', 'grpc.default_authority': 'grpc.localhost',
            'grpc.max_receive_message_length': -1 });
    cleanup(() => client.close());
    const call = (name, ...args) => new Promise((resolve, reject) => {
        const under = client[name](...args, (error, value) => (error ? reject(error) : resolve(value)));
        under.on('status', (status) => { seen.status = status; });
    });

    const metadata = new grpc.Metadata();
    metadata.set('x-mine', 'yes');
    assert.equal((await call('unary', Buffer.from('hello'), metadata)).toString(), 'hello');
    assert.equal(seen.metadata['x-mine'], 'yes');
    assert.equal(seen.metadata['x-forwarded-proto'], 'https');
    assert.deepEqual(seen.status.metadata.get('x-trailer'), ['last']);

    const hash = h.crypto.createHash('sha256');
    const sent = new Promise((resolve, reject) => {
        const upload = client.upload((error, value) => (error ? reject(error) : resolve(value)));
        for (let i = 0; i < 40; ++i) {
            const piece = h.crypto.randomBytes(100_000);
            hash.update(piece);
            upload.write(piece);
        }
        upload.end();
    });
    assert.equal((await sent).toString(), hash.digest('hex'));

    let bytes = 0;
    for await (const message of client.download(Buffer.from('100000 40'))) bytes += message.length;
    assert.equal(bytes, 4_000_000);

    const chat = client.chat();
    const answers = chat[Symbol.asyncIterator]();
    for (let i = 0; i < 50; ++i) { // each answer is waited for before the next message: nothing is held back on the way
        chat.write(Buffer.from('message ' + i));
        assert.equal((await answers.next()).value.toString(), 're: message ' + i);
    }
    chat.end();
    assert.equal((await answers.next()).done, true);

    await assert.rejects(call('fail', Buffer.from('x')),
        (error) => error.code === grpc.status.FAILED_PRECONDITION && error.details === 'not today');

    const stuck = client.stuck(Buffer.from('x'), { deadline: Date.now() + 1000 });
    await assert.rejects(async () => { for await (const message of stuck) assert.equal(message.toString(), 'started'); },
        (error) => error.code === grpc.status.DEADLINE_EXCEEDED);
    await h.eventually('the upstream sees that the call was given up', async () => seen.cancelled);

    const calls = Array.from({ length: 200 }, (_, i) => call('unary', Buffer.from('call ' + i)));
    (await Promise.all(calls)).forEach((value, i) => assert.equal(value.toString(), 'call ' + i));

    // Nobody there: what the edge says itself is an error of gRPC too.
    const nobody = new Client('127.0.0.1:' + edge.httpsPort, grpc.credentials.createSsl(Buffer.from(edge.ca)),
        { 'grpc.ssl_target_name_override': 'nobody.localhost', 'grpc.default_authority': 'nobody.localhost' });
    cleanup(() => nobody.close());
    await assert.rejects(new Promise((resolve, reject) => nobody.unary(Buffer.from('x'),
        (error, value) => (error ? reject(error) : resolve(value)))), (error) => error.code === grpc.status.UNIMPLEMENTED);
});

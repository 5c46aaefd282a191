// What the scenarios share: an edge process, visitors, upstreams, and a runner that prints one line a scenario.
'use strict';
const assert = require('node:assert/strict');
const { spawn, execFileSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');
const tls = require('node:tls');
const { once } = require('node:events');
const ngrok = require('@ngrok/ngrok');

const token = 'interop-token';

class Edge {
    /** options: command line options of interop-edge, see edge_host.cpp */
    static async start(options = {}) {
        const edge = new Edge();
        const args = Object.entries({ token, ...options }).flatMap(([k, v]) =>
            [v].flat().flatMap((one) => ['--' + k.replace(/_/g, '-'), String(one)]));
        edge.child = spawn(path.join(process.env.ADIT_BUILD, 'tests/interop/interop-edge'), args,
            { stdio: ['pipe', 'pipe', 'pipe'] });
        edge.log = '';
        edge.child.stderr.on('data', (data) => { edge.log = (edge.log + data).slice(-20000); });
        edge.ended = once(edge.child, 'exit');
        edge.lines = readline.createInterface({ input: edge.child.stdout })[Symbol.asyncIterator]();
        const ready = await edge.line();
        if (!ready) throw new Error('the edge did not start: ' + edge.log);
        [edge.agentPort, edge.httpsPort, edge.httpPort] = ready.split(' ').slice(1).map(Number);
        edge.ca = '';
        for (let line = await edge.line(); line !== 'end'; line = await edge.line()) edge.ca += line + '\n';
        edge.agent = 'localhost:' + edge.agentPort;
        return edge;
    }
    async line() { return (await this.lines.next()).value; }
    async command(text) {
        this.child.stdin.write(text + '\n');
        const answer = await this.line();
        if (answer === undefined) throw new Error('the edge ended: ' + this.log);
        return answer;
    }
    async sessions() { return (await this.command('sessions')).split(' ').slice(1).filter(Boolean); }
    async endpoints() {
        const words = (await this.command('endpoints')).split(' ').slice(1).filter(Boolean);
        const list = [];
        for (let i = 0; i < words.length; i += 3) list.push({ id: words[i], url: words[i + 1], session: words[i + 2] });
        return list;
    }
    async stop() {
        this.child.stdin.end();
        await this.ended;
    }
    async kill() {
        this.child.kill('SIGKILL');
        await this.ended;
    }
}

/** A CA on disk, so that a restarted edge is the same edge. */
function makeCa() {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'adit-interop-'));
    const ca = path.join(folder, 'ca.pem'), caKey = path.join(folder, 'ca.key');
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '7',
        '-subj', '/CN=interop CA', '-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-keyout', caKey, '-out', ca],
    { stdio: 'ignore' });
    process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
    return { ca, ca_key: caKey };
}

/** A self-signed certificate for an upstream that ends TLS itself. */
function makeCertificate(name) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'adit-interop-'));
    const cert = path.join(folder, 'c.pem'), key = path.join(folder, 'k.pem');
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '7',
        '-subj', '/CN=' + name, '-addext', 'subjectAltName=DNS:' + name, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    const made = { cert: fs.readFileSync(cert), key: fs.readFileSync(key) };
    fs.rmSync(folder, { recursive: true, force: true });
    return made;
}

async function connect(edge, change = (builder) => builder) {
    const builder = new ngrok.SessionBuilder().authtoken(token).serverAddr(edge.agent).caCert(Buffer.from(edge.ca));
    return change(builder).connect();
}

/** Starts `server` on a free loopback port; ends with the test. */
async function listening(server) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server.address().port;
}

/** One request of a visitor to `url`, whose port is the edge's; resolves to {status, headers, body, ms}. */
function visit(edge, url, { method = 'GET', headers = {}, body, agent = false } = {}) {
    const at = new URL(url);
    const secure = at.protocol === 'https:';
    const started = process.hrtime.bigint();
    return new Promise((resolve, reject) => {
        const request = (secure ? https : http).request({
            host: '127.0.0.1', port: at.port || (secure ? edge.httpsPort : edge.httpPort), path: at.pathname + at.search,
            method, agent, servername: at.hostname, ca: edge.ca, headers: { host: at.host, ...headers },
        }, (response) => {
            const chunks = [];
            const ms = Number(process.hrtime.bigint() - started) / 1e6;
            response.on('data', (chunk) => chunks.push(chunk));
            response.on('end', () => resolve({ status: response.statusCode, headers: response.headers,
                body: Buffer.concat(chunks), ms }));
            response.on('error', reject);
        });
        request.on('error', reject);
        if (body !== undefined && typeof body.pipe === 'function') body.pipe(request);
        else request.end(body);
    });
}

/** An edge that ends with the test. */
async function edgeOf(cleanup, options) {
    const edge = await Edge.start(options);
    cleanup(() => edge.stop());
    return edge;
}

/** An HTTP application on `port`, which counts its requests and answers with what it got as JSON, unless `answer` does. */
async function application(cleanup, answer = (request, response, seen) => response.end(JSON.stringify(seen))) {
    const app = { requests: 0 };
    const server = http.createServer(async (request, response) => {
        app.requests += 1;
        const chunks = [];
        for await (const chunk of request) chunks.push(chunk);
        answer(request, response, { method: request.method, url: request.url, headers: request.headers,
            body: Buffer.concat(chunks).toString() });
    });
    cleanup(() => server.close());
    app.port = await listening(server);
    return app;
}

/** ngrok.forward() to a port of ours, in a session of its own. */
async function forward(cleanup, edge, port, config) {
    const listener = await ngrok.forward({ addr: '127.0.0.1:' + port, authtoken: token, server_addr: edge.agent,
        session_ca_cert: edge.ca, force_new_session: true, ...config });
    cleanup(() => listener.close());
    return listener;
}

/** The client's exception about a bind with `config` has all of these in its text, and there is no endpoint of it. */
async function refused(edge, config, ...expected) {
    const before = await edge.endpoints();
    await assert.rejects(forward(() => {}, edge, 1, config), (error) => {
        for (const text of expected) assert.match(error.message, text);
        return true;
    });
    assert.deepEqual(await edge.endpoints(), before);
}

/** `code`: the edge's own number; none for an answer of the application. */
function checkAnswer(answer, status, code) {
    assert.equal(answer.status, status, answer.body.toString());
    assert.equal(answer.headers['ngrok-error-code'], code && 'ERR_NGROK_' + code);
}

async function eventually(what, check, ms = 15000) {
    const until = Date.now() + ms;
    for (;;) {
        const value = await check().catch(() => false);
        if (value) return value;
        if (Date.now() > until) throw new Error('never came true: ' + what);
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
}

const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest('hex');

const scenarios = [];
/** Registers one scenario; `run` gets cleanup(fn), called in reverse order at its end. */
function scenario(name, run, seconds = 60) { scenarios.push({ name, run, seconds }); }

async function runAll(filters) {
    let failed = 0;
    for (const { name, run, seconds } of scenarios) {
        if (filters.length && !filters.some((f) => name.includes(f))) continue;
        const cleanups = [];
        let timer;
        const timeout = new Promise((_, reject) => {
            timer = setTimeout(() => reject(new Error('took longer than ' + seconds + ' s')), seconds * 1000);
        });
        try {
            await Promise.race([run((fn) => cleanups.push(fn)), timeout]);
            console.log('ok ' + name);
        } catch (error) {
            failed += 1;
            console.log('not ok ' + name);
            console.log('# ' + (error.stack || error).toString().replace(/\n/g, '\n# '));
        }
        clearTimeout(timer);
        for (const fn of cleanups.reverse()) {
            await Promise.race([Promise.resolve().then(fn).catch(() => {}),
                new Promise((resolve) => setTimeout(resolve, 5000))]);
        }
    }
    process.exit(failed ? 1 : 0);
}

module.exports = { Edge, application, checkAnswer, connect, crypto, edgeOf, eventually, forward, http, https, listening, makeCa,
    makeCertificate, net, ngrok, once, refused, runAll, scenario, sha256, tls, token, visit };

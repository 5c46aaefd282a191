// The official client as a contender: node official_agent.js SERVER TOKEN ROOTS PROTO PORT, with PROTO http, https or tcp; prints "ready URL".
'use strict';
const fs = require('node:fs');
const ngrok = require('@ngrok/ngrok');

(async () => {
    const [server, token, roots, proto, port] = process.argv.slice(2);
    const session = await new ngrok.SessionBuilder().authtoken(token).serverAddr(server).caCert(fs.readFileSync(roots))
        .connect();
    const builder = proto === 'tcp' ? session.tcpEndpoint() : session.httpEndpoint().scheme(proto.toUpperCase());
    const scheme = proto === 'tcp' ? 'tcp' : 'http';
    const listener = await builder.listenAndForward(`${scheme}://127.0.0.1:${port}`);
    console.log('ready ' + listener.url());
    process.stdin.resume();
    process.stdin.on('end', () => process.exit(0));
})().catch((error) => {
    console.error(error);
    process.exit(1);
});

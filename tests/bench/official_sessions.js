// The official client beside bench-sessions: node official_sessions.js SERVER TOKEN ROOTS; the same commands.
'use strict';
const fs = require('node:fs');
const readline = require('node:readline');
const ngrok = require('@ngrok/ngrok');

const [server, token, roots] = process.argv.slice(2);
const kept = [];
const connect = () => new ngrok.SessionBuilder().authtoken(token).serverAddr(server).caCert(fs.readFileSync(roots)).connect();

async function answer(line) {
    const [command, count] = line.split(' ');
    for (let i = 0; command === 'open' && i < Number(count); ++i) kept.push(await connect());
    if (command !== 'hello') return '';
    const session = await connect();
    const listener = await session.tcpEndpoint().listenAndForward('tcp://127.0.0.1:' + greeter.address().port);
    kept.push(session, listener);
    return listener.url();
}

// It has no accept: its connections go to a server in the same process.
const greeter = require('node:net').createServer((socket) => socket.end('x'));
greeter.listen(0, '127.0.0.1', () => {
    let before = Promise.resolve();
    readline.createInterface({ input: process.stdin }).on('line', (line) => {
        before = before.then(() => answer(line)).then((url) => console.log('ok ' + url), (error) => {
            console.error(error);
            process.exit(1);
        });
    }).on('close', () => process.exit(0));
    console.log('ready');
});

#!/usr/bin/env python3
"""testssl.sh against the HTTPS port of an edge with its defaults: no weak item. A minute; a part of `tests/run interop`.

    testssl.py EDGE_PROGRAM      tests/interop/interop-edge of a build directory
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

# What is said of the machine, of a CA that was made a moment ago, or of the application behind the edge: not of our TLS.
NOT_OURS = {
    'engine_problem': "the distribution's openssl has no GOST engine",
    'cert_revocation': "the edge's own CA publishes no revocation lists",
    'HSTS': 'the application decides on Strict-Transport-Security',
}
# These must have been looked at and found good: a scan that stopped early passes nothing.
LOOKED_AT = ('SSLv2', 'SSLv3', 'TLS1', 'TLS1_1', 'TLS1_2', 'TLS1_3', 'cipherlist_NULL', 'cipherlist_3DES_IDEA', 'PFS',
             'heartbleed', 'CCS', 'ticketbleed', 'ROBOT', 'secure_renego', 'secure_client_renego', 'CRIME_TLS', 'POODLE_SSL',
             'fallback_SCSV', 'SWEET32', 'FREAK', 'DROWN', 'LOGJAM', 'BEAST', 'LUCKY13', 'RC4')


def scan(edge, folder):
    child = subprocess.Popen([edge, '--token', 'unused'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True)
    try:
        ready = child.stdout.readline().split()
        assert len(ready) == 4 and ready[0] == 'ready', ready
        ca, found = os.path.join(folder, 'ca.pem'), os.path.join(folder, 'found.json')
        with open(ca, 'w') as out:
            while (line := child.stdout.readline()) != 'end\n':
                assert line, 'the edge said no CA'
                out.write(line)
        done = subprocess.run(['testssl', '--quiet', '--color', '0', '--warnings', 'off', '--ip', '127.0.0.1', '--nodns',
                               'none', '--add-ca', ca, '--jsonfile', found, 'probe.localhost:' + ready[2]],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1800)
        assert os.path.exists(found), done.stdout[-2000:] + done.stderr[-2000:]
        with open(found) as text:
            return json.load(text)
    finally:
        child.stdin.close()
        child.wait(30)


def main():
    if not shutil.which('testssl'):
        print('skip testssl finds no weak item: testssl is not installed')
        return 0
    with tempfile.TemporaryDirectory(prefix='adit-testssl-') as folder:
        items = scan(sys.argv[1], folder)
    severities = {item['id']: item['severity'] for item in items}
    wrong = ['%s %s: %s' % (item['severity'], item['id'], item['finding']) for item in items
             if item['severity'] not in ('OK', 'INFO') and item['id'] not in NOT_OURS]
    wrong += ['%s: not looked at' % name for name in LOOKED_AT if name not in severities]
    for line in wrong:
        print('# ' + line)
    print('%sok testssl finds no weak item (%d items)' % ('not ' if wrong else '', len(items)))
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())

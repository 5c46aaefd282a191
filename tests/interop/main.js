'use strict';
const { runAll } = require('./harness.js');
require('./endpoints.js');
require('./grpc.js');
require('./modules.js');
require('./policy.js');
require('./http2.js');
require('./life.js');
require('./load.js');
// The client's background tasks report lost sessions as unhandled rejections; scenarios judge by what they see.
process.on('unhandledRejection', () => {});
runAll(process.argv.slice(2));

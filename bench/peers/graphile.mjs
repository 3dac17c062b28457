// graphile-worker. batched and stored: in its fastest form, with a local queue and completions in batches. serve: as it comes, which is
// its form with the least latency; it says "ready" and works until its input ends.
//   node graphile.mjs FOLDER DATABASE URL JOBS CONCURRENCY batched|stored|serve
import pg from 'pg';
import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import { Outbox, Wire, arguments_, payload, report } from './wire.mjs';

const { database, url, jobs, concurrency, mode } = arguments_();
const pgPool = new pg.Pool(database);
const logger = new Logger(() => (level, message) => level === 'error' && console.error(message));
const utils = await makeWorkerUtils({ pgPool, logger });
await utils.migrate();
const wire = new Wire(url, concurrency);
if (mode === 'serve') {
	await run({ pgPool, logger, noHandleSignals: true, concurrency: 10, taskList: { send: (job) => wire.send(job) } });
	console.log('ready');
	for await (const _ of process.stdin);
	process.exit(0);
}

const loading = performance.now();
for (let from = 1; from <= jobs; from += 5000) {
	const count = Math.min(5000, jobs - from + 1);
	await utils.addJobs(Array.from({ length: count }, (_, i) => ({ identifier: 'send', payload: payload(from + i) })));
}
const loaded = performance.now() - loading;
const outbox = mode === 'stored' ? await Outbox.create(pgPool, jobs) : null;
await pgPool.query('CHECKPOINT');

let done = 0;
let finished;
const all = new Promise((resolve) => (finished = resolve));
const began = performance.now();
const runner = await run({
	preset: { worker: { concurrentJobs: concurrency, localQueue: { size: Math.max(500, concurrency) }, completeJobBatchDelay: 0, failJobBatchDelay: 0, maxPoolSize: 10 } },
	pgPool,
	logger,
	noHandleSignals: true,
	taskList: {
		send: async (job) => {
			const wamid = await wire.send(job);
			if (outbox) await outbox.store(job.id, wamid);
			if (++done === jobs) finished();
		},
	},
});
await all;
while ((await pgPool.query('SELECT EXISTS (SELECT FROM graphile_worker.jobs) AS some')).rows[0].some) await new Promise((resolve) => setTimeout(resolve, 2));
report(jobs, began, loaded);
await runner.stop();
process.exit(0);

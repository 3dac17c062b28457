// graphile-worker in its fastest form: local queue, completions in batches.
//   node graphile.mjs FOLDER DATABASE URL JOBS CONCURRENCY batched|stored
import pg from 'pg';
import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import { Outbox, Wire, arguments_, payload, report } from './wire.mjs';

const { database, url, jobs, concurrency, mode } = arguments_();
const pgPool = new pg.Pool(database);
const logger = new Logger(() => (level, message) => level === 'error' && console.error(message));
const utils = await makeWorkerUtils({ pgPool, logger });
await utils.migrate();
for (let from = 1; from <= jobs; from += 5000) {
	const count = Math.min(5000, jobs - from + 1);
	await utils.addJobs(Array.from({ length: count }, (_, i) => ({ identifier: 'send', payload: payload(from + i) })));
}
const outbox = mode === 'stored' ? await Outbox.create(pgPool, jobs) : null;
await pgPool.query('CHECKPOINT');

const wire = new Wire(url, concurrency);
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
report(jobs, began);
await runner.stop();
process.exit(0);

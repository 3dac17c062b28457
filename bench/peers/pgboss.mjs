// pg-boss in its fastest form: several loops that take batches. A batch is completed by one statement, after its answers are stored by one.
//   node pgboss.mjs FOLDER DATABASE URL JOBS CONCURRENCY stored
import pg from 'pg';
import PgBoss from 'pg-boss';
import { Outbox, Wire, arguments_, payload, report } from './wire.mjs';

const { database, url, jobs, concurrency } = arguments_();
const boss = new PgBoss({ ...database, supervise: false, schedule: false });
boss.on('error', (error) => console.error(error));
await boss.start();
await boss.createQueue('send');
const loading = performance.now();
for (let from = 1; from <= jobs; from += 5000) {
	const count = Math.min(5000, jobs - from + 1);
	await boss.insert(Array.from({ length: count }, (_, i) => ({ name: 'send', data: payload(from + i) })));
}
const loaded = performance.now() - loading;
const pool = new pg.Pool(database);
const outbox = await Outbox.create(pool, jobs);
await pool.query('CHECKPOINT');

// work() of this version waits half a second between batches; fetch() and complete() are the same without the wait
const wire = new Wire(url, concurrency);
const loops = 4;
const batchSize = Math.max(100, Math.ceil(concurrency / loops));
let done = 0;
const began = performance.now();
await Promise.all(
	Array.from({ length: loops }, async () => {
		while (done < jobs) {
			const batch = await boss.fetch('send', { batchSize });
			if (batch.length === 0) break;
			await Promise.all(batch.map(async (job) => outbox.store(job.data.id, await wire.send(job.data))));
			await boss.complete('send', batch.map((job) => job.id));
			done += batch.length;
		}
	}),
);
report(jobs, began, loaded);
process.exit(0);

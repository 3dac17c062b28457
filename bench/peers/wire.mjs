// The request that all peers send, and a table where answers are stored in batches.
import { Pool } from 'undici';

export const arguments_ = () => {
	const [folder, database, url, jobs, concurrency, mode] = process.argv.slice(2);
	return { database: { host: folder, database, user: 'postgres', max: 10 }, url: new URL(url), jobs: +jobs, concurrency: +concurrency, mode };
};

export const payload = (id) => ({
	id,
	phone: '+346' + String(id).padStart(8, '0'),
	template: 'po_notification',
	language: 'es',
	parameters: ['Proveedor ABC', 'PO-' + id, '€1,250.00'],
});

export class Wire {
	constructor(url, concurrency) {
		this.path = url.pathname;
		this.pool = new Pool(url.origin, { connections: concurrency, pipelining: 1 });
	}

	// The message id of the answer.
	async send(job) {
		const { statusCode, body } = await this.pool.request({
			path: this.path,
			method: 'POST',
			headers: { authorization: 'Bearer sandbox-token', 'content-type': 'application/json' },
			body: JSON.stringify({
				messaging_product: 'whatsapp',
				recipient_type: 'individual',
				to: job.phone,
				biz_opaque_callback_data: '0123456789abcdef.' + job.id + '.845566677788899',
				type: 'template',
				template: {
					name: job.template,
					language: { code: job.language },
					components: [{ type: 'body', parameters: job.parameters.map((text) => ({ type: 'text', text })) }],
				},
			}),
		});
		const answer = await body.json();
		if (statusCode !== 200) throw new Error('status ' + statusCode);
		return answer.messages[0].id;
	}
}

// Answers that come together are written by one statement; who stored one waits until it is committed.
export class Outbox {
	constructor(pool) {
		this.pool = pool;
		this.waiting = [];
		this.writing = false;
	}

	static async create(pool, jobs) {
		await pool.query("CREATE TABLE outbox (id bigint PRIMARY KEY, status text NOT NULL DEFAULT 'PENDING', wamid text, sent_at timestamptz) WITH (fillfactor = 70)");
		await pool.query('INSERT INTO outbox (id) SELECT generate_series(1, $1::bigint)', [jobs]);
		return new Outbox(pool);
	}

	store(id, wamid) {
		return new Promise((resolve, reject) => {
			this.waiting.push({ id, wamid, resolve, reject });
			if (!this.writing) this.write();
		});
	}

	async write() {
		this.writing = true;
		while (this.waiting.length > 0) {
			const batch = this.waiting.splice(0, 500);
			try {
				await this.pool.query(
					"UPDATE outbox SET status = 'SENT', wamid = a.wamid, sent_at = now() FROM unnest($1::bigint[], $2::text[]) AS a (id, wamid) WHERE outbox.id = a.id",
					[batch.map((one) => one.id), batch.map((one) => one.wamid)],
				);
				for (const one of batch) one.resolve();
			} catch (error) {
				for (const one of batch) one.reject(error);
			}
		}
		this.writing = false;
	}
}

export const report = (jobs, began, loaded) => {
	const seconds = (performance.now() - began) / 1000;
	console.log(JSON.stringify({ jobs, seconds, rate: jobs / seconds, enqueue_rate: (jobs / loaded) * 1000 }));
};

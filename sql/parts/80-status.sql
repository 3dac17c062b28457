/* Views of the whole, for people and for monitoring: none of them reads a table that grows with the messages. */

CREATE FUNCTION whatsapp_counters() RETURNS TABLE (name text, sender text, label text, value double precision)
LANGUAGE C VOLATILE PARALLEL SAFE ROWS 100
AS 'MODULE_PATHNAME', 'pg_whatsapp_counters';

CREATE FUNCTION whatsapp_queue_counters() RETURNS TABLE (sender text, priority integer, state text, messages bigint, oldest_due timestamptz)
LANGUAGE C VOLATILE PARALLEL SAFE ROWS 10
AS 'MODULE_PATHNAME', 'pg_whatsapp_queue_counters';

CREATE FUNCTION whatsapp_latency_counters()
RETURNS TABLE (sender text, step text, messages bigint, p50 double precision, p95 double precision, p99 double precision, since timestamptz)
LANGUAGE C VOLATILE PARALLEL SAFE ROWS 10
AS 'MODULE_PATHNAME', 'pg_whatsapp_latency_counters';

CREATE FUNCTION wa_metrics(openmetrics boolean DEFAULT false) RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_metrics';

CREATE FUNCTION wa_report() RETURNS text
LANGUAGE C VOLATILE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_report';

CREATE FUNCTION wa_stat_reset() RETURNS boolean
LANGUAGE C VOLATILE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_stat_reset';

-- A short queue is counted now; of a long one stands here what the reader has counted last.
CREATE VIEW whatsapp_stat_queue WITH (security_barrier) AS
WITH counted AS MATERIALIZED (
    SELECT q.sender, q.priority, q.state, q.messages, q.oldest_due, t.at,
           coalesce(pg_catalog.sum(q.messages) OVER (), 0) > 10000 AS many
    FROM (SELECT (SELECT pg_catalog.to_timestamp(c.value) FROM whatsapp_counters() AS c WHERE c.name = 'counted' AND c.value > 0) AS at) AS t
    LEFT JOIN whatsapp_queue_counters() AS q ON true),
long AS MATERIALIZED (
    SELECT coalesce(pg_catalog.bool_or(many), false)
           OR pg_catalog.bool_and(at IS NULL) AND pg_catalog.pg_relation_size('@extschema@.whatsapp_queue'::pg_catalog.regclass) > 67108864 AS is_long
    FROM counted)
SELECT n.sender, n.priority, n.state, n.messages, n.oldest_due,
       greatest(pg_catalog.clock_timestamp() - n.oldest_due, interval '0') AS oldest_age, n.counted_at
FROM (SELECT q.sender, p.name AS priority, q.state, pg_catalog.count(*) AS messages,
             pg_catalog.min(q.due_at) FILTER (WHERE (q.campaign_id = ANY (ARRAY(SELECT z.campaign_id FROM whatsapp_campaign_pauses AS z WHERE z.starts_at <= pg_catalog.now()))) IS NOT TRUE) AS oldest_due,
             pg_catalog.clock_timestamp() AS counted_at
      FROM whatsapp_queue AS q JOIN (VALUES (0, 'urgent'), (1, 'normal'), (2, 'bulk')) AS p (number, name) ON p.number = q.priority
      WHERE NOT (SELECT long.is_long FROM long) AND whatsapp_sees(q.sender)
      GROUP BY q.sender, p.name, q.state
      UNION ALL
      SELECT c.sender, p.name, c.state, c.messages, c.oldest_due, c.at
      FROM counted AS c JOIN (VALUES (0, 'urgent'), (1, 'normal'), (2, 'bulk')) AS p (number, name) ON p.number = c.priority
      WHERE (SELECT long.is_long FROM long)) AS n
ORDER BY n.sender, n.priority DESC, n.state;

CREATE VIEW whatsapp_status AS
SELECT s.status, coalesce(m.messages, 0) AS messages, m.oldest, m.newest
FROM (VALUES (1, 'PENDING'), (2, 'SENT'), (3, 'DELIVERED'), (4, 'READ'), (5, 'FAILED'), (6, 'CANCELLED')) AS s (place, status)
LEFT JOIN (
    SELECT 'PENDING' AS status, pg_catalog.sum(q.messages)::bigint AS messages,
           (SELECT (m.created_at AT TIME ZONE 'UTC')::date FROM whatsapp_messages AS m
            WHERE m.id = (SELECT f.message_id FROM whatsapp_queue AS f WHERE whatsapp_sees(f.sender) ORDER BY f.message_id LIMIT 1)) AS oldest,
           (SELECT (m.created_at AT TIME ZONE 'UTC')::date FROM whatsapp_messages AS m
            WHERE m.id = (SELECT f.message_id FROM whatsapp_queue AS f WHERE whatsapp_sees(f.sender) ORDER BY f.message_id DESC LIMIT 1)) AS newest
    FROM whatsapp_stat_queue AS q
    UNION ALL
    SELECT k.status, pg_catalog.sum(k.messages)::bigint, pg_catalog.min(k.day) FILTER (WHERE k.messages > 0),
           pg_catalog.max(k.day) FILTER (WHERE k.messages > 0)
    FROM (SELECT p.status, d.day, p.messages
          FROM (SELECT c.day, pg_catalog.sum(s.sign * (c.sent - c.delivered - c.failed_sent)) AS sent, pg_catalog.sum(s.sign * (c.delivered - c.read)) AS delivered,
                       pg_catalog.sum(s.sign * c.read) AS read, pg_catalog.sum(s.sign * c.failed) AS failed, pg_catalog.sum(s.sign * c.cancelled) AS cancelled
                FROM whatsapp_day_counts AS c CROSS JOIN LATERAL (SELECT CASE WHEN c.deleted THEN -1 ELSE 1 END AS sign) AS s
                WHERE whatsapp_sees(c.sender) GROUP BY c.day) AS d
          CROSS JOIN LATERAL (VALUES ('SENT', d.sent), ('DELIVERED', d.delivered), ('READ', d.read), ('FAILED', d.failed),
                                     ('CANCELLED', d.cancelled)) AS p (status, messages)) AS k
    GROUP BY k.status) AS m USING (status)
ORDER BY s.place;

CREATE VIEW whatsapp_stat_days WITH (security_barrier) AS
SELECT d.day, d.sender, d.template_name, d.category, d.sent, d.delivered, d.read, d.failed,
       pg_catalog.round(100.0 * d.delivered / nullif(d.sent, 0), 1) AS delivery_rate,
       pg_catalog.round(100.0 * d.read / nullif(d.sent, 0), 1) AS read_rate
FROM (SELECT c.day, c.sender, c.template_name, c.category, pg_catalog.sum(c.sent)::bigint AS sent,
             pg_catalog.sum(c.delivered)::bigint AS delivered, pg_catalog.sum(c.read)::bigint AS read, pg_catalog.sum(c.failed)::bigint AS failed
      FROM whatsapp_day_counts AS c WHERE NOT c.deleted AND whatsapp_sees(c.sender)
      GROUP BY c.day, c.sender, c.template_name, c.category) AS d
WHERE d.sent <> 0 OR d.failed <> 0
ORDER BY d.day DESC, d.sender, d.template_name, d.category;

CREATE VIEW whatsapp_stat_errors WITH (security_barrier) AS
SELECT d.day, d.sender, d.error_code, d.failed, e.meaning, e.hint
FROM (SELECT c.day, c.sender, c.error_code, pg_catalog.sum(c.failed)::bigint AS failed FROM whatsapp_day_counts AS c
      WHERE NOT c.deleted AND whatsapp_sees(c.sender) GROUP BY c.day, c.sender, c.error_code) AS d
LEFT JOIN LATERAL wa_explain(d.error_code) AS e ON true
WHERE d.failed <> 0
ORDER BY d.day DESC, d.failed DESC, d.sender, d.error_code;

CREATE VIEW whatsapp_stat_latency AS
SELECT l.sender, s.name AS step, l.messages, pg_catalog.round(l.p50::numeric, 3) AS p50, pg_catalog.round(l.p95::numeric, 3) AS p95,
       pg_catalog.round(l.p99::numeric, 3) AS p99, l.since
FROM whatsapp_latency_counters() AS l
JOIN (VALUES (1, 'queued', 'commit to wire'), (2, 'answered', 'wire to answer'), (3, 'delivered', 'answer to delivered'),
             (4, 'read', 'delivered to read')) AS s (place, step, name) USING (step)
ORDER BY l.sender, s.place;

CREATE VIEW whatsapp_stat_senders WITH (security_barrier) AS
SELECT s.name AS sender, s.enabled, s.paused_until, s.paused_reason, s.paused_hint, s.quality,
       coalesce(q.waiting, 0) AS waiting, q.oldest_due, c.sent, c.retried, c.throttled, c.refused, c.unknown, c.account_trouble,
       pg_catalog.to_timestamp(c.last_sent) AS last_sent, pg_catalog.to_timestamp(c.since) AS since
FROM whatsapp_senders AS s
LEFT JOIN (SELECT w.sender, pg_catalog.sum(w.messages)::bigint AS waiting, pg_catalog.min(w.oldest_due) AS oldest_due
           FROM whatsapp_stat_queue AS w GROUP BY w.sender) AS q ON q.sender = s.name
LEFT JOIN (SELECT k.sender,
                  pg_catalog.sum(k.value) FILTER (WHERE k.name = 'attempts' AND k.label = 'sent')::bigint AS sent,
                  pg_catalog.sum(k.value) FILTER (WHERE k.name = 'attempts' AND k.label = 'retry')::bigint AS retried,
                  pg_catalog.sum(k.value) FILTER (WHERE k.name = 'attempts' AND k.label = 'throttle')::bigint AS throttled,
                  pg_catalog.sum(k.value) FILTER (WHERE k.name = 'attempts' AND k.label IN ('refused', 'unsent'))::bigint AS refused,
                  pg_catalog.sum(k.value) FILTER (WHERE k.name = 'attempts' AND k.label = 'unknown')::bigint AS unknown,
                  pg_catalog.sum(k.value) FILTER (WHERE k.name = 'attempts' AND k.label = 'account')::bigint AS account_trouble,
                  nullif(pg_catalog.sum(k.value) FILTER (WHERE k.name = 'last_sent'), 0) AS last_sent,
                  pg_catalog.sum(k.value) FILTER (WHERE k.name = 'since') AS since
           FROM whatsapp_counters() AS k WHERE k.sender IS NOT NULL GROUP BY k.sender) AS c ON c.sender = s.name
WHERE whatsapp_sees(s.name)
ORDER BY s.name;

CREATE VIEW whatsapp_stat_listener AS
SELECT coalesce(pg_catalog.bool_or(k.value = 1) FILTER (WHERE k.name = 'listening'), false) AS listening,
       pg_catalog.sum(k.value) FILTER (WHERE k.name = 'deliveries' AND k.label = 'stored')::bigint AS stored,
       pg_catalog.sum(k.value) FILTER (WHERE k.name = 'deliveries' AND k.label = 'malformed')::bigint AS malformed,
       pg_catalog.sum(k.value) FILTER (WHERE k.name = 'deliveries' AND k.label = 'deferred')::bigint AS deferred,
       pg_catalog.sum(k.value) FILTER (WHERE k.name = 'deliveries' AND k.label = 'bad_signature')::bigint AS bad_signature,
       pg_catalog.sum(k.value) FILTER (WHERE k.name = 'deliveries' AND k.label = 'bad_token')::bigint AS bad_token,
       pg_catalog.to_timestamp(nullif(pg_catalog.sum(k.value) FILTER (WHERE k.name = 'last_delivery'), 0)) AS last_delivery,
       pg_catalog.to_timestamp(nullif(pg_catalog.sum(k.value) FILTER (WHERE k.name = 'last_status'), 0)) AS last_status,
       pg_catalog.to_timestamp(nullif(pg_catalog.sum(k.value) FILTER (WHERE k.name = 'since' AND k.sender IS NULL), 0)) AS since
FROM whatsapp_counters() AS k;

CREATE VIEW whatsapp_stat_workers AS
SELECT w.worker, pg_catalog.to_timestamp(nullif(pg_catalog.max(k.value) FILTER (WHERE k.name = 'worker_start'), 0)) AS started_at,
       pg_catalog.to_timestamp(nullif(pg_catalog.max(k.value) FILTER (WHERE k.name = 'worker_loop'), 0)) AS last_loop,
       coalesce(pg_catalog.max(k.value) FILTER (WHERE k.name = 'worker_loop')
                > extract(epoch FROM pg_catalog.clock_timestamp() - interval '15 s'), false) AS alive
FROM (VALUES (1, 'launcher'), (2, 'sender'), (3, 'listener'), (4, 'reader')) AS w (place, worker)
LEFT JOIN whatsapp_counters() AS k ON k.label = w.worker
GROUP BY w.place, w.worker
ORDER BY w.place;

COMMENT ON FUNCTION whatsapp_counters() IS 'What the workers of this database have counted in shared memory, for the views whatsapp_stat_*.';
COMMENT ON FUNCTION whatsapp_queue_counters() IS 'The queue as the reader of this database has last counted it, for whatsapp_stat_queue.';
COMMENT ON FUNCTION whatsapp_latency_counters() IS 'How long messages took, as the workers of this database have measured it, for whatsapp_stat_latency.';
COMMENT ON FUNCTION wa_metrics(boolean) IS
    'What GET /metrics of whatsapp.metrics_listen answers: all counters of this server in Prometheus'' text format, or in OpenMetrics with examples.';
COMMENT ON FUNCTION wa_report() IS
    'One HTML page about this database: is it sending, is it hearing, what is stuck, the last 30 days. Nothing about a person, nothing loaded from elsewhere.';
COMMENT ON FUNCTION wa_stat_reset() IS
    'Counters and latencies of this database begin anew, as their since says; whatsapp_stat_days and whatsapp_stat_errors stay. False when there are none.';
COMMENT ON VIEW whatsapp_stat_queue IS 'What is still to be sent, by sender, priority and state.';
COMMENT ON COLUMN whatsapp_stat_queue.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_stat_queue.priority IS 'urgent, normal or bulk.';
COMMENT ON COLUMN whatsapp_stat_queue.state IS 'ready, sending, unknown or held: see whatsapp_queue.state.';
COMMENT ON COLUMN whatsapp_stat_queue.messages IS 'Number of messages.';
COMMENT ON COLUMN whatsapp_stat_queue.oldest_due IS 'Since when the oldest of them is due, or will be; those of paused campaigns do not count.';
COMMENT ON COLUMN whatsapp_stat_queue.oldest_age IS 'For how long the oldest of them has been due.';
COMMENT ON COLUMN whatsapp_stat_queue.counted_at IS 'When they were counted: now, or by the reader when there are more than 10,000.';
COMMENT ON VIEW whatsapp_status IS 'Messages by status: those that wait from the queue, all others from whatsapp_day_counts.';
COMMENT ON COLUMN whatsapp_status.status IS 'One of the six statuses, in the order of a message''s life.';
COMMENT ON COLUMN whatsapp_status.messages IS 'Number of messages in this status.';
COMMENT ON COLUMN whatsapp_status.oldest IS 'Their first day, see whatsapp_day_counts.day.';
COMMENT ON COLUMN whatsapp_status.newest IS 'Their last day.';
COMMENT ON VIEW whatsapp_stat_days IS 'Messages of each day by sender, template and category: sent, and what became of those.';
COMMENT ON COLUMN whatsapp_stat_days.day IS 'By UTC: the day when the messages were sent; of those that were never sent, when they failed. What is older than 400 days is summed up by month, on its first day.';
COMMENT ON COLUMN whatsapp_stat_days.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_stat_days.template_name IS 'Name of the template; empty without one.';
COMMENT ON COLUMN whatsapp_stat_days.category IS 'Category that is charged; empty until a status webhook tells it.';
COMMENT ON COLUMN whatsapp_stat_days.sent IS 'Messages that were sent.';
COMMENT ON COLUMN whatsapp_stat_days.delivered IS 'Of these, those that were delivered, read ones among them.';
COMMENT ON COLUMN whatsapp_stat_days.read IS 'Of these, those that were read.';
COMMENT ON COLUMN whatsapp_stat_days.failed IS 'Messages that failed, sent or not.';
COMMENT ON COLUMN whatsapp_stat_days.delivery_rate IS 'delivered of sent in percent; NULL when nothing was sent.';
COMMENT ON COLUMN whatsapp_stat_days.read_rate IS 'read of sent in percent; NULL when nothing was sent.';
COMMENT ON VIEW whatsapp_stat_errors IS 'Failed messages by day, sender and error code, with what the code means.';
COMMENT ON COLUMN whatsapp_stat_errors.day IS 'By UTC: the day when the messages were sent; of those that were never sent, when they failed.';
COMMENT ON COLUMN whatsapp_stat_errors.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_stat_errors.error_code IS 'Meta''s code; NULL when the error is ours: see whatsapp_messages.error_message.';
COMMENT ON COLUMN whatsapp_stat_errors.failed IS 'Number of messages.';
COMMENT ON COLUMN whatsapp_stat_errors.meaning IS 'What the code says.';
COMMENT ON COLUMN whatsapp_stat_errors.hint IS 'What to do about it.';
COMMENT ON VIEW whatsapp_stat_latency IS 'How long each step of a message''s way took, in seconds, since the counters began.';
COMMENT ON COLUMN whatsapp_stat_latency.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_stat_latency.step IS 'commit to wire (from the due time, where that is later), wire to answer, answer to delivered, delivered to read.';
COMMENT ON COLUMN whatsapp_stat_latency.messages IS 'Messages that were measured.';
COMMENT ON COLUMN whatsapp_stat_latency.p50 IS 'Half of them took no longer, in seconds.';
COMMENT ON COLUMN whatsapp_stat_latency.p95 IS '95 % of them took no longer.';
COMMENT ON COLUMN whatsapp_stat_latency.p99 IS '99 % of them took no longer.';
COMMENT ON COLUMN whatsapp_stat_latency.since IS 'Since when it is measured.';
COMMENT ON VIEW whatsapp_stat_senders IS 'Each sender: is it sending, why not, and what became of its attempts.';
COMMENT ON COLUMN whatsapp_stat_senders.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_stat_senders.enabled IS 'False: it is switched off.';
COMMENT ON COLUMN whatsapp_stat_senders.paused_until IS 'It pauses until then; NULL when it does not.';
COMMENT ON COLUMN whatsapp_stat_senders.paused_reason IS 'Why it pauses.';
COMMENT ON COLUMN whatsapp_stat_senders.paused_hint IS 'What to do about it.';
COMMENT ON COLUMN whatsapp_stat_senders.quality IS 'RED when Meta has flagged the number.';
COMMENT ON COLUMN whatsapp_stat_senders.waiting IS 'Messages in the queue.';
COMMENT ON COLUMN whatsapp_stat_senders.oldest_due IS 'When the oldest of them was due, or will be.';
COMMENT ON COLUMN whatsapp_stat_senders.sent IS 'Attempts since then that the platform accepted.';
COMMENT ON COLUMN whatsapp_stat_senders.retried IS 'Attempts that are to be repeated.';
COMMENT ON COLUMN whatsapp_stat_senders.throttled IS 'Attempts that met a limit of the platform.';
COMMENT ON COLUMN whatsapp_stat_senders.refused IS 'Attempts after which the message failed.';
COMMENT ON COLUMN whatsapp_stat_senders.unknown IS 'Attempts without an answer.';
COMMENT ON COLUMN whatsapp_stat_senders.account_trouble IS 'Attempts that met trouble with the account.';
COMMENT ON COLUMN whatsapp_stat_senders.last_sent IS 'When the platform last accepted a message.';
COMMENT ON COLUMN whatsapp_stat_senders.since IS 'Since when attempts are counted.';
COMMENT ON VIEW whatsapp_stat_listener IS 'What became of the requests to the webhook, and when it last heard of Meta.';
COMMENT ON COLUMN whatsapp_stat_listener.listening IS 'Whether the listener has an address and could bind it.';
COMMENT ON COLUMN whatsapp_stat_listener.stored IS 'Deliveries that were stored.';
COMMENT ON COLUMN whatsapp_stat_listener.malformed IS 'Signed deliveries that could not be read, and are kept as they came.';
COMMENT ON COLUMN whatsapp_stat_listener.deferred IS 'Deliveries that the database would not take; Meta repeats them.';
COMMENT ON COLUMN whatsapp_stat_listener.bad_signature IS 'Requests whose signature is missing or wrong.';
COMMENT ON COLUMN whatsapp_stat_listener.bad_token IS 'Requests whose verify token is missing or wrong.';
COMMENT ON COLUMN whatsapp_stat_listener.last_delivery IS 'When a delivery was last stored.';
COMMENT ON COLUMN whatsapp_stat_listener.last_status IS 'When the status of a message last came.';
COMMENT ON COLUMN whatsapp_stat_listener.since IS 'Since when it is counted.';
COMMENT ON VIEW whatsapp_stat_workers IS 'The workers that serve this database, and whether they are alive.';
COMMENT ON COLUMN whatsapp_stat_workers.worker IS 'launcher, sender, listener or reader.';
COMMENT ON COLUMN whatsapp_stat_workers.started_at IS 'When it was started.';
COMMENT ON COLUMN whatsapp_stat_workers.last_loop IS 'When it last went through its loop: at least each five seconds.';
COMMENT ON COLUMN whatsapp_stat_workers.alive IS 'Whether that is less than 15 seconds ago.';

REVOKE ALL ON FUNCTION whatsapp_counters() FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_queue_counters() FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_latency_counters() FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_metrics(boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_report() FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_stat_reset() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION whatsapp_counters(), whatsapp_queue_counters(), whatsapp_latency_counters(), wa_metrics(boolean), wa_report() TO pg_monitor;
GRANT SELECT ON whatsapp_status, whatsapp_stat_queue, whatsapp_stat_senders, whatsapp_stat_listener, whatsapp_stat_latency, whatsapp_stat_errors,
    whatsapp_stat_days, whatsapp_stat_workers TO pg_monitor;

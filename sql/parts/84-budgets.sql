/* Budgets: money is reserved when a message is claimed, settled when it is delivered, released when it is refused. */

-- NULL in a scope is all of them; account '' is the default account.
CREATE TABLE whatsapp_budget_limits (
    name          text PRIMARY KEY CHECK (name <> '' AND pg_catalog.octet_length(name) <= 63),
    amount        numeric(18,8) NOT NULL CHECK (amount >= 0),
    currency      text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    period        text NOT NULL CHECK (period IN ('day', 'month')),
    account       text,
    sender        text,
    category      text,
    template_name text,
    campaign_id   bigint,
    hold          boolean NOT NULL,
    unpriced      text NOT NULL CHECK (unpriced IN ('count', 'hold')),
    set_at        timestamptz NOT NULL DEFAULT pg_catalog.now()
);

-- One row a budget and period, made by the sender at the first look in it.
CREATE TABLE whatsapp_budget_periods (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    budget    text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at   timestamptz NOT NULL,
    amount    numeric NOT NULL,
    warned    smallint NOT NULL DEFAULT 0,
    warned_at timestamptz
);

-- Rows of one period add up. A transaction inserts what it has changed and waits for nobody; the reader folds them.
CREATE TABLE whatsapp_budget_ledger (
    period     bigint NOT NULL,
    authorised numeric NOT NULL,
    reserved   numeric NOT NULL,
    settled    numeric NOT NULL,
    released   numeric NOT NULL,
    messages   bigint NOT NULL,
    unpriced   bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE whatsapp_budget_ledger REPLICA IDENTITY FULL;

-- Of messages that some budget counts. Several where a message was tried again after a refusal.
CREATE TABLE whatsapp_charges (
    message_id  bigint NOT NULL,
    reserved_at timestamptz NOT NULL,
    state       text NOT NULL CHECK (state IN ('reserved', 'settled', 'released')),
    category    text,
    amount      numeric,
    charged     numeric,
    periods     bigint[] NOT NULL
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE whatsapp_charges REPLICA IDENTITY FULL;

CREATE UNIQUE INDEX whatsapp_budget_periods_budget_idx ON whatsapp_budget_periods (budget, starts_at);
CREATE INDEX whatsapp_charges_message_id_idx ON whatsapp_charges (message_id);

-- What a charge is in the ledger: reserved + settled + released = authorised, whatever its state.
CREATE FUNCTION whatsapp_charge_parts(state text, amount numeric, charged numeric, OUT authorised numeric, OUT reserved numeric, OUT settled numeric,
                                      OUT released numeric, OUT messages bigint, OUT unpriced bigint)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(CASE WHEN whatsapp_charge_parts.state = 'settled' THEN greatest(whatsapp_charge_parts.amount, whatsapp_charge_parts.charged)
                         ELSE whatsapp_charge_parts.amount END, 0),
           CASE WHEN whatsapp_charge_parts.state = 'reserved' THEN coalesce(whatsapp_charge_parts.amount, 0) ELSE 0 END,
           CASE WHEN whatsapp_charge_parts.state = 'settled' THEN coalesce(whatsapp_charge_parts.charged, 0) ELSE 0 END,
           CASE whatsapp_charge_parts.state
                WHEN 'settled' THEN greatest(coalesce(whatsapp_charge_parts.amount, 0) - coalesce(whatsapp_charge_parts.charged, 0), 0)
                WHEN 'released' THEN coalesce(whatsapp_charge_parts.amount, 0) ELSE 0 END,
           CASE WHEN whatsapp_charge_parts.state = 'released' THEN 0 ELSE 1 END,
           CASE WHEN whatsapp_charge_parts.state <> 'released' AND coalesce(whatsapp_charge_parts.charged, whatsapp_charge_parts.amount) IS NULL
                THEN 1 ELSE 0 END;
END;

CREATE FUNCTION wa_budget_set(name text, amount numeric, currency text DEFAULT NULL, period text DEFAULT 'month', account text DEFAULT NULL,
                              sender text DEFAULT NULL, category text DEFAULT NULL, template text DEFAULT NULL, hold boolean DEFAULT true,
                              unpriced text DEFAULT 'count', campaign bigint DEFAULT NULL) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_budget_set';

CREATE FUNCTION wa_budget_remove(name text) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_budget_remove';

-- The period that is now, in the time zone of the account that the scope names, else of the default sender's.
CREATE VIEW whatsapp_budget_sums WITH (security_barrier) AS
SELECT l.name, l.amount, l.currency, l.period, l.account, l.sender, l.category, l.template_name, l.campaign_id, l.hold, l.unpriced AS unpriced_policy,
       z.time_zone, e.starts_at, e.ends_at, p.id AS period_id, p.amount AS period_amount, p.warned, p.warned_at,
       coalesce(s.authorised, 0) AS authorised, coalesce(s.reserved, 0) AS reserved, coalesce(s.settled, 0) AS settled,
       coalesce(s.released, 0) AS released, coalesce(s.messages, 0)::bigint AS messages, coalesce(s.unpriced, 0)::bigint AS unpriced
FROM whatsapp_budget_limits AS l
CROSS JOIN LATERAL (SELECT coalesce((SELECT b.time_zone FROM whatsapp_billing AS b
                                     WHERE b.time_zone IS NOT NULL AND (l.sender IS NULL OR b.sender = l.sender)
                                       AND (l.account IS NULL OR coalesce(b.account, '') = l.account)
                                     ORDER BY b.sender <> 'default', b.sender LIMIT 1), 'UTC') AS time_zone) AS z
CROSS JOIN LATERAL (SELECT pg_catalog.date_trunc(l.period, pg_catalog.timezone(z.time_zone, pg_catalog.now())) AS starts) AS t
CROSS JOIN LATERAL (SELECT pg_catalog.timezone(z.time_zone, t.starts) AS starts_at,
                           pg_catalog.timezone(z.time_zone, t.starts + CASE l.period WHEN 'day' THEN interval '1 day' ELSE interval '1 month' END)
                               AS ends_at) AS e
LEFT JOIN whatsapp_budget_periods AS p ON p.budget = l.name AND p.starts_at = e.starts_at
LEFT JOIN LATERAL (SELECT pg_catalog.sum(g.authorised) AS authorised, pg_catalog.sum(g.reserved) AS reserved, pg_catalog.sum(g.settled) AS settled,
                          pg_catalog.sum(g.released) AS released, pg_catalog.sum(g.messages) AS messages, pg_catalog.sum(g.unpriced) AS unpriced
                   FROM whatsapp_budget_ledger AS g WHERE g.period = p.id) AS s ON true
WHERE whatsapp_sees(l.sender);

CREATE VIEW whatsapp_budgets WITH (security_barrier) AS
SELECT b.name, CASE WHEN h.held > 0 THEN 'holding' WHEN b.settled + b.reserved >= b.amount THEN 'used up'
                    WHEN b.settled + b.reserved >= 0.5 * b.amount THEN 'warning' ELSE 'ok' END AS state,
       b.amount, b.currency, b.settled AS spent, b.reserved, b.amount - b.settled - b.reserved AS remaining,
       CASE WHEN b.amount > 0 THEN pg_catalog.round((b.settled + b.reserved) / b.amount, 4) END AS share,
       b.messages, b.unpriced, h.held, b.period, b.starts_at, b.ends_at, b.time_zone, b.account, b.sender, b.category, b.template_name, b.campaign_id, b.hold,
       b.unpriced_policy, CASE WHEN b.warned > 0 THEN b.warned END AS last_warning, b.warned_at AS last_warning_at
FROM whatsapp_budget_sums AS b
CROSS JOIN LATERAL (SELECT pg_catalog.count(*) AS held FROM whatsapp_queue AS q
                    WHERE q.held_by IN ('budget ' || b.name, 'unknown price, budget ' || b.name) AND q.due_at > pg_catalog.clock_timestamp()) AS h;

COMMENT ON TABLE whatsapp_budget_limits IS 'Budgets as wa_budget_set() made them.';
COMMENT ON COLUMN whatsapp_budget_limits.name IS 'Name of the budget.';
COMMENT ON COLUMN whatsapp_budget_limits.amount IS 'How much may be spent in a period.';
COMMENT ON COLUMN whatsapp_budget_limits.currency IS 'ISO 4217; a message that is charged in another one has no price here.';
COMMENT ON COLUMN whatsapp_budget_limits.period IS 'day or month.';
COMMENT ON COLUMN whatsapp_budget_limits.account IS 'Counts messages of this account alone; empty is the default one; NULL is all.';
COMMENT ON COLUMN whatsapp_budget_limits.sender IS 'Counts messages of this sender alone; NULL is all.';
COMMENT ON COLUMN whatsapp_budget_limits.category IS 'Counts messages of this category alone; NULL is all.';
COMMENT ON COLUMN whatsapp_budget_limits.template_name IS 'Counts messages of this template alone; NULL is all.';
COMMENT ON COLUMN whatsapp_budget_limits.campaign_id IS 'Counts messages of this campaign alone, see whatsapp_campaigns; NULL is all.';
COMMENT ON COLUMN whatsapp_budget_limits.hold IS 'True: what does not fit waits for the next period, urgent messages aside. False: it only warns.';
COMMENT ON COLUMN whatsapp_budget_limits.unpriced IS 'count: a message whose price is not known is sent and counted; hold: it waits.';
COMMENT ON COLUMN whatsapp_budget_limits.set_at IS 'When it was last set.';
COMMENT ON TABLE whatsapp_budget_periods IS 'Days and months of budgets in which the sender worked.';
COMMENT ON COLUMN whatsapp_budget_periods.id IS 'Named by whatsapp_budget_ledger and whatsapp_charges.';
COMMENT ON COLUMN whatsapp_budget_periods.budget IS 'Name of the budget.';
COMMENT ON COLUMN whatsapp_budget_periods.starts_at IS 'Begin of the day or month, in the time zone of the account.';
COMMENT ON COLUMN whatsapp_budget_periods.ends_at IS 'Its end.';
COMMENT ON COLUMN whatsapp_budget_periods.amount IS 'The amount for which warnings were given; they begin anew with another one.';
COMMENT ON COLUMN whatsapp_budget_periods.warned IS 'The last warning: 50, 80 or 100 percent; 0 before.';
COMMENT ON COLUMN whatsapp_budget_periods.warned_at IS 'When that was.';
COMMENT ON TABLE whatsapp_budget_ledger IS 'What was reserved, settled and released; rows of one period add up. At all times reserved + settled + released = authorised.';
COMMENT ON COLUMN whatsapp_budget_ledger.period IS 'Its row of whatsapp_budget_periods.';
COMMENT ON COLUMN whatsapp_budget_ledger.authorised IS 'Money that was reserved, and what was charged beyond it.';
COMMENT ON COLUMN whatsapp_budget_ledger.reserved IS 'Of it, for messages that may still be charged.';
COMMENT ON COLUMN whatsapp_budget_ledger.settled IS 'Of it, for messages that were delivered: what they cost.';
COMMENT ON COLUMN whatsapp_budget_ledger.released IS 'Of it, what is not charged: messages that were refused or turned out to be cheaper.';
COMMENT ON COLUMN whatsapp_budget_ledger.messages IS 'Messages, without those that were refused.';
COMMENT ON COLUMN whatsapp_budget_ledger.unpriced IS 'Of these, messages whose price nobody knows.';
COMMENT ON TABLE whatsapp_charges IS 'What messages that a budget counts have reserved and cost. A row goes with its message.';
COMMENT ON COLUMN whatsapp_charges.message_id IS 'The message, a row of whatsapp_messages.';
COMMENT ON COLUMN whatsapp_charges.reserved_at IS 'When it was claimed.';
COMMENT ON COLUMN whatsapp_charges.state IS 'reserved; settled: delivered; released: refused. Where nobody knows what became of it, it stays reserved.';
COMMENT ON COLUMN whatsapp_charges.category IS 'Category by which it was priced.';
COMMENT ON COLUMN whatsapp_charges.amount IS 'What was reserved; NULL when the price is not known.';
COMMENT ON COLUMN whatsapp_charges.charged IS 'What it cost when it was delivered: the reserved amount, 0 where Meta does not charge it, what Meta told that it cost, or the price of the category that Meta told.';
COMMENT ON COLUMN whatsapp_charges.periods IS 'The periods of budgets in which it counts.';
COMMENT ON FUNCTION whatsapp_charge_parts(text, numeric, numeric) IS 'What a charge adds to whatsapp_budget_ledger.';
COMMENT ON FUNCTION wa_budget_set(text, numeric, text, text, text, text, text, text, boolean, text, bigint) IS
    'Makes or changes a budget; true when it is new. currency NULL is that of the account. A change of the amount holds at once and keeps what was spent; another currency, period or scope begins anew. Raises 22023 for what is not possible, 22004 for NULL, 22003 for an amount that is too large, 42704 for an account, sender or campaign that is not there.';
COMMENT ON FUNCTION wa_budget_remove(text) IS 'Removes a budget and its sums; what it held is sent. False when there is none of this name.';
COMMENT ON VIEW whatsapp_budget_sums IS 'Budgets with the sums of the period that is now. For whatsapp_budgets and the workers.';
COMMENT ON COLUMN whatsapp_budget_sums.name IS 'Name of the budget.';
COMMENT ON COLUMN whatsapp_budget_sums.amount IS 'How much may be spent in a period.';
COMMENT ON COLUMN whatsapp_budget_sums.currency IS 'ISO 4217.';
COMMENT ON COLUMN whatsapp_budget_sums.period IS 'day or month.';
COMMENT ON COLUMN whatsapp_budget_sums.account IS 'Account of its scope.';
COMMENT ON COLUMN whatsapp_budget_sums.sender IS 'Sender of its scope.';
COMMENT ON COLUMN whatsapp_budget_sums.category IS 'Category of its scope.';
COMMENT ON COLUMN whatsapp_budget_sums.template_name IS 'Template of its scope.';
COMMENT ON COLUMN whatsapp_budget_sums.campaign_id IS 'Campaign of its scope.';
COMMENT ON COLUMN whatsapp_budget_sums.hold IS 'Whether it holds what does not fit.';
COMMENT ON COLUMN whatsapp_budget_sums.unpriced_policy IS 'count or hold: what is done with a message whose price is not known.';
COMMENT ON COLUMN whatsapp_budget_sums.time_zone IS 'In which the period begins: of the account, UTC when nobody has said.';
COMMENT ON COLUMN whatsapp_budget_sums.starts_at IS 'Begin of the period.';
COMMENT ON COLUMN whatsapp_budget_sums.ends_at IS 'End of the period.';
COMMENT ON COLUMN whatsapp_budget_sums.period_id IS 'Its row of whatsapp_budget_periods; NULL before the sender has worked in it.';
COMMENT ON COLUMN whatsapp_budget_sums.period_amount IS 'The amount for which warnings were given.';
COMMENT ON COLUMN whatsapp_budget_sums.warned IS 'The last warning of the period.';
COMMENT ON COLUMN whatsapp_budget_sums.warned_at IS 'When that was.';
COMMENT ON COLUMN whatsapp_budget_sums.authorised IS 'Money that was reserved, and what was charged beyond it.';
COMMENT ON COLUMN whatsapp_budget_sums.reserved IS 'Of it, for messages that may still be charged.';
COMMENT ON COLUMN whatsapp_budget_sums.settled IS 'Of it, for messages that were delivered.';
COMMENT ON COLUMN whatsapp_budget_sums.released IS 'Of it, what is not charged.';
COMMENT ON COLUMN whatsapp_budget_sums.messages IS 'Messages, without those that were refused.';
COMMENT ON COLUMN whatsapp_budget_sums.unpriced IS 'Of these, messages whose price nobody knows.';
COMMENT ON VIEW whatsapp_budgets IS 'Budgets and how much of the running day or month is spent, reserved and left.';
COMMENT ON COLUMN whatsapp_budgets.name IS 'Name of the budget.';
COMMENT ON COLUMN whatsapp_budgets.state IS 'ok; warning: half of it is used; used up; holding: messages wait because of it.';
COMMENT ON COLUMN whatsapp_budgets.amount IS 'How much may be spent in a period.';
COMMENT ON COLUMN whatsapp_budgets.currency IS 'ISO 4217.';
COMMENT ON COLUMN whatsapp_budgets.spent IS 'What the delivered messages of the period cost.';
COMMENT ON COLUMN whatsapp_budgets.reserved IS 'What those cost that were claimed and are neither delivered nor refused.';
COMMENT ON COLUMN whatsapp_budgets.remaining IS 'What is left for others.';
COMMENT ON COLUMN whatsapp_budgets.share IS 'Spent and reserved, as a share of the amount; NULL for an amount of 0.';
COMMENT ON COLUMN whatsapp_budgets.messages IS 'Messages of the period, without those that were refused.';
COMMENT ON COLUMN whatsapp_budgets.unpriced IS 'Of these, messages whose price nobody knows: they count as 0.';
COMMENT ON COLUMN whatsapp_budgets.held IS 'Messages that wait because of it.';
COMMENT ON COLUMN whatsapp_budgets.period IS 'day or month.';
COMMENT ON COLUMN whatsapp_budgets.starts_at IS 'Begin of the period.';
COMMENT ON COLUMN whatsapp_budgets.ends_at IS 'End of the period.';
COMMENT ON COLUMN whatsapp_budgets.time_zone IS 'In which it begins: of the account, UTC when nobody has said.';
COMMENT ON COLUMN whatsapp_budgets.account IS 'Account of its scope; empty is the default one, NULL all.';
COMMENT ON COLUMN whatsapp_budgets.sender IS 'Sender of its scope; NULL is all.';
COMMENT ON COLUMN whatsapp_budgets.category IS 'Category of its scope; NULL is all.';
COMMENT ON COLUMN whatsapp_budgets.template_name IS 'Template of its scope; NULL is all.';
COMMENT ON COLUMN whatsapp_budgets.campaign_id IS 'Campaign of its scope; NULL is all.';
COMMENT ON COLUMN whatsapp_budgets.hold IS 'Whether it holds what does not fit.';
COMMENT ON COLUMN whatsapp_budgets.unpriced_policy IS 'count or hold: what is done with a message whose price is not known.';
COMMENT ON COLUMN whatsapp_budgets.last_warning IS 'The last warning of the period: 50, 80 or 100 percent.';
COMMENT ON COLUMN whatsapp_budgets.last_warning_at IS 'When that was.';

REVOKE ALL ON FUNCTION whatsapp_charge_parts(text, numeric, numeric) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_budget_set(text, numeric, text, text, text, text, text, text, boolean, text, bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_budget_remove(text) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_budget_limits', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_budget_periods', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_budget_periods_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_budget_ledger', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_charges', '');

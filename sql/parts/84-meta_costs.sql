/* What Meta counts and charges, beside what whatsapp_costs makes of the messages that are known here. */

CREATE TABLE whatsapp_meta_costs (
    account      text,
    day          date NOT NULL,
    country      text,
    category     text,
    pricing_type text,
    units        bigint NOT NULL,
    cost         numeric,
    synced_at    timestamptz NOT NULL
);
ALTER TABLE whatsapp_meta_costs REPLICA IDENTITY FULL;

CREATE INDEX whatsapp_meta_costs_day_idx ON whatsapp_meta_costs (day);

CREATE FUNCTION wa_request_cost_sync(account text DEFAULT NULL, first_day date DEFAULT NULL, last_day date DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_request_cost_sync';

-- As wa_sync_templates(): such a procedure could not commit with SECURITY DEFINER or SET.
CREATE PROCEDURE wa_sync_costs(account text DEFAULT NULL, first_day date DEFAULT NULL, last_day date DEFAULT NULL, timeout interval DEFAULT '1min')
LANGUAGE C
AS 'MODULE_PATHNAME', 'pg_whatsapp_sync_costs';

-- Of the days that were asked for, and no others.
CREATE VIEW whatsapp_cost_differences AS
SELECT day, nullif(account, '') AS account, nullif(category, '') AS category, nullif(market, '') AS market, o.currency,
       coalesce(o.units, 0)::bigint AS units, coalesce(t.units, 0)::bigint AS meta_units, coalesce(o.cost, 0) AS cost, coalesce(t.cost, 0) AS meta_cost,
       (coalesce(t.units, 0) - coalesce(o.units, 0))::bigint AS units_difference, coalesce(t.cost, 0) - coalesce(o.cost, 0) AS cost_difference
FROM (SELECT c.day, coalesce(c.account, '') AS account, coalesce(c.category, '') AS category, coalesce(c.market, '') AS market,
             pg_catalog.max(c.currency) AS currency, pg_catalog.sum(c.units) AS units, pg_catalog.sum(c.cost) AS cost
      FROM whatsapp_costs AS c
      WHERE EXISTS (SELECT FROM whatsapp_meta_costs AS m WHERE m.day = c.day AND m.account IS NOT DISTINCT FROM c.account)
      GROUP BY 1, 2, 3, 4) AS o
FULL JOIN (SELECT m.day, coalesce(m.account, '') AS account, m.category, coalesce(k.market, '') AS market, pg_catalog.sum(m.units) AS units,
                  pg_catalog.sum(m.cost) AS cost
           FROM whatsapp_meta_costs AS m CROSS JOIN LATERAL wa_market(m.country || '.0') AS k
           WHERE m.category IS NOT NULL GROUP BY 1, 2, 3, 4) AS t USING (day, account, category, market)
ORDER BY day, account, category, market;

COMMENT ON TABLE whatsapp_meta_costs IS 'What Meta counts and charges by day, country, category and type, as its API has told it; see wa_sync_costs(). A day that was asked for and has nothing has one row without a category.';
COMMENT ON COLUMN whatsapp_meta_costs.account IS 'Name of the account; NULL is the default one.';
COMMENT ON COLUMN whatsapp_meta_costs.day IS 'Day in the time zone of the account.';
COMMENT ON COLUMN whatsapp_meta_costs.country IS 'Country of the recipients, ISO 3166.';
COMMENT ON COLUMN whatsapp_meta_costs.category IS 'Category that is charged.';
COMMENT ON COLUMN whatsapp_meta_costs.pricing_type IS 'Whether and why it is charged.';
COMMENT ON COLUMN whatsapp_meta_costs.units IS 'Delivered messages.';
COMMENT ON COLUMN whatsapp_meta_costs.cost IS 'What they cost, in the currency of the account, about: Meta says that it is approximate. NULL where Meta does not tell it, as to accounts that a partner pays for.';
COMMENT ON COLUMN whatsapp_meta_costs.synced_at IS 'When Meta told it.';
COMMENT ON VIEW whatsapp_cost_differences IS 'What whatsapp_costs says beside what Meta says, of the days that wa_sync_costs() has read. Reads the whole of whatsapp_messages.';
COMMENT ON COLUMN whatsapp_cost_differences.day IS 'Day in the time zone of the account.';
COMMENT ON COLUMN whatsapp_cost_differences.account IS 'Name of the account; NULL is the default one.';
COMMENT ON COLUMN whatsapp_cost_differences.category IS 'Category that is charged.';
COMMENT ON COLUMN whatsapp_cost_differences.market IS 'Market of the recipients.';
COMMENT ON COLUMN whatsapp_cost_differences.currency IS 'Currency of the account; NULL where nothing is known here.';
COMMENT ON COLUMN whatsapp_cost_differences.units IS 'Delivered messages as they are known here.';
COMMENT ON COLUMN whatsapp_cost_differences.meta_units IS 'As Meta counts them.';
COMMENT ON COLUMN whatsapp_cost_differences.cost IS 'What they cost as whatsapp_costs says; what has no price counts as 0.';
COMMENT ON COLUMN whatsapp_cost_differences.meta_cost IS 'As Meta says.';
COMMENT ON COLUMN whatsapp_cost_differences.units_difference IS 'So many more are known to Meta, such as what others have sent from the same number; negative: to us.';
COMMENT ON COLUMN whatsapp_cost_differences.cost_difference IS 'So much more it costs by Meta''s figures.';
COMMENT ON FUNCTION wa_request_cost_sync(text, date, date) IS
    'Asks for what Meta counts and charges from first_day to last_day to be read into whatsapp_meta_costs, and returns the id of the request, a row of whatsapp_requests, at once. Without days: the last 30 until yesterday. Raises 42704 when there is no such account, 22023 for more than 366 days or none, 55000 when the time zone of the account is not known.';
COMMENT ON PROCEDURE wa_sync_costs(text, date, date, interval) IS
    'Reads what Meta counts and charges into whatsapp_meta_costs: asks for it as wa_request_cost_sync() does, commits, and waits until it is done. Raises also WA030 when it fails, WA031 when the time is over, 55000 when the clerk is switched off, 2D000 in a transaction block.';

REVOKE ALL ON FUNCTION wa_request_cost_sync(text, date, date) FROM PUBLIC;
REVOKE ALL ON PROCEDURE wa_sync_costs(text, date, date, interval) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_meta_costs', '');

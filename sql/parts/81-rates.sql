/* Rate cards, and the market of a phone number. */

-- A row of yours goes before the built-in one of the same prefix. Only yours are dumped: the built-in ones come with the extension.
CREATE TABLE whatsapp_markets (
    prefix   text NOT NULL CHECK (prefix ~ '^[1-9][0-9]{0,6}$'),
    iso      text NOT NULL CHECK (iso ~ '^[A-Z]{2}$'),
    market   text CHECK (market <> ''),
    built_in boolean NOT NULL DEFAULT false,
    PRIMARY KEY (prefix, built_in)
);

-- A card holds from its date until the next one of its currency, and a tier until the next higher one: so nothing can overlap. Built-in
-- cards have keys of their own: a dump that brings a card which a newer version has built in must load.
CREATE TABLE whatsapp_rates (
    currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    effective_date date NOT NULL,
    market         text NOT NULL CHECK (market <> ''),
    category       text NOT NULL CHECK (category IN ('marketing', 'utility', 'authentication', 'authentication_international', 'service')),
    volume_from    bigint NOT NULL DEFAULT 1 CHECK (volume_from > 0),
    rate           numeric(14,8) CHECK (rate >= 0 AND rate < 'Infinity'),
    file_hash      text,
    file_row       integer,
    imported_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    built_in       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (currency, effective_date, market, category, volume_from, built_in)
);

-- Meta's table of March 2026, and the markets that have been split off since. Of the islands behind +1 that it does not list, nobody outside
-- knows whether they are North America or Other: their market is NULL. What is in no row is market Other.
INSERT INTO whatsapp_markets (prefix, iso, market, built_in)
SELECT p.pair[1], p.pair[2], m.market, true FROM (VALUES
    ('Argentina', '54 AR'),
    ('Bangladesh', '880 BD'),
    ('Brazil', '55 BR'),
    ('Chile', '56 CL'),
    ('Colombia', '57 CO'),
    ('Egypt', '20 EG'),
    ('France', '33 FR'),
    ('Germany', '49 DE'),
    ('Hong Kong', '852 HK'),
    ('Hungary', '36 HU'),
    ('India', '91 IN'),
    ('Indonesia', '62 ID'),
    ('Iraq', '964 IQ'),
    ('Israel', '972 IL'),
    ('Italy', '39 IT'),
    ('Kazakhstan', '76 KZ 77 KZ'),
    ('Kuwait', '965 KW'),
    ('Malaysia', '60 MY'),
    ('Mexico', '52 MX'),
    ('Morocco', '212 MA'),
    ('Nepal', '977 NP'),
    ('Netherlands', '31 NL'),
    ('Nigeria', '234 NG'),
    ('North America', '1 US'),
    ('Oman', '968 OM'),
    ('Pakistan', '92 PK'),
    ('Peru', '51 PE'),
    ('Poland', '48 PL'),
    ('Qatar', '974 QA'),
    ('Rest of Africa', '211 SS 213 DZ 216 TN 218 LY 220 GM 221 SN 222 MR 223 ML 225 CI 226 BF 227 NE 228 TG 229 BJ 231 LR 232 SL 233 GH 235 TD 237 CM 241
      GA 242 CG 244 AO 245 GW 249 SD 250 RW 251 ET 252 SO 254 KE 255 TZ 256 UG 257 BI 258 MZ 260 ZM 261 MG 263 ZW 264 NA 265 MW 266 LS
      267 BW 268 SZ 291 ER'),
    ('Rest of Asia Pacific', '61 AU 63 PH 64 NZ 66 TH 675 PG 81 JP 84 VN 855 KH 856 LA 86 CN 886 TW 93 AF 976 MN 992 TJ 993 TM 998 UZ'),
    ('Rest of Central & Eastern Europe', '30 GR 355 AL 359 BG 370 LT 371 LV 373 MD 374 AM 375 BY 381 RS 385 HR 386 SI 389 MK 420 CZ 421 SK 994 AZ 995 GE'),
    ('Rest of Latin America', '1658 JM 1787 PR 1809 DO 1829 DO 1849 DO 1876 JM 1939 PR 502 GT 503 SV 504 HN 505 NI 506 CR 507 PA 509 HT 58 VE 591 BO 593 EC 595
      PY 598 UY'),
    ('Rest of Middle East', '961 LB 962 JO 967 YE 973 BH'),
    ('Rest of Western Europe', '32 BE 351 PT 353 IE 358 FI 41 CH 43 AT 45 DK 46 SE 47 NO'),
    ('Romania', '40 RO'),
    ('Russia', '7 RU'),
    ('Saudi Arabia', '966 SA'),
    ('Singapore', '65 SG'),
    ('South Africa', '27 ZA'),
    ('Spain', '34 ES'),
    ('Sri Lanka', '94 LK'),
    ('Turkey', '90 TR'),
    ('Ukraine', '380 UA'),
    ('United Arab Emirates', '971 AE'),
    ('United Kingdom', '44 GB'),
    (NULL, '1242 BS 1246 BB 1264 AI 1268 AG 1284 VG 1340 VI 1345 KY 1441 BM 1473 GD 1649 TC 1664 MS 1670 MP 1671 GU 1684 AS 1721 SX 1758 LC
      1767 DM 1784 VC 1868 TT 1869 KN')
) AS m (market, prefixes) CROSS JOIN LATERAL pg_catalog.regexp_matches(m.prefixes, '([0-9]+) ([A-Z]{2})', 'g') AS p (pair);

-- Meta's card of 1 October 2026 in US dollars. NULL is what the card prints n/a for.
INSERT INTO whatsapp_rates (currency, effective_date, market, category, rate, file_hash, built_in)
SELECT 'USD', '2026-10-01', m.market, c.category, c.rate, '94913fa225da00935cd50a69a317373302d90afd47b57eeabb5e7cd64e78d867', true FROM (VALUES
    ('Argentina', 0.0618, 0.0260, 0.0260, NULL, 0.0260),
    ('Bangladesh', 0.0732, 0.0037, 0.0037, 0.0960, 0.0037),
    ('Brazil', 0.0625, 0.0068, 0.0068, NULL, 0.0068),
    ('Chile', 0.0889, 0.0200, 0.0200, NULL, 0.0200),
    ('Colombia', 0.0125, 0.0008, 0.0008, NULL, 0.0008),
    ('Egypt', 0.0644, 0.0036, 0.0036, 0.0650, 0.0036),
    ('France', 0.0859, 0.0300, 0.0300, NULL, 0.0300),
    ('Germany', 0.1365, 0.0550, 0.0550, NULL, 0.0550),
    ('Hong Kong', 0.0732, 0.0260, 0.0260, NULL, 0.0260),
    ('Hungary', 0.0860, 0.0350, 0.0350, NULL, 0.0350),
    ('India', 0.0118, 0.0014, 0.0014, 0.0304, 0.0014),
    ('Indonesia', 0.0411, 0.0250, 0.0250, 0.1360, 0.0250),
    ('Iraq', 0.0341, 0.0079, 0.0079, 0.1280, 0.0079),
    ('Israel', 0.0353, 0.0053, 0.0053, NULL, 0.0053),
    ('Italy', 0.0795, 0.0300, 0.0300, NULL, 0.0300),
    ('Kazakhstan', 0.0604, 0.0180, 0.0180, 0.1600, 0.0180),
    ('Kuwait', 0.0792, 0.0440, 0.0440, 0.1200, 0.0440),
    ('Malaysia', 0.0860, 0.0140, 0.0140, 0.0418, 0.0140),
    ('Mexico', 0.0397, 0.0085, 0.0085, NULL, 0.0085),
    ('Morocco', 0.0414, 0.0230, 0.0230, 0.0811, 0.0230),
    ('Netherlands', 0.1597, 0.0500, 0.0500, NULL, 0.0500),
    ('Nepal', 0.0732, 0.0034, 0.0034, 0.1120, 0.0034),
    ('Nigeria', 0.0516, 0.0067, 0.0067, 0.0750, 0.0067),
    ('Oman', 0.0341, 0.0247, 0.0247, 0.0600, 0.0247),
    ('Pakistan', 0.0473, 0.0150, 0.0150, 0.0750, 0.0150),
    ('Peru', 0.0703, 0.0300, 0.0300, NULL, 0.0300),
    ('Poland', 0.0366, 0.0122, 0.0122, NULL, 0.0122),
    ('Qatar', 0.0341, 0.0120, 0.0120, NULL, 0.0120),
    ('Romania', 0.0860, 0.0290, 0.0290, NULL, 0.0290),
    ('Russia', 0.0802, 0.0400, 0.0400, NULL, 0.0400),
    ('Saudi Arabia', 0.0576, 0.0107, 0.0107, 0.0598, 0.0107),
    ('Singapore', 0.0732, 0.0160, 0.0160, NULL, 0.0160),
    ('South Africa', 0.0379, 0.0095, 0.0095, 0.0200, 0.0095),
    ('Spain', 0.0707, 0.0200, 0.0200, NULL, 0.0200),
    ('Sri Lanka', 0.0732, 0.0020, 0.0020, 0.1440, 0.0020),
    ('Turkey', 0.0109, 0.0009, 0.0009, NULL, 0.0009),
    ('Ukraine', 0.0860, 0.0298, 0.0298, 0.0746, 0.0298),
    ('United Arab Emirates', 0.0576, 0.0157, 0.0157, 0.0510, 0.0157),
    ('United Kingdom', 0.0635, 0.0220, 0.0220, NULL, 0.0220),
    ('North America', 0.0250, 0.0034, 0.0034, NULL, 0.0034),
    ('Rest of Africa', 0.0225, 0.0040, 0.0040, NULL, 0.0040),
    ('Rest of Asia Pacific', 0.0842, 0.0113, 0.0113, NULL, 0.0113),
    ('Rest of Central & Eastern Europe', 0.0860, 0.0212, 0.0212, NULL, 0.0212),
    ('Rest of Latin America', 0.0740, 0.0113, 0.0113, NULL, 0.0113),
    ('Rest of Middle East', 0.0392, 0.0091, 0.0091, NULL, 0.0091),
    ('Rest of Western Europe', 0.0592, 0.0171, 0.0171, NULL, 0.0171),
    ('Other', 0.0604, 0.0077, 0.0077, NULL, 0.0077)
) AS m (market, marketing, utility, authentication, authentication_international, service) CROSS JOIN LATERAL (VALUES
    ('marketing', m.marketing), ('utility', m.utility), ('authentication', m.authentication),
    ('authentication_international', m.authentication_international), ('service', m.service)) AS c (category, rate);

CREATE FUNCTION wa_rate_card(file bytea, currency text, OUT market text, OUT category text, OUT volume_from bigint, OUT rate numeric,
                             OUT file_row integer) RETURNS SETOF record
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_rate_card';

CREATE FUNCTION wa_rates_import(file bytea, currency text, effective_date date) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_rates_import';

CREATE FUNCTION wa_rates_import(file text, currency text, effective_date date) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT wa_rates_import(pg_catalog.convert_to(wa_rates_import.file, 'UTF8'), wa_rates_import.currency, wa_rates_import.effective_date);
END;

-- The longest prefix; of a user id its country, where Canada is the United States' market.
CREATE FUNCTION wa_market(phone text, OUT iso text, OUT market text, OUT reason text)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT m.iso, CASE WHEN NOT p.known THEN NULL WHEN m.prefix IS NULL THEN 'Other' ELSE m.market END,
           CASE WHEN NOT p.known THEN 'phone' WHEN m.prefix IS NOT NULL AND m.market IS NULL THEN 'ambiguous_market' END
    FROM (SELECT coalesce(wa_valid_e164(wa_market.phone) OR wa_market.phone ~ '^[A-Z]{2}[.].', false) AS known,
                 pg_catalog.substr(wa_market.phone, 2, 7) AS digits,
                 CASE WHEN wa_market.phone ~ '^[A-Z]{2}[.]' THEN pg_catalog.replace(pg_catalog.left(wa_market.phone, 2), 'CA', 'US') END AS country) AS p
    LEFT JOIN LATERAL (SELECT k.prefix, k.iso, k.market FROM whatsapp_markets AS k
                       WHERE CASE WHEN p.country IS NULL THEN pg_catalog.starts_with(p.digits, k.prefix) ELSE k.iso = p.country END
                       ORDER BY pg_catalog.length(k.prefix) DESC, k.built_in LIMIT 1) AS m ON p.known;
END;

COMMENT ON TABLE whatsapp_markets IS 'Markets of rate cards by the beginning of a phone number: the longest prefix counts, and what has none is market Other.';
COMMENT ON COLUMN whatsapp_markets.prefix IS 'First digits of the phone number, without +.';
COMMENT ON COLUMN whatsapp_markets.iso IS 'Country, ISO 3166; by it the market of a user id is found.';
COMMENT ON COLUMN whatsapp_markets.market IS 'As rate cards name it; NULL when Meta does not say which it is.';
COMMENT ON COLUMN whatsapp_markets.built_in IS 'True for rows that came with the extension.';
COMMENT ON TABLE whatsapp_rates IS 'Rate cards, one row per price. The card of a day is the last one of its currency that begins on this day or before.';
COMMENT ON COLUMN whatsapp_rates.currency IS 'ISO 4217. Each currency has cards of its own; nothing is converted.';
COMMENT ON COLUMN whatsapp_rates.effective_date IS 'First day on which the card holds, in the time zone of the business account.';
COMMENT ON COLUMN whatsapp_rates.market IS 'As the card names it.';
COMMENT ON COLUMN whatsapp_rates.category IS 'marketing, utility, authentication, authentication_international or service.';
COMMENT ON COLUMN whatsapp_rates.volume_from IS 'The rate holds from this message of a month on, of one market and category; 1 is the list rate.';
COMMENT ON COLUMN whatsapp_rates.rate IS 'Price of one message; NULL when the card prints none (n/a), which is not 0.';
COMMENT ON COLUMN whatsapp_rates.file_hash IS 'SHA-256 of the file that it was read from.';
COMMENT ON COLUMN whatsapp_rates.file_row IS 'Line of that file; NULL where nobody noted it.';
COMMENT ON COLUMN whatsapp_rates.imported_at IS 'When the row was made.';
COMMENT ON COLUMN whatsapp_rates.built_in IS 'True for rows that came with the extension.';
COMMENT ON FUNCTION wa_rate_card(bytea, text) IS
    'Reads a rate card of Meta''s (CSV, or XLSX whatever its name says) without importing it. Raises 22023 with the line of what cannot be read.';
COMMENT ON FUNCTION wa_rates_import(bytea, text, date) IS
    'Adds a rate card of Meta''s (CSV or XLSX, unchanged) to whatsapp_rates and returns how many rows are new; 0 when all of it is there already. Raises 23P01 when a card of that currency and date has another rate for the same, 22023 with the line of what cannot be read and for what is no currency code, 22004 for NULL, 22008 for an infinite date.';
COMMENT ON FUNCTION wa_rates_import(text, text, date) IS
    'Adds a rate card of Meta''s that is text already to whatsapp_rates, as the form for bytea does.';
COMMENT ON FUNCTION wa_market(text) IS
    'Country and market of a phone number or user id, by whatsapp_markets; else why there is none: phone when it is neither, ambiguous_market when Meta does not say. Never raises.';

REVOKE ALL ON FUNCTION wa_rates_import(bytea, text, date) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_rates_import(text, text, date) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_market(text) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_markets', 'WHERE NOT built_in');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_rates', 'WHERE NOT built_in');

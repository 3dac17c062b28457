-- errors: wa_explain() and the table behind it: what each error code of the Cloud API means, and what to do.
SET client_min_messages = error;
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

-- the rows of the quick reference's troubleshooting: token, template, phone
\x on
SELECT * FROM wa_explain(190);
SELECT * FROM wa_explain(132001);
SELECT * FROM wa_explain(131026);
-- a limit, a pause of the whole account, and a fault of the platform's
SELECT * FROM wa_explain(130429);
SELECT * FROM wa_explain(131056);
SELECT * FROM wa_explain(131042);
-- a code of a range that has one row
SELECT code, reaction FROM wa_explain(250);
SELECT * FROM wa_explain(131000);
\x off

-- from SQL's other numbers, too; no row for what is not known, nor for NULL
SELECT code, reaction FROM wa_explain(190::smallint);
SELECT code, reaction FROM wa_explain(132001::integer);
SELECT n, e.code, e.reaction FROM (VALUES (0), (131026), (424242), (-1), (NULL)) AS c (n) LEFT JOIN LATERAL wa_explain(n) AS e ON true ORDER BY n NULLS LAST;
SELECT count(*) AS rows FROM wa_explain(9223372036854775807);

-- codes of the Graph API itself: what concerns the app or the address is no fault of a message, and limits are waited for
SELECT code, reaction FROM unnest('{5,12,17,101,104,613,2500,2635,80004}'::bigint[]) AS n, LATERAL wa_explain(n) ORDER BY code;

-- by reaction
SELECT reaction, count(*) FROM wa_error_codes() GROUP BY reaction ORDER BY reaction COLLATE "C";
SELECT reaction, string_agg(code::text, ' ' ORDER BY code) AS codes FROM wa_error_codes()
WHERE reaction IN ('retry', 'throttle', 'account') GROUP BY reaction ORDER BY reaction COLLATE "C";

-- every code once, and each with a sentence that says what it means and one that says what to do
SELECT count(*) = count(DISTINCT code) AS each_once, count(*) FILTER (WHERE meaning IS NULL OR hint IS NULL) AS incomplete FROM wa_error_codes();
SELECT code, meaning, hint FROM wa_error_codes()
WHERE meaning !~ '^[A-Z].*[.]$' OR hint !~ '^[A-Z].*[.]$' OR meaning ~ '\n|  ' OR hint ~ '\n|  ';
SELECT count(*) AS differences FROM wa_error_codes() AS e LEFT JOIN LATERAL wa_explain(e.code) AS x ON true
WHERE x IS DISTINCT FROM ROW(e.code, e.reaction, e.meaning, e.hint);

-- no code that a purchase order can meet is missing
SELECT string_agg(code::text, ' ' ORDER BY code) AS missing
FROM unnest('{0,1,2,3,4,10,100,190,200,368,80007,130429,130472,130497,131000,131005,131008,131009,131016,131021,131026,131030,131031,131037,131042,131045,
              131047,131048,131049,131050,131051,131052,131053,131056,131057,132000,132001,132005,132007,132012,132015,132016,133010,135000}'::bigint[]) AS code
WHERE NOT EXISTS (SELECT FROM wa_explain(code));

-- the same as a view
SELECT count(*) = (SELECT count(*) FROM wa_error_codes()) AS all_of_them, count(*) FILTER (WHERE meaning <> '' AND hint <> '') = count(*) AS with_words FROM whatsapp_error_codes;
SELECT reaction FROM whatsapp_error_codes WHERE code = 131056;

-- the server may look up a code while it plans
SELECT p.oid::regprocedure AS function, provolatile AS volatility, proisstrict AS strict, proparallel AS parallel, proretset AS set
FROM pg_proc AS p WHERE proname IN ('wa_explain', 'wa_error_codes') ORDER BY proname COLLATE "C";

DROP EXTENSION pg_whatsapp;

/* What there is and what it is for, narrow enough for a terminal: psql's \df is as wide as the longest list of arguments. */

-- The catalog's comments are the only list.
CREATE FUNCTION wa_help(about text DEFAULT NULL) RETURNS TABLE (kind text, name text, purpose text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100 SET search_path = pg_catalog, pg_temp
AS $$
WITH own AS MATERIALIZED (
    SELECT d.classid, d.objid FROM pg_depend AS d JOIN pg_extension AS x ON x.oid = d.refobjid AND x.extname = 'pg_whatsapp'
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'),
things AS MATERIALIZED (
    SELECT 1 AS place, CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END AS kind, p.proname::text AS name, p.oid AS object, obj_description(p.oid, 'pg_proc') AS comment
    FROM own AS o JOIN pg_proc AS p ON p.oid = o.objid WHERE o.classid = 'pg_proc'::regclass AND starts_with(p.proname::text, 'wa_')
    UNION ALL
    SELECT CASE c.relkind WHEN 'v' THEN 2 ELSE 3 END, CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END, c.relname::text, c.oid, obj_description(c.oid, 'pg_class')
    FROM own AS o JOIN pg_class AS c ON c.oid = o.objid WHERE o.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'v')),
one AS MATERIALIZED (SELECT t.* FROM things AS t WHERE t.name = lower(rtrim($1, '()') COLLATE "C")),
-- the first sentence of each that fits
listed AS (
    SELECT DISTINCT ON (t.place, t.name) t.place, t.kind, t.name, coalesce(substring(t.comment FROM '^(.*?[.])(?:\s|$)'), t.comment) AS sentence
    FROM things AS t
    WHERE NOT EXISTS (SELECT FROM one)
      AND ($1 IS NULL OR strpos(lower(concat_ws(' ', t.name, t.comment) COLLATE "C"), lower($1 COLLATE "C")) > 0 OR t.name LIKE replace(replace($1, '_', '\_'), '*', '%'))
    ORDER BY t.place, t.name, t.object),
-- all of the one that was named
told (place, object, line, kind, name, text) AS (
    SELECT o.place, o.object, 0, o.kind, o.name, o.comment FROM one AS o
    UNION ALL
    SELECT o.place, o.object, a.n, '', '  ' || a.name,
           CASE WHEN a.mode IN ('o', 't') THEN 'returned: ' ELSE '' END || format_type(a.type, NULL)
           || coalesce(', by default ' || regexp_replace(pg_get_function_arg_default(o.object, a.n::integer), '::[a-z ]+(\[\])?$', ''), '')
    FROM one AS o JOIN pg_proc AS p ON o.place = 1 AND p.oid = o.object
    CROSS JOIN LATERAL unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]), p.proargnames, p.proargmodes) WITH ORDINALITY AS a (type, name, mode, n)
    UNION ALL
    SELECT o.place, o.object, 10000, '', '  returns', concat(CASE WHEN p.proretset THEN 'rows of ' END, format_type(p.prorettype, NULL))
    FROM one AS o JOIN pg_proc AS p ON o.place = 1 AND p.oid = o.object AND p.prokind = 'f'
    WHERE NOT coalesce(p.proargmodes, '{}') && ARRAY['o', 't']::"char"[]
    UNION ALL
    SELECT o.place, o.object, a.attnum, '', '  ' || a.attname, concat_ws(': ', format_type(a.atttypid, a.atttypmod), col_description(o.object, a.attnum))
    FROM one AS o JOIN pg_attribute AS a ON o.place > 1 AND a.attrelid = o.object AND a.attnum > 0 AND NOT a.attisdropped)
SELECT s.kind, s.name, s.purpose
FROM (SELECT l.place, l.name AS key, 0::oid AS object, 0 AS line, 1 AS part, l.kind, l.name,
             CASE WHEN length(l.sentence) <= 70 THEN l.sentence ELSE regexp_replace(left(l.sentence, 69), '\s+\S*$', '') || '…' END AS purpose
      FROM listed AS l
      UNION ALL
      SELECT t.place, '', t.object, t.line, w.part, CASE w.part WHEN 1 THEN t.kind ELSE '' END, CASE w.part WHEN 1 THEN t.name ELSE '' END, w.words[1]
      FROM told AS t CROSS JOIN LATERAL regexp_matches(t.text, '\S(?:.{0,68}\S)?(?=\s|$)|\S{70}', 'g') WITH ORDINALITY AS w (words, part)) AS s
ORDER BY s.place, s.key, s.object, s.line, s.part
$$;

COMMENT ON FUNCTION wa_help(text) IS
    'What there is: a line for each function, procedure, view and table, with what it is for. about is a part of a name or of what is said of it, or a name with * in it; the whole name of one shows all that is said of it, and its arguments or columns.';

/* Office hours: the next time at which a message may leave. */

-- The hours of some days around the moment, but for those that are over by then.
CREATE FUNCTION whatsapp_send_windows(moment timestamptz, hours text, time_zone text) RETURNS TABLE (opens timestamptz, closes timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT o.opens, o.closes
    FROM (SELECT coalesce(time_zone, pg_catalog.current_setting('TimeZone')) AS name) AS z
    CROSS JOIN pg_catalog.regexp_matches(pg_catalog.lower(hours COLLATE "C") COLLATE "default", '(\w{3})(?:-(\w{3}))?\s+(\d\d:\d\d)-(\d\d:\d\d)', 'g') AS m (part)
    CROSS JOIN pg_catalog.generate_series(-1, 8) AS n (days)
    CROSS JOIN LATERAL (SELECT (moment AT TIME ZONE z.name)::date + n.days AS day, m.part[3]::time AS first, m.part[4]::time AS last,
        pg_catalog.array_position('{mon,tue,wed,thu,fri,sat,sun}'::text[], m.part[1]) AS from_day,
        pg_catalog.array_position('{mon,tue,wed,thu,fri,sat,sun}'::text[], coalesce(m.part[2], m.part[1])) AS to_day) AS w
    -- what ends before it begins ends the next day
    CROSS JOIN LATERAL (SELECT (w.day + w.first) AT TIME ZONE z.name AS opens,
        (w.day + CASE WHEN w.last <= w.first THEN 1 ELSE 0 END + w.last) AT TIME ZONE z.name AS closes,
        pg_catalog.date_part('isodow', w.day) AS weekday) AS o
    WHERE o.closes > moment AND o.closes > o.opens
          AND CASE WHEN w.from_day <= w.to_day THEN o.weekday BETWEEN w.from_day AND w.to_day
              ELSE o.weekday >= w.from_day OR o.weekday <= w.to_day END;
END;

CREATE FUNCTION wa_send_window(moment timestamptz, hours text, time_zone text DEFAULT NULL) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN hours !~* '^\s*((mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?\s+\d\d:\d\d-\d\d:\d\d\s*(,\s*|$))+$'
        -- there is no other way to raise an error in SQL
        THEN pg_catalog.concat('hours "', hours, '" are not like Mon-Fri 09:00-18:00, Sat 10:00-14:00')::timestamptz
        ELSE (
            SELECT pg_catalog.min(greatest(moment, w.opens)) FROM whatsapp_send_windows(moment, hours, time_zone) AS w)
        END;
END;

-- In a country with several time zones: when it is within the hours in all of them, or else in the first.
CREATE FUNCTION wa_phone_send_window(moment timestamptz, hours text, phone text) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(CASE WHEN pg_catalog.cardinality(z.zones) > 1 THEN (
            SELECT pg_catalog.min(greatest(moment, pg_catalog.lower(r.open)))
            FROM pg_catalog.unnest((
                SELECT pg_catalog.range_intersect_agg(o.open)
                FROM (
                    SELECT pg_catalog.range_agg(pg_catalog.tstzrange(w.opens, w.closes)) AS open
                    FROM pg_catalog.unnest(z.zones) AS n (zone) CROSS JOIN LATERAL whatsapp_send_windows(moment, hours, n.zone) AS w
                    GROUP BY n.zone) AS o)) AS r (open)
            WHERE pg_catalog.upper(r.open) > moment) END,
        wa_send_window(moment, hours, z.zones[1]))
    FROM (SELECT wa_phone_time_zones(phone) AS zones) AS z;
END;

COMMENT ON FUNCTION wa_phone_send_window(timestamptz, text, text) IS
    'As wa_send_window(), in the time zone of the country that the phone number is from. Where that has several: when it is within the hours in all of them, and if it never is, in the one of most people. See wa_phone_time_zones().';
COMMENT ON FUNCTION wa_send_window(timestamptz, text, text) IS
    'The first time not before moment that is within the hours, such as Mon-Fri 09:00-18:00, Sat 10:00-14:00, in the time zone (NULL: that of the session). Hours that end before they begin end the next day. For send_at, of wa_watch() and of the sending functions. Raises 22007 for hours that it cannot read, 22023 for an unknown time zone.';
COMMENT ON FUNCTION whatsapp_send_windows(timestamptz, text, text) IS
    'When the hours of wa_send_window() begin and end, from the moment on. For wa_send_window() and campaigns.';

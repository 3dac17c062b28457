/*
 * wamids.hpp — messages by their wamid: for a webhook that does not bring our own id back.
 *
 * A hash scatters: every new wamid would dirty a page of its own of an index that grows forever,
 * and log the whole page after each checkpoint. So the index leads with a generation, which is that
 * of the newest messages when the wamid was learnt, and new entries share few pages. Who looks for
 * a wamid asks every generation; that is rare, and costs a microsecond each.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* 262,144 messages are a generation; in SQL as a number. */
inline constexpr int generation_bits = 18;

/* SQL: the newest one. The sequence is found by its column, for its owner may
 * have given it another name. */
#define NEWEST_GENERATION                                                                         \
	"(SELECT coalesce(pg_catalog.pg_sequence_last_value("                                         \
	"pg_catalog.pg_get_serial_sequence(@t@ || '.whatsapp_messages', 'id')::pg_catalog.regclass)," \
	" (SELECT max(n.id) FROM @s@.whatsapp_messages AS n), 0) >> 18)::integer"
/* Those from the oldest that is asked for to the newest. */
#define GENERATIONS_FROM(oldest) \
	"ARRAY(SELECT generate_series(greatest(0, " oldest "), " NEWEST_GENERATION "))"

/* SQL: the id of the message with that wamid, or NULL. A scalar, since a join could begin with all
 * of a generation. */
#define MESSAGE_OF_WAMID(wamid, oldest)                                                                    \
	"(SELECT min(w.message_id) FROM @s@.whatsapp_wamids AS w WHERE w.generation = ANY (" GENERATIONS_FROM( \
	    oldest) ") AND w.hash = hashtextextended(" wamid ", 0)"                                            \
	            " AND (SELECT m.wamid FROM @s@.whatsapp_messages AS m WHERE m.id = w.message_id) = " wamid \
	            ")"

/* SQL: whether that wamid is known of that message, also as one of an older attempt. Generations
 * before that of the message need no look. */
#define WAMID_IS_REMEMBERED(wamid, message_id_)                                                 \
	"EXISTS (SELECT FROM @s@.whatsapp_wamids AS w WHERE w.generation = ANY (" GENERATIONS_FROM( \
	    message_id_ " >> 18") ")"                                                               \
	                          " AND w.hash = hashtextextended(" wamid                           \
	                          ", 0) AND w.message_id = " message_id_ ")"

/* In a transaction, with SPI connected. */
std::int32_t newest_generation();

} // namespace whatsapp::pg

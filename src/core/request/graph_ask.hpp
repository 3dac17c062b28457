/*
 * graph_ask.hpp — one call of the Graph API that is no message, as a kind of request wants it; the
 * address of the API and the token are added by the clerk, which makes the call
 * (entry/graph/request.hpp).
 */
#pragma once

#include <string>
#include <string_view>

namespace whatsapp
{

enum class GraphMethod : unsigned char { get, post, del /* DELETE */ };

/* Whose node of the graph: Meta's id of the business account, of the number, or object_id. */
enum class GraphNode : unsigned char { account, number, object };

/* METHOD /version/node/edge?query */
struct GraphAsk {
	GraphMethod method = GraphMethod::get;
	GraphNode node = GraphNode::account;
	std::string object_id;
	std::string edge;             /* empty: the node itself */
	std::string query;            /* encoded, without its question mark */
	std::string body;             /* of a POST */
	std::string content_type;     /* of the body; empty: JSON */
	std::string url;              /* not empty: this address, and no node */
	bool takes_file = false;      /* the answer is a file and no JSON */
	bool is_upload = false;       /* the node is an upload that takes the body from its beginning */
	bool names_own_token = false; /* its token is asked about, too: input_token in the query */
};

/* &name=value behind what is there; the value is encoded. */
void append_query(std::string &query, std::string_view name, std::string_view value);

} // namespace whatsapp

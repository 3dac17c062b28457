/*
 * acceptance.cpp — {"messaging_product": …, "contacts": [{"input": …, "wa_id": …, "user_id": …}],
 * "messages": [{"id": "wamid.…", "message_status": …}]}
 */
#include "core/answer/acceptance.hpp"

#include <cstddef>

#include "core/base/json_tree.hpp"

#include "core/base/json_bounded.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

/* Depth 1 is the answer, 2 a list of it, 3 an element. */
class AcceptanceHandler final : public nlohmann::json_sax<json>
{
public:
	explicit AcceptanceHandler(Acceptance &acceptance) : acceptance_(acceptance) {}

	bool
	null() override
	{
		return true;
	}
	bool
	boolean(bool) override
	{
		return true;
	}
	bool
	number_integer(number_integer_t) override
	{
		return true;
	}
	bool
	number_unsigned(number_unsigned_t) override
	{
		return true;
	}
	bool
	number_float(number_float_t, const string_t &) override
	{
		return true;
	}
	bool
	string(string_t &text) override
	{
		if (depth_ != 3 || field_ == nullptr)
			return true;
		/* NUL does not go into the database, and a long one not into an index */
		if (text.size() > max_stored_id_bytes || text.find('\0') != std::string::npos)
			return false;
		field_->swap(text);
		return true;
	}
	bool
	binary(binary_t &) override
	{
		return false;
	}
	bool
	start_object(std::size_t) override
	{
		if (depth_ == 2)
			element_++;
		return open_container();
	}
	bool
	key(string_t &name) override
	{
		if (depth_ == 1)
			list_ = name == "messages" ? List::messages
			                           : (name == "contacts" ? List::contacts : List::other);
		field_ = depth_ == 3 && element_ == 1 ? field(name) : nullptr;
		return true;
	}
	bool
	end_object() override
	{
		depth_--;
		return true;
	}
	bool
	start_array(std::size_t) override
	{
		element_ = depth_ == 1 ? 0 : element_;
		return open_container();
	}
	bool
	end_array() override
	{
		depth_--;
		return true;
	}
	bool
	parse_error(std::size_t, const std::string &, const nlohmann::detail::exception &) override
	{
		return false;
	}

private:
	enum class List : unsigned char { other, messages, contacts };

	bool
	open_container()
	{
		return ++depth_ <= max_json_depth;
	}
	std::string *
	field(const string_t &name) const
	{
		if (list_ == List::messages)
			return name == "id"
			           ? &acceptance_.wamid
			           : (name == "message_status" ? &acceptance_.message_status : nullptr);
		if (list_ == List::contacts)
			return name == "wa_id" ? &acceptance_.wa_id
			                       : (name == "user_id" ? &acceptance_.user_id : nullptr);
		return nullptr;
	}

	Acceptance &acceptance_;
	std::size_t depth_ = 0;
	int element_ = 0; /* which element of the list it is in, from 1 */
	List list_ = List::other;
	std::string *field_ = nullptr;
};

} // namespace

bool
read_acceptance(std::string_view body, Acceptance &acceptance)
{
	AcceptanceHandler handler(acceptance);
	return json::sax_parse(body, &handler) && !acceptance.wamid.empty();
}

} // namespace whatsapp

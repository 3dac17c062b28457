/*
 * json_tree.hpp — nlohmann's JSON with a destructor that needs no memory.
 *
 * To free a tree without recursion, the library moves what is in it to a std::vector, in a
 * destructor: where memory fails, that would end the process, and with it every session of the
 * server. So std::allocator<json>, which that vector and nothing else uses, has a reserve. The
 * trees use JsonAllocator.
 */
#pragma once

#include "core/base/json_tree_fwd.hpp"

#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <utility>

namespace whatsapp
{

/* Does what std::allocator does, and leaves that one to the vector of the destructor. */
template <class Value> struct JsonAllocator {
	using value_type = Value;

	JsonAllocator() noexcept = default;
	template <class Other> JsonAllocator(const JsonAllocator<Other> &) noexcept {}

	Value *
	allocate(std::size_t count)
	{
		if (count > std::numeric_limits<std::size_t>::max() / sizeof(Value))
			throw std::bad_array_new_length();
		return static_cast<Value *>(::operator new(count * sizeof(Value)));
	}
	void
	deallocate(Value *values, std::size_t) noexcept
	{
		::operator delete(values);
	}
	template <class Other>
	bool
	operator==(const JsonAllocator<Other> &) const noexcept
	{
		return true;
	}
	template <class Other>
	bool
	operator!=(const JsonAllocator<Other> &) const noexcept
	{
		return false;
	}
};

/*
 * To be called before a tree of that many values is parsed: makes sure that the reserve is large
 * enough to free it. Throws std::bad_alloc. A tree that is built by hand needs no call, as long as
 * it has fewer than 2,700 values.
 */
void reserve_json_room(std::size_t values);

/* Memory, or a part of the reserve; throws std::bad_alloc when there is none of either. */
void *take_json_room(std::size_t bytes);
void give_back_json_room(void *room) noexcept;

} // namespace whatsapp

/* For the vector that a tree's destructor makes. */
template <> class std::allocator<whatsapp::json>
{
public:
	using value_type = whatsapp::json;
	using size_type = std::size_t;
	using difference_type = std::ptrdiff_t;
	using propagate_on_container_move_assignment = std::true_type;
	using is_always_equal = std::true_type;

	allocator() noexcept = default;
	template <class Other> allocator(const std::allocator<Other> &) noexcept {}

	whatsapp::json *allocate(std::size_t count);
	void
	deallocate(whatsapp::json *values, std::size_t) noexcept
	{
		whatsapp::give_back_json_room(values);
	}
	template <class Value, class... Arguments>
	void
	construct(Value *place, Arguments &&...arguments)
	{
		::new (static_cast<void *>(place)) Value(std::forward<Arguments>(arguments)...);
	}
	template <class Value>
	void
	destroy(Value *value)
	{
		value->~Value();
	}
	std::size_t
	max_size() const noexcept
	{
		return std::numeric_limits<std::ptrdiff_t>::max() / 64;
	}
	friend bool
	operator==(const allocator &, const allocator &) noexcept
	{
		return true;
	}
	friend bool
	operator!=(const allocator &, const allocator &) noexcept
	{
		return false;
	}
};

#include <nlohmann/json.hpp>

inline whatsapp::json *
std::allocator<whatsapp::json>::allocate(std::size_t count)
{
	return static_cast<whatsapp::json *>(whatsapp::take_json_room(count * sizeof(whatsapp::json)));
}
